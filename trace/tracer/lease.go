package tracer

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/trace"
)

var lockModes = map[bpf.LockMode]string{bpf.LockRead: trace.LockRead, bpf.LockWrite: trace.LockWrite}

// leased makes an event of what happened to a lease.
func (n *names) leased(l *bpf.Lock) *trace.Event {
	e := &trace.Event{Type: "event", Time: l.Time, Event: trace.LockEvent, Sender: n.party(&l.Who), Object: objectOf(&l.File), Path: l.Path}
	e.Lock = &trace.Lock{Kind: lockTypes[l.Type], Mode: lockModes[l.Mode], ThreadKey: l.Thread, Owner: l.Owner, FD: l.FD}
	if l.HasMode {
		e.ModeUntilNow = lockModes[l.Before]
	}
	holder := func() *trace.Party {
		if l.BlockerPID == 0 {
			return nil
		}
		return n.living(l.BlockerPID)
	}
	switch l.Lease {
	case bpf.LeaseRequested:
		e.Outcome, e.Before = trace.LockTaken, e.ModeUntilNow
	case bpf.LeaseGivenUp:
		e.Outcome = trace.LockReleased
	case bpf.LeaseBlocks:
		e.Outcome, e.Target = trace.LockWaits, holder()
	case bpf.LeaseRefuses:
		e.Outcome, e.Target, e.Error = trace.LockRefused, holder(), "EAGAIN"
	case bpf.LeaseOverdue:
		e.Outcome, e.Target = trace.LockForced, holder()
	default:
		e.Outcome = trace.LockCleared
	}
	return e
}

// holdsLease reports whether a process holds the lease that it requested, by the lock lines of its descriptor
// (/proc/PID/fdinfo/N, proc_pid_fdinfo(5)). If the descriptor was closed meanwhile the answer is no.
func (n *names) holdsLease(e *trace.Event) (holds bool) {
	if e.Sender.PID == 0 {
		return false
	}
	item := guard.Item{Key: e.Sender.PID, Owner: guard.Owner{PID: int32(e.Sender.PID)}}
	n.guard.Each(1, 1, func(int) guard.Item { return item }, func(t *guard.Task, _ int) func() {
		dir, st, err := openProcess(t, e.Sender.PID)
		if err != nil {
			return nil
		}
		defer dir.Close()
		if st.StartTicks != e.Sender.StartTicks || !t.Begin("fdinfo", int32(e.FD)) {
			return nil
		}
		text, err := dir.ReadFile(fmt.Sprintf("fdinfo/%d", e.FD), nil)
		t.End()
		return func() { holds = err == nil && saysLease(text, e) }
	})
	return holds
}

// saysLease reports whether a descriptor's fdinfo lists the lease of an event as its own.
func saysLease(text []byte, e *trace.Event) bool {
	for line := range strings.Lines(string(text)) {
		// such as "lock:	1: LEASE  ACTIVE    READ 42944 fe:00:9977940 0 EOF"
		words := strings.Fields(line)
		if len(words) < 7 || words[0] != "lock:" || words[2] != "LEASE" {
			continue
		}
		number := words[6][strings.LastIndexByte(words[6], ':')+1:]
		isBreaking := words[3] == "BREAKING" // then words[4] is the mode that the lease is to be changed to
		if strings.HasSuffix(e.Object, ":"+number) && (words[4] == e.Mode && !isBreaking || isBreaking && e.Before == "") {
			return true
		}
	}
	return false
}
