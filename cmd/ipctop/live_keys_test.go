package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// tmuxKeys are keys that have another name in tmux.
var tmuxKeys = map[string]string{
	"PgUp": "PageUp", "PgDn": "PageDown", "Shift-Tab": "BTab", "Esc": "Escape", "Backspace": "BSpace", " ": "Space", "Del": "DC", "Ctrl-L": "C-l",
}

// boundKeys are the keys of the live view's key table, except those that end or stop it.
func boundKeys(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../../render/live/bindings.go")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, list := range regexp.MustCompile(`\{\[\]string\{((?:"(?:[^"\\]|\\.)*"(?:, )?)+)\}`).FindAllStringSubmatch(string(source), -1) {
		for _, quoted := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindAllString(list[1], -1) {
			key, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains([]string{"q", "F10", "Ctrl-C", "Ctrl-Z"}, key) {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) < 50 {
		t.Fatalf("only %d keys were found", len(keys))
	}
	return keys
}

// tmuxKey is the name of a key in tmux.
func tmuxKey(key string) string {
	if name := tmuxKeys[key]; name != "" {
		return name
	}
	return key
}

// Press every key on every screen in a real terminal; the first screen has a finding.
// ipctop must not end, must return to the screen, and must not say on the finding that
// nothing is selected. Other tests check without a terminal what each key does.
func TestLiveEveryKey(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := model.Encode(&b, modeltest.Rich()); err != nil {
		t.Fatal(err)
	}
	dump := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(dump, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := boundKeys(t)
	m := newTerminal(t, "80", "24")
	m.run("cd " + t.TempDir() + " && " + exe + " --from " + dump)
	m.waitFor("[1 Overview]")
	back := func(number string) string {
		shown := ""
		m.wait("screen "+number, func() bool {
			m.keys("Escape")
			time.Sleep(60 * time.Millisecond) // a key directly after Esc would be taken for Alt with that key
			m.keys(number)
			time.Sleep(20 * time.Millisecond)
			shown = m.screen()
			return strings.Contains(shown, "["+number+" ")
		})
		return shown
	}
	for _, key := range keys {
		m.keys(tmuxKey(key))
		time.Sleep(20 * time.Millisecond) // may not be enough: then the test of the model must notice
		if shown := m.screen(); strings.Contains(shown, "No process is selected") || strings.Contains(shown, "Nothing is selected") {
			t.Errorf("%s on a finding:\n%s", key, shown)
		}
		back("1")
	}
	for screen := 2; screen <= 8; screen++ {
		number := strconv.Itoa(screen)
		back(number)
		var all []string
		for _, key := range keys {
			all = append(all, tmuxKey(key), "BSpace", "BSpace")
		}
		m.keys(all...)
		if shown := back(number); strings.Contains(shown, "panic") {
			t.Errorf("screen %s:\n%s", number, shown)
		}
	}
	m.keys("q")
	m.wait("the shell", func() bool { return m.format("#{alternate_on}") == "0" })
	if shown := m.screen(); strings.Contains(shown, "panic") || !strings.Contains(shown, "ready$") {
		t.Errorf("after all keys:\n%s", shown)
	}
}
