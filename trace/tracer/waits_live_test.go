//go:build amd64 || arm64

package tracer_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/testfixtures"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func openWaits(t testing.TB) *tracer.Tracer {
	t.Helper()
	tr, err := tracer.Open(tracer.Options{Waits: true, Self: true})
	if unavailable := new(bpf.UnavailableError); errors.As(err, &unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// processOf is a process in a snapshot, with the fields needed here.
func processOf(t *testing.T, pid int, label string) *model.Process {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	st, err := proc.ParseStat(b)
	if err != nil {
		t.Fatal(err)
	}
	return &model.Process{PID: pid, StartTicks: st.StartTicks, Comm: st.Comm, Label: label}
}

// TestWakeups: who ended the waits of a thread in a call on a descriptor, how many waits
// there were and how long they lasted. Other calls, descriptors and processes do not count.
func TestWakeups(t *testing.T) {
	tr := openWaits(t)
	p := start(t, exec.Command("cat"))
	answers := bufio.NewReader(p.out)
	const rounds = 5
	began := time.Now()
	for range rounds {
		waits(t, p.Process.Pid, unix.SYS_READ)
		fmt.Fprintln(p.in)
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	waits(t, p.Process.Pid, unix.SYS_READ)
	wait := func(pid int, call string, target *model.Target) model.Wait {
		return model.Wait{PID: pid, TID: p.Process.Pid, Call: call, Target: target}
	}
	fd := func(n int) *model.Target { return &model.Target{FD: model.Some(n)} }
	cat := processOf(t, p.Process.Pid, "cat")
	other := *cat
	other.StartTicks++
	snap := &model.Snapshot{
		Processes: []*model.Process{cat},
		Waits:     []model.Wait{wait(cat.PID, "read", fd(0)), wait(cat.PID, "read", fd(3)), wait(cat.PID, "write", fd(0)), wait(cat.PID, "read", nil)},
	}
	if own := processOf(t, os.Getpid(), "the test"); own.PID < cat.PID {
		snap.Processes = []*model.Process{own, cat}
	} else {
		snap.Processes = []*model.Process{cat, own}
	}
	if err := tr.AddTo(snap); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 3} {
		w := snap.Waits[i].Wakeups
		if w == nil {
			t.Fatal("nothing is known of its waits")
		}
		// It may have waited for a moment for something else in the same call.
		if w.Count < rounds || w.Count > 3*rounds || w.Waited < int64(rounds*over) || w.Usual < int64(over)/2 || w.Usual > w.Waited ||
			w.WokenBy != trace.WokenByProcess || w.PID != os.Getpid() || w.Comm != "the test" || w.Last.Before(began) || w.Last.After(time.Now()) ||
			w.Since.After(began) {
			t.Errorf("%+v, want %d waits of more than %v that process %d ended", w, rounds, over, os.Getpid())
		}
	}
	for _, i := range []int{1, 2} {
		if w := snap.Waits[i].Wakeups; w != nil {
			t.Errorf("%s on another descriptor, or another call: %+v", snap.Waits[i].Call, w)
		}
	}
	snap = &model.Snapshot{Processes: []*model.Process{&other}, Waits: []model.Wait{wait(cat.PID, "read", fd(0))}}
	if err := tr.AddTo(snap); err != nil || snap.Waits[0].Wakeups != nil {
		t.Errorf("of another process with that pid: %+v, %v", snap.Waits[0].Wakeups, err)
	}
}

// If its timeout ended a wait, nobody woke the thread.
func TestWakeupsByTimer(t *testing.T) {
	tr := openWaits(t)
	p := start(t, exec.Command("sh", "-c", "while :; do sleep 0.05; done"))
	var snap *model.Snapshot
	waitFor(t, "a wait that a child ended", func() bool {
		snap = &model.Snapshot{
			Processes: []*model.Process{processOf(t, p.Process.Pid, "sh")},
			Waits:     []model.Wait{{PID: p.Process.Pid, TID: p.Process.Pid, Call: "wait4"}},
		}
		if err := tr.AddTo(snap); err != nil {
			t.Fatal(err)
		}
		return snap.Waits[0].Wakeups != nil
	})
	if w := snap.Waits[0].Wakeups; w.WokenBy != trace.WokenByProcess || w.Comm != "sleep" || w.PID == 0 {
		t.Errorf("%+v, want a child that ended", w)
	}
	p = start(t, exec.Command("sleep", "0.3"))
	waits(t, p.Process.Pid, unix.SYS_CLOCK_NANOSLEEP)
	snap = &model.Snapshot{
		Processes: []*model.Process{processOf(t, p.Process.Pid, "sleep")},
		Waits:     []model.Wait{{PID: p.Process.Pid, TID: p.Process.Pid, Call: "clock_nanosleep"}},
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := tr.AddTo(snap); err != nil {
		t.Fatal(err)
	}
	if w := snap.Waits[0].Wakeups; w == nil || w.WokenBy != trace.WokenByTimer || w.PID != 0 || w.Comm != "" || w.Count != 1 {
		t.Errorf("%+v, want one wait that a timer ended", w)
	}
}

// BenchmarkWakeups bounces 64 bytes between two processes through pipes, so that each wakes
// the other. It measures what tracing costs the observed processes.
func BenchmarkWakeups(b *testing.B) {
	data, err := testfixtures.StartTraffic(b.Context(), "pipe")
	if err != nil {
		b.Fatal(err)
	}
	defer data.Close()
	run := func(b *testing.B) {
		if err := data.Channels[0].Trips(b.Context(), int64(b.N), 64); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("off", run)
	for _, o := range []struct {
		name string
		tracer.Options
	}{{"blocked", tracer.Options{Over: time.Second}}, {"waits", tracer.Options{Waits: true}}} {
		t, err := tracer.Open(o.Options)
		if err != nil {
			b.Skip(err)
		}
		b.Run(o.name, run)
		t.Close()
	}
	b.Run("after", run)
}
