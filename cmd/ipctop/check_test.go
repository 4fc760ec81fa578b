package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // must be contained; "" for stdout: it is empty
	}{
		{"table", nil, exitFindings, "likely  yes(812) waits for less(813)\n          ", "41 of 231 processes hidden"},
		{"quiet", []string{"-q"}, exitFindings, "", ""},
		{"critical only", []string{"--fail-on", "critical"}, exitOK, "WHAT", ""},
		{"never", []string{"--fail-on", "never"}, exitOK, "WHAT", ""},
		{"info", []string{"--fail-on", "info"}, exitFindings, "WHAT", ""},
		{"strict", []string{"--fail-on", "critical", "--strict"}, exitIncomplete, "WHAT", "incomplete: 41 of 231"},
		{"strict, and findings", []string{"--strict"}, exitFindings, "WHAT", ""},
		{"rule", []string{"--rule", "zombies"}, exitOK, "", "nothing found by zombies in 9 processes"},
		{"where", []string{"-Q", "severity == \"critical\""}, exitOK, "", "nothing found by "},
		{"where holds", []string{"-Q", "813 in pids"}, exitFindings, "yes(812)", ""},
		{"csv", []string{"-o", "csv"}, exitFindings, "warning,likely,", ""},
		{"ids", []string{"-o", "id"}, exitFindings, "pipe-full:813:pipe:4242\n", ""},
		{"pids", []string{"-o", "pid"}, exitFindings, "812\n813\n", ""},
		{"metrics", []string{"-o", "openmetrics"}, exitFindings, `ipctop_findings{rule="zombies",severity="warning",confidence="certain",container=""} 0` + "\n", ""},
		{"columns", []string{"--columns", "rule"}, exitFindings, "RULE\npipe-full\n", ""},
		{"redact", []string{"--redact"}, exitFindings, "comm-8(813)", ""},
		{"list", []string{"--list-rules"}, exitOK, "zombies", ""},

		{"unknown rule", []string{"--rule", "zombi"}, exitUsage, "", `there is no rule "zombi" (did you mean zombies?)`},
		{"another unknown rule", []string{"--rule", "qqqqqqq"}, exitUsage, "", `there is no rule "qqqqqqq" (see ipctop check --list-rules)`},
		{"unknown level", []string{"--fail-on", "bad"}, exitUsage, "", `--fail-on is critical, warning, info or never, not "bad"`},
		{"unknown format", []string{"-o", "dot"}, exitUsage, "", `there is no output format "dot"`},
		{"two formats", []string{"--json", "-o", "openmetrics"}, exitUsage, "", "contradict each other"},
		{"negative age", []string{"--min-age", "-1s"}, exitUsage, "", "cannot be negative"},
		{"age of a dump", []string{"--min-age", "1s"}, exitUsage, "", "--min-age needs the live machine"},
		{"misspelt field", []string{"-Q", "severty == \"info\""}, exitUsage, "", "did you mean severity?"},
		{"argument", []string{"x"}, exitUsage, "", "takes no arguments"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, stdout, stderr := run(t, "", append([]string{"check", "--from", richDump}, c.args...)...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if c.stdout == "" && stdout != "" || !strings.Contains(stdout, c.stdout) {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) || c.name == "quiet" && stderr != "" {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
		})
	}
}

func TestCheckJSON(t *testing.T) {
	_, stdout, _ := run(t, "", "check", "--from", richDump, "--json")
	var doc struct {
		Schema   string
		Findings []struct{ Rule string }
		Gaps     []struct{ Reason string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != "ipctop/1" || len(doc.Findings) != 1 || doc.Findings[0].Rule != "pipe-full" || len(doc.Gaps) == 0 {
		t.Errorf("got %+v", doc)
	}
}

// A dump made without findings differs from one in which nothing was found.
func TestCheckNeedsFindings(t *testing.T) {
	_, dump, _ := run(t, "", "dump", "--from", richDump, "--json", "--only", "objects")
	status, stdout, stderr := run(t, dump, "check", "--from", "-")
	if status != exitFailed || stdout != "" || !strings.Contains(stderr, "- holds no findings") {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// The worst findings are printed above the tables, unless lists were chosen.
func TestDumpShowsFindings(t *testing.T) {
	const line = "warning  3m12s  likely  yes(812) waits for less(813)\n\n"
	for _, c := range []struct {
		args []string
		want bool
	}{{nil, true}, {[]string{"-k", "pipe"}, false}, {[]string{"--no-headings"}, false}, {[]string{"-o", "csv"}, false}, {[]string{"--columns", "id"}, false}} {
		_, stdout, _ := run(t, "", append([]string{"dump", "--from", richDump}, c.args...)...)
		if strings.HasPrefix(stdout, line) != c.want || strings.Contains(stdout, line) != c.want {
			t.Errorf("%v: %.200s", c.args, stdout)
		}
	}
}

// TestCheckThatCouldNotLook: if nothing could be read, "no findings" means nothing.
func TestCheckThatCouldNotLook(t *testing.T) {
	s := &model.Snapshot{Schema: model.Schema, Findings: []model.Finding{}, Waits: []model.Wait{}}
	for pid := 1; pid <= 9; pid++ {
		s.Gaps = append(s.Gaps, model.Gap{Probe: "waits", Reason: model.Timeout, PID: pid, Op: "read syscall", Count: 1})
	}
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"check", "why"} {
		status, stdout, stderr := run(t, "", command, "--from", name)
		if status != exitIncomplete || !strings.HasPrefix(stderr, "ipctop: could not look: 9 of ") || strings.Contains(stdout+stderr, "nothing found") || strings.Contains(stdout, "Nothing is stuck") {
			t.Errorf("%s: status %d, %q and %q", command, status, stdout, stderr)
		}
	}
}
