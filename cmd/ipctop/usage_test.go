package main

import (
	"strings"
	"testing"
)

// What a user types by mistake, or from habit with other tools, gets a useful answer.
func TestTyped(t *testing.T) {
	dump := dumpFile(t)
	for _, c := range []struct {
		args   string
		status int
		out    string
		err    string
	}{
		{"--version", exitOK, "ipctop ", ""},
		{"-V", exitOK, "ipctop ", ""},
		{"help dump", exitOK, "Prints the IPC objects", ""},
		{"help dmp", exitUsage, "", `unknown command "dmp": did you mean dump?`},
		{"dmp", exitUsage, "", "did you mean dump?"},
		{"man dump", exitOK, ".TH", ""},
		{"man foo", exitUsage, "", "foo is neither a command nor a directory"},
		{"dump -p abc", exitUsage, "", "abc is no pid; ipctop show takes names"},
		{"dump -u nosuch --from " + dump, exitNotFound, "", "no visible process or object belongs to a user nosuch"},
		{"explain PEERS", exitOK, "PEERS, a column of tables", ""},
		{"explain withheld", exitOK, "is blocked", ""},
		{"record -n -1 x.rec", exitUsage, "", "-n -1: it cannot be negative"},
		{"__complete dump -k pi", exitOK, "pipe\npidfd\n", ""},
		{"__complete dump -k pipe,fi", exitOK, "pipe,fifo\n", ""},
		{"__complete dump -o js", exitOK, "json\njsonl\n", ""},
		{"__complete dump --only fin", exitOK, "findings\n", ""},
		{"__complete dump --columns BACK", exitOK, "BACKLOG\n", ""},
		{"__complete --columns so", exitOK, "sock=\n:6\n", ""},
		{"__complete --columns procs=PID,TT", exitOK, "procs=PID,TTY\n:4\n", ""},
		{"__complete --theme l", exitOK, "light\n", ""},
		{"__complete help du", exitOK, "dump", ""},
	} {
		status, stdout, stderr := run(t, "", strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(stdout, c.out) || !strings.Contains(stderr, c.err) {
			t.Errorf("ipctop %s: status %d, %q, %q", c.args, status, stdout[:min(len(stdout), 300)], stderr)
		}
	}
}
