package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// link matches a link to another file of the project, to a heading, or both.
var link = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)

// TestDocumentLinks finds links to pages or headings that do not exist.
func TestDocumentLinks(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]map[string]bool{}
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		anchors[filepath.Clean(file)] = anchorsOf(string(text))
	}
	for file := range anchors {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := file
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(file), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: there is no %s", file, m[1])
			} else if known, ok := anchors[target]; ok && m[2] != "" && !known[m[2]] {
				t.Errorf("%s: %s has no headline %q", file, target, m[2])
			}
		}
	}
}

// anchorsOf are the link targets of a page's headings.
func anchorsOf(text string) map[string]bool {
	known := map[string]bool{}
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		m := headline.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || fenced {
			continue
		}
		known[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[2])] = true
	}
	return known
}
