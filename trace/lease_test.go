package trace

import (
	"strings"
	"testing"
	"time"
)

// leaseStep makes an event from words such as "taken READ WRITE"; the last one is the mode until then.
// pid is also the thread; owner is the open file description of the lease.
func leaseStep(ms, pid int, owner uint64, words string) *Event {
	f := strings.Fields(words)
	e := &Event{Event: LockEvent, Time: after(ms), Sender: &Party{PID: pid}, Object: "file:1:2:3", Path: "/run/a"}
	e.Lock = &Lock{Kind: "lease", Outcome: f[0], Mode: f[1], ThreadKey: uint64(pid), Owner: owner, FD: 5}
	if len(f) > 2 {
		e.ModeUntilNow = f[2]
	}
	if e.Outcome == LockTaken {
		e.Before = e.ModeUntilNow
	}
	return e
}

// TestLeases: a requested lease is reported once it is known that it was granted, and with a
// conflict the holder.
func TestLeases(t *testing.T) {
	const holder, opener, file, other = 1, 2, 7, 8
	type step struct {
		pid   int
		owner uint64
		words string
	}
	for _, test := range []struct {
		name  string
		steps []step
		holds bool
		want  string
	}{
		{"given, and kept", []step{{holder, file, "taken WRITE"}}, true, "taken WRITE"},
		{"refused, or closed", []step{{holder, file, "taken WRITE"}}, false, ""},
		{"given up", []step{{holder, file, "taken READ"}, {holder, file, "released READ READ"}}, false, "taken READ, released READ"},
		{"changed", []step{{holder, file, "taken WRITE"}, {holder, file, "taken READ WRITE"}}, true, "taken WRITE, downgraded READ"},
		{"not changed", []step{{holder, file, "taken WRITE"}, {holder, file, "taken READ WRITE"}, {opener, file, "waits READ WRITE"}}, true, "taken WRITE, waits READ"},
		{"changed back", []step{{holder, file, "taken WRITE READ"}}, true, "upgraded WRITE"},
		{"refused, and then given for the same open file", []step{{holder, file, "taken WRITE"}, {holder, file, "taken READ"}}, true, "taken READ"},
		{"refused, and then given for the same descriptor", []step{{holder, file, "taken WRITE"}, {holder, other, "taken WRITE"}}, true, "taken WRITE"},
		{
			"in the way",
			[]step{{holder, file, "taken WRITE"}, {opener, file, "waits READ WRITE"}, {opener, file, "waits READ WRITE"}, {opener, 0, "cleared READ"}, {opener, 0, "cleared READ"}},
			false, "taken WRITE, waits READ, cleared READ after 20ms",
		},
		{"in the way before the trace began", []step{{opener, 0, "cleared READ"}}, true, ""},
		{"refuses", []step{{holder, file, "taken WRITE"}, {opener, file, "refused READ WRITE"}}, false, "taken WRITE, refused READ"},
		{"forced", []step{{opener, file, "waits WRITE"}, {opener, file, "forced READ"}}, false, "waits WRITE, forced READ"},
	} {
		j := Joiner{HoldsLease: func(*Event) bool { return test.holds }}
		for i, s := range test.steps {
			j.Leased(leaseStep(10*i, s.pid, s.owner, s.words))
		}
		var got []string
		for _, e := range j.Ready(after(1000), false) {
			text := e.Outcome + " " + e.Mode
			if e.Waited > 0 {
				text += " after " + e.Waited.String()
			}
			got = append(got, text)
			if e.Object != "file:1:2:3" || e.Path != "/run/a" {
				t.Errorf("%s: %s is of %s, %s", test.name, text, e.Object, e.Path)
			}
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s: it tells %q, not %q", test.name, got, test.want)
		}
		if n := len(j.leases.byFile) + len(j.leases.byDescriptor); n != 0 {
			t.Errorf("%s: %d are remembered", test.name, n)
		}
	}
}

// TestLeasesInVain: if a signal ends a wait for a lease, the event gets its details from the
// beginning of the wait.
func TestLeasesInVain(t *testing.T) {
	var j Joiner
	waits := leaseStep(0, 2, 7, "waits WRITE")
	waits.Target = &Party{PID: 1}
	j.Leased(waits)
	e := &Event{Event: LockEvent, Time: after(30), Sender: waits.Sender, Error: "EINTR", Lock: &Lock{ThreadKey: 2, Outcome: LockInterrupted, By: "SIGALRM"}}
	j.LockWaitEnded(e)
	if e.Lock.Kind != "lease" || e.Path != waits.Path || e.Object != waits.Object || e.Target != waits.Target || e.Mode != LockWrite || e.Waited != 30*time.Millisecond ||
		e.Start.Known() || e.End.Known() {
		t.Errorf("%+v: %+v", e, e.Lock)
	}
}
