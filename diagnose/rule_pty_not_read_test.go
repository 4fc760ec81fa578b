package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// terminalOf returns a program that cannot write to a terminal, and the program that holds
// the terminal's master. That one waits to read if its state is S. queued is the amount of
// data for it.
func terminalOf(queued model.Opt[int64], state string) *model.Snapshot {
	holder := func(pid, fd int32, end string) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(fd), Access: model.ReadWrite, Extent: &model.Extent{Flags: []string{end}}}
	}
	wait := func(pid, fd int, call, needs string) model.Wait {
		return model.Wait{
			PID: pid, TID: pid, Call: call, Needs: needs, Object: "pty:0:25:0", Target: &model.Target{FD: model.Some(fd)}, Timed: model.Some(false),
			Confirmed: true, BlockedFor: model.Some(int64(5 * time.Second)),
		}
	}
	process := func(pid int, comm, state string) *model.Process {
		return &model.Process{PID: pid, PPID: 1, Comm: comm, Label: comm, State: state, Threads: 1, Signals: &model.Signals{Caught: []string{}, Ignored: []string{"SIGALRM"}}}
	}
	s := &model.Snapshot{
		Taken:     time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		Processes: []*model.Process{process(10, "xterm", state), process(20, "yes", "S")},
		Objects: []*model.Object{{
			ID: "pty:0:25:0", Kind: model.Pty, Name: "/dev/pts/0", HoldersComplete: true, Detail: &model.PtyDetail{Queued: queued},
			Holders: []model.Holder{holder(10, 3, model.PtyMaster), holder(20, 1, model.PtySlave)},
		}},
		Waits: []model.Wait{wait(20, 1, "write", model.NeedsSpace)},
	}
	switch state {
	case "S":
		s.Waits = append(s.Waits, wait(10, 3, "read", model.NeedsData))
	case "sleeps":
		s.Processes[0].State = "S"
		s.Waits = append(s.Waits, wait(10, 0, "pause", model.NeedsSignal))
	}
	return s
}

// TestStoppedOutput: if the program at the master has read everything, output is stopped.
// That is nobody's fault, and no deadlock even if that program waits for more. It is never
// offered to end a terminal.
func TestStoppedOutput(t *testing.T) {
	const ctrlS = "output was probably stopped with Ctrl-S; Ctrl-Q continues it"
	for _, c := range []struct {
		queued model.Opt[int64]
		state  string
		want   string // of pty-not-read; "": another finding explains it
	}{
		{model.Some(int64(0)), "S", ctrlS},
		{model.Some(int64(0)), "R", ctrlS},
		{model.Some(int64(0)), "sleeps", ctrlS},
		{model.Some(int64(4095)), "sleeps", "xterm(10) does not read it and waits for a signal"},
		{model.Opt[int64]{}, "sleeps", "xterm(10) does not read it and waits for a signal"},
		{model.Some(int64(4095)), "T", ""},
	} {
		s := terminalOf(c.queued, c.state)
		Run(s, Options{MinAge: time.Second})
		found := false
		for i := range s.Findings {
			f := &s.Findings[i]
			for _, a := range f.Actions {
				if slices.Contains(a.Argv, "10") && !slices.Contains(a.Argv, "-CONT") {
					t.Errorf("%v queued, %s: %s ends the terminal: %v", c.queued, c.state, f.Rule, a.Argv)
				}
			}
			switch f.Rule {
			case "deadlock":
				t.Errorf("%v queued, %s: %s", c.queued, c.state, f.Summary)
			case "pty-not-read":
				found = true
				if c.want != "" && (!strings.Contains(f.Summary, c.want) || f.Severity != model.Warning || (f.Root == nil) != (c.want == ctrlS)) {
					t.Errorf("%v queued, %s: %s: %s, root %v; want %q", c.queued, c.state, f.Severity, f.Summary, f.Root, c.want)
				}
			}
		}
		if !found && c.want != "" {
			t.Errorf("%v queued, %s: not found among %v", c.queued, c.state, s.Findings)
		}
		if g := graph.New(model.NewIndex(s)); c.want == ctrlS && !strings.Contains(g.Release(&s.Waits[0]), "Ctrl-Q") {
			t.Errorf("released when %s", g.Release(&s.Waits[0]))
		}
	}
}
