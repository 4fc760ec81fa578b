package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// documented matches a command line of ipctop in a document: in backquotes, on an indented
// line, or behind a prompt.
var documented = regexp.MustCompile("`(?:sudo )?(ipctop [^`]*)`|(?m)^(?:    |\\$ |.*\\$ )(?:sudo )?(ipctop .*)$")

// shellWords splits a command line like a shell that knows only quotes. It drops what
// follows a redirection, a pipe or a comment.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	has := false
	end := func() {
		if has {
			words = append(words, word.String())
		}
		word.Reset()
		has = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, has = r, true
		case r == ' ':
			end()
		case strings.ContainsRune("|>&;#", r) && !has, r == ';', r == ')':
			end()
			return words
		default:
			word.WriteRune(r)
			has = true
		}
	}
	end()
	return words
}

// TestDocumentedCommandsExist finds commands, flags and fields in expressions that a
// document names but ipctop does not have.
func TestDocumentedCommandsExist(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md", "../../contrib/kubernetes/README.md") {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range documented.FindAllStringSubmatch(string(text), -1) {
			line := m[2]
			if m[1] != "" {
				line = strings.Join(strings.Fields(m[1]), " ") // it may continue on the next line
			}
			args, _, _ := strings.Cut(strings.TrimPrefix(line, "ipctop "), "   ") // the text behind a gap explains it
			words := shellWords(args)
			if len(words) == 0 {
				continue
			}
			lines++
			root := command{}.newRoot()
			cmd, rest, err := root.Find(words)
			if cmd == root && !strings.HasPrefix(words[0], "-") && words[0] != "COMMAND" && words[0] != "help" {
				t.Errorf("%s: %q: there is no such command", filepath.Base(file), line)
				continue
			}
			if err == nil {
				if at := strings.Index(strings.Join(rest, "\x00"), "--\x00"); at >= 0 {
					rest = strings.Split(strings.Join(rest, "\x00")[:at], "\x00")
				}
				err = cmd.ParseFlags(rest)
			}
			if err != nil && !errors.Is(err, pflag.ErrHelp) && !strings.Contains(err.Error(), "flag needs an argument") {
				t.Errorf("%s: %q: %v", filepath.Base(file), line, err)
			}
			if at := slices.Index(words, "-Q"); err == nil && at >= 0 && words[at+1] != "EXPR" && (words[0] == "dump" || words[0] == "check") {
				status, _, stderr := run(t, "", words[0], "-Q", words[at+1], "--from", "testdata/rich.json")
				if status == exitUsage {
					t.Errorf("%s: %q: %s", filepath.Base(file), line, stderr)
				}
			}
		}
	}
	if lines < 200 {
		t.Errorf("only %d commands were found", lines)
	}
}
