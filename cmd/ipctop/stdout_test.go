package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Output that cannot be written is a failure, even if standard output is closed: it must
// not be lost silently.
func TestStandardOutputClosedOrFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	status := func(cmd *exec.Cmd) int {
		t.Helper()
		cmd.Env = append(os.Environ(), mainEnv+"=1")
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode()
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0) // like Python's subprocess.DEVNULL
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, args := range []string{"kinds", "--help", "help dump", "completion bash", "--version", "explain pipe"} {
		for redirection, want := range map[string]int{">&-": exitFailed, "</dev/null >&-": exitFailed, ">/dev/full": exitFailed, ">/dev/null": exitOK} {
			// The shell must still run: ipctop examines the process that closed the output.
			if got := status(exec.Command("sh", "-c", strconv.Quote(self)+" "+args+" "+redirection+"; exit $?")); got != want {
				t.Errorf("ipctop %s %s: status %d, want %d", args, redirection, got, want)
			}
		}
		direct := exec.Command(self, strings.Fields(args)...)
		direct.Stdout = null
		inherited := exec.Command("sh", "-c", strconv.Quote(self)+" "+args+"; exit $?")
		inherited.Stdout = null
		for what, cmd := range map[string]*exec.Cmd{"opened by no shell": direct, "inherited by a shell": inherited} {
			if got := status(cmd); got != exitOK {
				t.Errorf("ipctop %s, /dev/null %s: status %d", args, what, got)
			}
		}
	}
}
