package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/testfixtures"
)

func TestWaitUsage(t *testing.T) {
	for _, tt := range []struct{ args, stderr string }{
		{"", "say what to wait for"},
		{"1 2", "say what to wait for"},
		{"1 --from x.json", "--from"},
		{"1 --gone --all", "--gone"},
		{"1 --timeout -1s", "negative"},
		{"1 --until mesages", "mesages"},
		{"1 --until detail.queued==0", "process:1"},
	} {
		if status, stdout, stderr := run(t, "", append([]string{"wait"}, strings.Fields(tt.args)...)...); status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("wait %s: status %d, %q, %q", tt.args, status, stdout, stderr)
		}
	}
}

// TestWait waits for a real pipe: for a condition that is true, for one that never is, and for its end.
func TestWait(t *testing.T) {
	made, err := testfixtures.Start(t.Context(), "pipe:full")
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	object, pid := made.Instances[0].Object, strconv.Itoa(made.Instances[0].PIDs[0])
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{object}, exitOK, object + "  ", ""},
		{[]string{object, "--until", "fill >= 1"}, exitOK, object + "  ", ""},
		{[]string{object, "--until", "kind == 'pipe'", "-q"}, exitOK, "", ""},
		{[]string{pid, "--until", "pid == " + pid + " and state != 'Z'"}, exitOK, "process:" + pid, ""},
		{[]string{object, "--until", "fill < 0.5", "--timeout", "200ms", "-d", "0.1"}, exitFailed, "", "timed out after 200ms: fill < 0.5 is true for 0 of 1"},
		{[]string{object, "--gone", "--timeout", "200ms", "-d", "0.1"}, exitFailed, "", "it is still there"},
		{[]string{"pipe:1", "--timeout", "200ms", "-d", "0.1"}, exitFailed, "", "timed out after 200ms"},
		{[]string{"pipe:1", "--gone"}, exitOK, "", ""},
	} {
		status, stdout, stderr := run(t, "", append([]string{"wait"}, tt.args...)...)
		if status != tt.status || !strings.HasPrefix(stdout, tt.stdout) || tt.stdout == "" && stdout != "" || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("wait %q: status %d, %q, %q", tt.args, status, stdout, stderr)
		}
	}
	go func() {
		time.Sleep(300 * time.Millisecond) // whether it has begun to wait or not, it must end
		made.Close()
	}()
	if status, _, stderr := run(t, "", "wait", object, "--gone", "--timeout", "1m", "-d", "0.1"); status != exitOK {
		t.Errorf("--gone: status %d, %s", status, stderr)
	}
}
