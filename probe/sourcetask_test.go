package probe_test

import (
	"errors"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// ends is a source in which a process is gone when all have been read.
type ends struct {
	*bpf.Source
	pid    int
	passes *int
}

func (s ends) Tasks(parts bpf.TaskParts, f func(*bpf.Task)) error {
	*s.passes++
	return s.Source.Tasks(parts, func(t *bpf.Task) {
		if t.PID != s.pid || *s.passes < 3 {
			f(t)
		}
	})
}

// A process from the source is in the snapshot only if it still existed when all had been
// read: what was read by its pid may have belonged to another one.
func TestToldProcessEnds(t *testing.T) {
	source, err := bpf.Open()
	if unavailable := new(bpf.UnavailableError); errors.As(err, &unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	pid := cmd.Process.Pid
	for _, ended := range []bool{false, true} {
		passes, s := 0, ends{source, 0, nil}
		if s.passes = &passes; ended {
			s.pid = pid
		}
		snap := probetest.ScanWith(t, probe.Options{
			Probes: []probe.Probe{{Name: "test"}}, Source: func() (probe.Source, error) { return s, nil }, SourceUse: probe.SourceAlways,
		})
		found := slices.ContainsFunc(snap.Processes, func(p *model.Process) bool { return p.PID == pid })
		vanished := slices.ContainsFunc(snap.Gaps, func(g model.Gap) bool { return g.Reason == model.Vanished })
		if found == ended || ended && !vanished {
			t.Errorf("it has ended: %t; it is in the snapshot: %t; there is a gap: %t", ended, found, vanished)
		}
	}
}
