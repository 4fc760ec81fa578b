package pipes

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// TestHelperWithoutParent starts a helper whose socket has no other end, as if its parent
// had ended during the start. It must end: as an ordinary ipctop it would start a helper
// of its own.
func TestHelperWithoutParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{probe.HelperName, "-test.list=."} // what it does if it goes on
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(out) > 0 {
		t.Errorf("it ended with %v, and said %q; want status 1 and silence", err, out)
	}
}

// A stopped helper would keep its duplicate, and thereby make processes wait that wait for
// the other end. So it is ended at once, not only when it does not answer.
func TestStoppedHelperIsEnded(t *testing.T) {
	h, err := startHelper("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer h.end()
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.gone:
	case <-time.After(time.Minute):
		t.Fatal("it is still there")
	}
	question := pipeQuestion{holders: []descriptor{{int32(os.Getpid()), 0}}}
	err = h.ask(t.Context(), []pipeQuestion{question}, func(int, pipeAnswer) { t.Error("it answered") })
	if !errors.Is(err, errHelperStopped) {
		t.Errorf("it does not answer because: %v", err)
	}
}

// For pipes that a stopped helper did not ask, there is a gap that says so. ipctop does
// not ask them itself then: it could be stopped just as well.
func TestStoppedHelperIsAGap(t *testing.T) {
	helper := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(helper, []byte("#!/bin/sh\nkill -STOP $$\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ino, _ := ownPipe(t)
	snap := scanPipes(t, probe.NewScanner(probe.Options{Probes: []probe.Probe{Pipe()}, Helper: helper}))
	if d := pipeOf(t, snap, ino).Detail.(*model.PipeDetail); d.Queued.Known() {
		t.Error("the pipe was asked")
	}
	for _, g := range snap.Gaps {
		if g.Op == fillOp && strings.Contains(g.Detail, "was stopped") && g.Count > 0 {
			return
		}
	}
	t.Errorf("no gap says that the helper was stopped: %+v", snap.Gaps)
}
