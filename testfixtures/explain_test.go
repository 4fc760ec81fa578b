package testfixtures

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`\{[a-z]*\d*\}`)

// TestEveryFixtureIsExplained finds fixtures without an explanation for learners, including
// those that cannot be made here.
func TestEveryFixtureIsExplained(t *testing.T) {
	known := map[string]bool{"{object}": true, "{id}": true, "{path}": true}
	for n := range 9 {
		known["{"+string(rune('1'+n))+"}"] = true
	}
	for _, f := range All() {
		e := f.explain
		if e.picture == "" || len(e.calls) == 0 || len(e.proc) == 0 {
			t.Errorf("%s: its explanation lacks the picture, the calls or the files: %+v", f.Name, e)
		}
		text := []string{e.picture}
		text = append(append(text, e.calls...), e.next...)
		for _, p := range e.proc {
			text = append(text, p.path, p.shows)
			if !strings.HasPrefix(p.path, "/proc/") {
				t.Errorf("%s: %s is not below /proc", f.Name, p.path)
			}
		}
		for _, word := range placeholder.FindAllString(strings.Join(text, "\n"), -1) {
			if !known[word] {
				t.Errorf("%s: nothing takes the place of %s", f.Name, word)
			}
		}
	}
}

// checkExplained compares what a fixture says about files below /proc with these files.
func checkExplained(t *testing.T, inst *Instance) {
	t.Helper()
	e, err := inst.Explain()
	if err != nil {
		t.Fatal(err)
	}
	text := append([]string{e.Picture}, append(e.Calls, e.Next...)...)
	for _, p := range e.Proc {
		text = append(text, p.Path, p.Shows)
		got, err := readProc(p.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(p.Path, "/syscall"):
			t.Logf("%v: this kernel does not say", err)
		case err != nil:
			t.Error(err)
		case !strings.Contains(strings.Join(strings.Fields(got), " "), p.Shows):
			t.Errorf("%s has no %q, but %.300q", p.Path, p.Shows, got)
		}
	}
	for _, s := range text {
		if word := placeholder.FindString(s); word != "" {
			t.Errorf("%s is left in %q", word, s)
		}
	}
}

// readProc is the target of a link, the names in a directory, or the text of a file.
func readProc(path string) (string, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		return os.Readlink(path)
	case st.IsDir():
		list, err := os.ReadDir(path)
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
		}
		return strings.Join(names, " "), err
	}
	text, err := os.ReadFile(path)
	// The arguments of a command line end in NUL.
	return strings.ReplaceAll(string(text), "\x00", " "), err
}
