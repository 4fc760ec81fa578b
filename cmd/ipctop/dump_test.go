package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

const richDump = "testdata/rich.json"

// The dump that the other tests read is the snapshot of package modeltest.
func TestRichDump(t *testing.T) {
	var b bytes.Buffer
	if err := model.Encode(&b, modeltest.Rich()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(richDump, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(richDump)
	if err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Fatalf("%s is not the snapshot for tests (write it anew with -update): %v", richDump, err)
	}
	status, stdout, _ := run(t, "", "dump", "--json", "--from", richDump)
	if status != exitOK || stdout != fromFile(b.String()) {
		t.Error("a dump read and printed is not the same")
	}
}

// fromFile is the output for a dump that was read from a file.
func fromFile(dump string) string {
	return strings.Replace(dump, "\n\"gaps\"", "\n\"from_file\":true,\n\"gaps\"", 1)
}

func TestDumpFlags(t *testing.T) {
	const hidden = "41 of 231 processes hidden: use sudo"
	for _, c := range []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // must be contained; "" for stdout: it is empty
	}{
		{"table", nil, exitOK, "pipe:4242  yes(812) → less(813)", hidden},
		{"alias", []string{"-k", "PIPE", "--columns", "id"}, exitOK, "ID\npipe:4242\npipe:4243\npipe:4244\npipe:4245\npipe:4246\n", ""},
		{"kinds", []string{"-k", "fifo", "-k", "udp,raw", "-o", "id"}, exitOK, "fifo:8:1:77\nfifo:8:1:78\nudp:40\nraw:41\n", ""},
		{"pids", []string{"-k", "sysv-shm,unix", "-o", "pid"}, exitOK, "9\n10\n12\n", ""},
		{"pid", []string{"-p", "812", "-o", "id"}, exitOK, "pipe:4242\npipe:4243\n", ""},
		{"user", []string{"-u", "ann", "-o", "id"}, exitOK, "pipe:4242\npipe:4243\npipe:4244\n", ""},
		{"container", []string{"-c", "web", "-k", "sysv-shm", "-o", "id"}, exitOK, "sysv-shm:32771\nsysv-shm:32772@4026532001\n", ""},
		{"where", []string{"-Q", "detail.queued > 4096", "-o", "id"}, exitOK, "pipe:4242\n", "objects were left out because detail.queued is unknown"},
		{"where of processes", []string{"--only", "processes", "-Q", `state == "T"`, "--columns", "pid,comm", "--no-headings"}, exitOK, "812  yes\n", ""},
		{"only", []string{"--only", "links,gaps"}, exitOK, "unix:17         unix      nginx(9) ⇄ php(12)", ""},
		{"wide", []string{"-o", "wide", "-k", "sysv-shm"}, exitOK, "nginx(9), nginx(10), php(12)", ""},
		{"color", []string{"--color", "always", "-k", "pipe"}, exitOK, "\x1b[31m64K/64K FULL\x1b[0m", ""},
		{"no color in a pipe", []string{"--color", "auto", "-k", "pipe", "--columns", "queued"}, exitOK, "\n64K/64K FULL\n", ""},
		{"strict", []string{"--strict", "-o", "id", "-k", "udp"}, exitIncomplete, "udp:40\n", "incomplete: 41 of 231"},
		{"nothing", []string{"-p", "4"}, exitOK, "", "nothing found: looked for objects among 9 processes and "},
		{"nothing in CSV", []string{"-p", "4", "-o", "csv"}, exitOK, "", "nothing found"},
		{"redact", []string{"--redact", "-k", "pipe"}, exitOK, "pipe:4242  comm-7(812) → comm-8(813)", ""},

		{"unknown flag", []string{"--frobnicate"}, exitUsage, "", "unknown flag: --frobnicate (see ipctop dump --help)"},
		{"argument", []string{"x"}, exitUsage, "", `takes no arguments, got "x"`},
		{"unknown kind", []string{"-k", "pip"}, exitUsage, "", `there is no kind "pip" (did you mean pipe?): there are pipe, fifo`},
		{"unknown format", []string{"-o", "xml"}, exitUsage, "", `there is no output format "xml"`},
		{"two formats", []string{"--json", "-o", "csv"}, exitUsage, "", "--json and -o csv contradict each other"},
		{"unknown column", []string{"--columns", "frob"}, exitUsage, "", `there is no column "frob": there are ID, KIND`},
		{"unknown list", []string{"--only", "files"}, exitUsage, "", `there is no list "files"`},
		{"bad colour", []string{"--color", "blue"}, exitUsage, "", `--color is auto, always or never, not "blue"`},
		{"bad expression", []string{"-Q", "kind =="}, exitUsage, "", "--where: unexpected token EOF"},
		{"misspelt field", []string{"-Q", "detail.queud > 1"}, exitUsage, "", "did you mean detail.queued?"},
		{"bad pid", []string{"-p", "one"}, exitUsage, "", `invalid argument "one"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, stdout, stderr := run(t, "", append([]string{"dump", "--from", richDump}, c.args...)...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if c.stdout == "" && stdout != "" || !strings.Contains(stdout, c.stdout) {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
			if c.status == exitUsage && strings.Count(stderr, "\n") != 1 {
				t.Errorf("not one line: %q", stderr)
			}
		})
	}
}

func TestDumpInput(t *testing.T) {
	whole, err := os.ReadFile(richDump)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, c := range []struct{ name, content, want string }{
		{"cut-off", string(whole[:len(whole)/2]), "cut off after"},
		{"empty", "", "not an ipctop dump: it is empty"},
		{"text", "hello\n", "not an ipctop dump: it is not JSON"},
		{"newer", `{"schema":"ipctop/2"}`, "use a newer ipctop"},
		{"other", `{"name":"x"}`, "not an ipctop dump"},
	} {
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := run(t, "", "dump", "--from", file)
		if status != exitFailed || stdout != "" || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, file) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", c.name, status, stdout, stderr, c.want)
		}
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(`{"schema":"ipctop/1","objects":[`+strings.Repeat("{},", 1<<16)+`{}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for memory, want := range map[string]int{"1MiB": exitFailed, "1GiB": exitOK, "much": exitUsage, "0": exitUsage} {
		status, _, stderr := run(t, "", "dump", "--from", large, "--max-memory", memory)
		if status != want || status != exitOK && !strings.Contains(stderr, "max-memory") {
			t.Errorf("--max-memory %s: status %d, %q", memory, status, stderr)
		}
	}
	if status, _, stderr := run(t, "", "dump", "--from", filepath.Join(dir, "missing")); status != exitFailed || !strings.Contains(stderr, "no such file") {
		t.Errorf("a missing file: %d, %q", status, stderr)
	}
	// A mistake in the flags is reported before the file is read.
	if status, _, _ := run(t, "", "dump", "--from", filepath.Join(dir, "missing"), "-k", "x"); status != exitUsage {
		t.Errorf("status %d", status)
	}
	var out bytes.Buffer
	if status := (command{bytes.NewReader(whole), &out, &out}).main(context.Background(), []string{"dump", "--json", "--from", "-"}); status != exitOK || out.String() != fromFile(string(whole)) {
		t.Errorf("standard input: status %d", status)
	}
}

func TestDumpFormats(t *testing.T) {
	_, stdout, _ := run(t, "", "dump", "--from", richDump, "-o", "jsonl")
	seen := map[string]int{}
	for line := range strings.Lines(stdout) {
		if !strings.HasPrefix(line, `{"type":"`) {
			t.Fatalf("the type is not first: %s", line)
		}
		var r struct{ Type, Schema string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if seen[r.Type]++; r.Type == "snapshot" && r.Schema != model.Schema {
			t.Error(line)
		}
	}
	for kind, want := range map[string]int{"snapshot": 1, "process": 9, "object": len(modeltest.Rich().Objects), "link": 4, "wait": 1, "finding": 1, "gap": 2, "limit": 5} {
		if seen[kind] != want {
			t.Errorf("%d records of type %s, want %d", seen[kind], kind, want)
		}
	}
	_, stdout, _ = run(t, "", "dump", "--from", richDump, "-o", "csv")
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) != len(modeltest.Rich().Objects)+1 || rows[0][0] != "id" {
		t.Errorf("CSV: %d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet may take %q for a formula", cell)
			}
		}
	}
	_, stdout, _ = run(t, "", "dump", "--from", richDump, "--json", "--only", "links")
	s, err := model.Decode(strings.NewReader(stdout))
	if err != nil || len(s.Links) != 4 || len(s.Objects) != 0 || !strings.Contains(stdout, `"objects":[]`) {
		t.Errorf("--only links: %v", err)
	}
}

// failing is a writer whose every write fails.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestDumpWriteErrors(t *testing.T) {
	for _, format := range []string{"table", "wide", "json", "jsonl", "csv", "dot", "id", "pid"} {
		for _, c := range []struct {
			err    error
			status int
			stderr string
		}{{syscall.EPIPE, exitOK, ""}, {syscall.ENOSPC, exitFailed, "no space left"}} {
			var stderr bytes.Buffer
			status := command{strings.NewReader(""), failing{c.err}, &stderr}.main(context.Background(), []string{"dump", "--from", richDump, "-o", format})
			if status != c.status || !strings.Contains(stderr.String(), c.stderr) || c.stderr == "" && stderr.Len() > 0 {
				t.Errorf("%s, %v: status %d, stderr %q", format, c.err, status, stderr.String())
			}
		}
	}
}

func TestBareCommand(t *testing.T) {
	status, stdout, _ := run(t, "", "--from", richDump)
	if status != exitOK || !strings.Contains(stdout, "yes(812) → less(813)") {
		t.Errorf("status %d, %q", status, stdout)
	}
}

func TestASCIILocale(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	_, stdout, _ := run(t, "", "dump", "--from", richDump)
	if !strings.Contains(stdout, "yes(812) -> less(813)") || !strings.Contains(stdout, "nginx(9) <=> php(12)") {
		t.Error(stdout)
	}
	for _, r := range stdout {
		if r > 0x7e {
			t.Fatalf("%q in an ASCII locale", r)
		}
	}
	for locale, want := range map[string]bool{"de_DE.UTF-8": true, "C.utf8": true, "C": false, "": false} {
		if got := utf8Locale(func(name string) string { return map[string]string{"LANG": locale}[name] }); got != want {
			t.Errorf("LANG=%s: %v", locale, got)
		}
	}
}
