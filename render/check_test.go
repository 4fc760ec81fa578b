package render_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render"
)

func checkText(t *testing.T, s *model.Snapshot, o render.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.Check(&b, render.NewView(model.NewIndex(s), &o), s.Findings); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	s := modeltest.Rich()
	s.Findings = append(s.Findings, model.Finding{
		Rule: "stale-\x1b[31m", Severity: model.Info, Confidence: model.Certain, Since: s.Taken.Add(-time.Hour), Summary: "the name \x1b]0;x\x07 is one nobody needs",
		Actions: []model.Action{{Argv: []string{"rm", "--", "/run/a b$(id)\x1b"}, Effect: "removes the name", Risk: "loses-data"}},
	})
	want := `SEVERITY  SINCE  CONF     WHAT
warning   3m12s  likely   yes(812) waits for less(813)
                            cause: less(813), idle
                            not certain: 41 processes hidden
                            do: kill 813  (ends less)
                            see: ipctop explain pipe-full
info      1h     certain  the name \x1b]0;x\x07 is one nobody needs
                            do: rm -- $'/run/a b$(id)\033'  (removes the name;
                            loses data)
                            see: ipctop explain stale-\x1b[31m
`
	if got := checkText(t, s, render.Options{Width: 80}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(checkText(t, s, render.Options{Width: 60})) {
		if render.Width(strings.TrimSuffix(line, "\n")) > 60 && !strings.Contains(line, "rm --") {
			t.Errorf("wider than the terminal: %q", line)
		}
	}
	if got := checkText(t, s, render.Options{Color: true, NoHeadings: true}); !strings.HasPrefix(got, "\x1b[33mwarning\x1b[0m   3m12s  ") ||
		strings.Contains(got, "\x1b[31m") {
		t.Errorf("colours: %q", got)
	}
}

// TestFoldAlike: many findings that are only informative must not hide the important ones.
func TestFoldAlike(t *testing.T) {
	s := modeltest.Rich()
	worst := s.Findings[0]
	s.Findings = nil
	for range 5 {
		s.Findings = append(s.Findings, worst)
	}
	for _, rule := range []string{"no-reader", "zombies", "stale-lock"} {
		for n := range map[string]int{"no-reader": 5, "zombies": 3, "stale-lock": 4}[rule] {
			s.Findings = append(s.Findings, model.Finding{Rule: rule, Severity: model.Info, Summary: fmt.Sprintf("%s-%d", rule, n)})
		}
	}
	got := checkText(t, s, render.Options{FoldAlike: true})
	if strings.Count(got, worst.Summary) != 5 || !strings.HasSuffix(got, "\ninfo                     no-reader: 2 more (ipctop check --rule no-reader lists them)\n"+
		"info                     stale-lock: 1 more (ipctop check --rule stale-lock lists them)\n") ||
		!strings.Contains(got, "no-reader-2") || strings.Contains(got, "no-reader-3") || !strings.Contains(got, "zombies-2") {
		t.Errorf("got\n%s", got)
	}
	for _, o := range []render.Options{{}, {FoldAlike: true, Wide: true}} {
		if got := checkText(t, s, o); !strings.Contains(got, "no-reader-4") || strings.Contains(got, " more ") {
			t.Errorf("%+v: got\n%s", o, got)
		}
	}
}

// TestActionsOfFiles: actions from a file are not offered like ipctop's own.
func TestActionsOfFiles(t *testing.T) {
	for _, file := range []bool{false, true} {
		s := modeltest.Rich()
		s.FromFile = file
		var b bytes.Buffer
		if err := render.Check(&b, render.NewView(model.NewIndex(s), &render.Options{}), s.Findings); err != nil {
			t.Fatal(err)
		}
		if out := b.String(); strings.Contains(out, "from the file, unchecked: kill 813") != file || strings.Contains(out, "do: kill 813") == file {
			t.Errorf("from a file %v: %s", file, out)
		}
	}
}

func TestShortFindings(t *testing.T) {
	s := modeltest.Rich()
	for range 11 {
		s.Findings = append(s.Findings, s.Findings[0])
	}
	var b bytes.Buffer
	if err := render.ShortFindings(&b, render.NewView(model.NewIndex(s), &render.Options{Width: 40}), s.Findings); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 13 || lines[0] != "warning  3m12s  likely  yes(812) waits …" || !strings.HasSuffix(lines[10], "2 more: ipctop …") || lines[11] != "" {
		t.Errorf("got\n%s", b.String())
	}
}
