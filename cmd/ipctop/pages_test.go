package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// pages are the documents whose printed commands are run: in blocks of the language console
// the lines that begin with "$ ", and with "> " where a command continues. The lines below
// a command are its output. A heading of this level or above starts a new shell. A comment
// "needs: PROGRAM …" names what must be installed.
var pages = []struct {
	file  string
	level int
}{
	{"README.md", 3},
	{"docs/tutorial.md", 1},
	{"docs/cookbook.md", 2},
	{"docs/learn.md", 2},
}

var (
	headline = regexp.MustCompile(`^(#+) (.*)`)
	needs    = regexp.MustCompile(`<!-- needs: (.*) -->`)
)

// printed is a command of a page with its output there. In the text, they are the lines from to to.
type printed struct {
	command  string
	output   string
	from, to int
}

// part is a part of a page that has its own shell.
type part struct {
	title    string
	needs    []string
	commands []*printed

	skipped string
	err     error
	changed bool // with -update
}

// parsePage splits a page into parts. The lines of a command go from the first "$ " to the
// end of its output.
func parsePage(lines []string, level int) ([]*part, error) {
	p := &part{}
	parts := []*part{p}
	fenced, console := false, false
	for n, line := range lines {
		if mark, ok := strings.CutPrefix(line, "```"); ok {
			fenced = !fenced
			console = fenced && mark == "console"
			continue
		}
		if m := headline.FindStringSubmatch(line); m != nil && !fenced && len(m[1]) <= level {
			p = &part{title: m[2]}
			parts = append(parts, p)
		}
		if m := needs.FindStringSubmatch(line); m != nil {
			p.needs = append(p.needs, strings.Fields(m[1])...)
		}
		if !console {
			continue
		}
		last := len(p.commands) - 1
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			p.commands = append(p.commands, &printed{command: text, from: n, to: n + 1})
			continue
		}
		if last < 0 || p.commands[last].to != n {
			return nil, fmt.Errorf("line %d: a block begins with %q, not with a command", n+1, line)
		}
		c := p.commands[last]
		c.to = n + 1
		if text, ok := strings.CutPrefix(line, "> "); ok && c.output == "" {
			c.command += "\n" + text
			continue
		}
		c.output += line + "\n"
	}
	return parts, nil
}

// TestPagesAsPrinted runs the printed commands of README, tutorial, cookbook and course,
// and compares their output. With -update the page gets the new output; commands whose
// output differs only in numbers stay as they are.
func TestPagesAsPrinted(t *testing.T) {
	needSession(t)
	var work sync.WaitGroup
	places := make(chan bool, 6) // they mostly wait, so several may run at a time
	type page struct {
		lines []string
		parts []*part
	}
	var all []page
	for _, p := range pages {
		text, err := os.ReadFile("../../" + p.file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		parts, err := parsePage(lines, p.level)
		if err != nil {
			t.Fatalf("%s: %v", p.file, err)
		}
		all = append(all, page{lines, parts})
		for i, part := range parts {
			if len(part.commands) == 0 {
				continue
			}
			dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			work.Go(func() {
				places <- true
				defer func() { <-places }()
				// Output in the order of inodes may come in another order.
				for n := 0; n == 0 || part.err != nil && n < 3; n++ {
					part.err = part.run(dir)
				}
			})
		}
	}
	work.Wait()
	for i, p := range pages {
		t.Run(filepath.Base(p.file), func(t *testing.T) {
			changed := false
			for _, part := range all[i].parts {
				changed = changed || part.changed
				if len(part.commands) > 0 {
					t.Run(part.title, func(t *testing.T) {
						if part.skipped != "" {
							t.Skip(part.skipped)
						}
						if part.err != nil {
							t.Error(part.err)
						}
					})
				}
			}
			if changed {
				writePage(t, "../../"+p.file, all[i].lines, all[i].parts)
			}
		})
	}
}

// run runs the commands in a shell.
func (p *part) run(dir string) error {
	if program := notInstalled(p.needs); program != "" {
		p.skipped = program + " is not installed"
		return nil
	}
	s, err := startSession(dir)
	if err != nil {
		return err
	}
	defer s.end()
	p.changed = false
	page, here := newNames(), newNames()
	var now []printed
	for _, c := range p.commands {
		want := page.normal(c.output)
		command := page.translate(c.command, here)
		got, err := s.try(command, want, here)
		if err != nil {
			return fmt.Errorf("$ %s\n%w", c.command, err)
		}
		is := here.normal(got)
		if strings.Contains(want, "…\n") && fits(want, is) {
			got = page.translate(c.output, here) // including the lines that it omits
		}
		now = append(now, printed{command: command, output: got})
		if !fits(want, is) {
			if !*update {
				return fmt.Errorf("$ %s\nprints\n%s\nwhich is\n%s\nnot\n%s\nIf that is meant: make pages", command, got, is, want)
			}
			p.changed = true
		}
	}
	for i, c := range p.commands { // all commands: their numbers belong together
		if p.changed {
			c.command, c.output = now[i].command, now[i].output
		}
	}
	return nil
}

// try runs a command and returns its output as soon as it is the expected one.
func (s *session) try(command, want string, here *names) (string, error) {
	patience := 15 * time.Second
	if *update {
		patience = 5 * time.Second
	}
	n, err := s.start(command)
	for deadline := time.Now().Add(patience); ; {
		if err != nil {
			return "", err
		}
		got, err := s.output(n)
		background := strings.HasSuffix(command, "&")
		switch {
		case err != nil, time.Now().After(deadline), !background && !again(command):
			return got, err
		case background && want == "" && *update: // whether it will print something is not known
			if !strings.Contains(command, "ipctop fixtures") {
				deadline = time.Now().Add(min(time.Second, time.Until(deadline)))
			}
			want = "…\nCtrl-C"
		case fits(want, here.clone().normal(got)), *update && strings.Contains(got, "Ctrl-C"):
			return got, nil
		}
		time.Sleep(200 * time.Millisecond)
		if !background {
			n, err = s.start(command)
		}
		if err != nil {
			return "", err
		}
	}
}

// writePage puts the new output into a page.
func writePage(t *testing.T, file string, lines []string, parts []*part) {
	t.Helper()
	var b bytes.Buffer
	next := 0
	for _, p := range parts {
		for _, c := range p.commands {
			for ; next < c.from; next++ {
				fmt.Fprintln(&b, lines[next])
			}
			next = c.to
			fmt.Fprintf(&b, "$ %s\n%s", strings.ReplaceAll(c.command, "\n", "\n> "), c.output)
		}
	}
	b.WriteString(strings.Join(lines[next:], "\n"))
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
