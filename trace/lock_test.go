package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// attempt makes an event from words such as "flock WRITE taken" or "posix READ taken 10-14".
func attempt(ms, tid int, owner uint64, words string) *Event {
	f := strings.Fields(words)
	e := &Event{Event: LockEvent, Time: after(ms), Sender: &Party{PID: 1, TID: tid}, Object: "file:1:2:3"}
	e.Lock = &Lock{ThreadKey: uint64(tid), Kind: f[0], Mode: strings.Trim(f[1], "-"), Outcome: strings.Trim(f[2], "+!"), Owner: owner}
	e.Close, e.Exiting = strings.ContainsAny(f[2], "+!"), strings.Contains(f[2], "!")
	if len(f) > 3 {
		var start, end int64
		if n, _ := fmt.Sscanf(f[3], "%d-%d", &start, &end); n == 2 {
			e.End = model.Some(end)
		}
		e.Start = model.Some(start)
	}
	return e
}

// TestLocks: events of locks are completed from earlier events. "-" means no mode, "+" a
// descriptor that was closed, "!" one that was closed by the end of its process.
func TestLocks(t *testing.T) {
	const a, b = 1, 2 // owners
	type step struct {
		owner uint64
		words string
		want  string // outcome, mode, mode before, range; "": not reported
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"taken and given up", []step{{a, "flock WRITE taken", "taken WRITE"}, {a, "flock - released", "released WRITE"}}},
		{"upgraded and downgraded", []step{
			{a, "flock READ taken", "taken READ"},
			{a, "flock WRITE taken", "upgraded WRITE READ"},
			{a, "flock READ taken", "downgraded READ WRITE"},
			{b, "flock READ taken", "taken READ"},
		}},
		{"flock gives up what it has before it is refused", []step{
			{a, "flock READ taken", "taken READ"}, {a, "flock WRITE refused", "refused WRITE READ"}, {a, "flock - released+", ""},
		}},
		{"fcntl does not", []step{
			{a, "posix READ taken 0", "taken READ 0-"}, {a, "posix WRITE refused 0", "refused WRITE 0-"}, {a, "posix - released+ 0", "closed READ 0-"},
		}},
		{"closed, of which nothing is known", []step{{a, "posix - released+ 0", ""}}},
		{"given up, of which nothing is known", []step{{a, "posix - released 0", "released 0-"}}},
		{"closed by the end of its process", []step{{a, "posix WRITE taken 10-14", "taken WRITE 10-14"}, {a, "posix - released! 0", "ended WRITE 10-14"}}},
		{"of a description, closed", []step{{a, "ofd WRITE taken 10-14", "taken WRITE 10-14"}, {a, "posix - released+ 0", "closed WRITE 10-14"}}},
		{"a part given up", []step{
			{a, "posix WRITE taken 10-19", "taken WRITE 10-19"},
			{a, "posix - released 13-14", "released WRITE 13-14"},
			{a, "posix - released 13-14", "released 13-14"},
			{a, "posix - released+ 0", "closed WRITE 0-"},
		}},
		{"other bytes", []step{
			{a, "posix READ taken 10-19", "taken READ 10-19"},
			{a, "posix WRITE taken 20-29", "taken WRITE 20-29"},
			{a, "posix WRITE taken 0-9", "taken WRITE 0-9"},
			{a, "posix - released+ 0", "closed 0-"},
		}},
	} {
		var j Joiner
		for i, s := range test.steps {
			j.Locked(attempt(i, 1, s.owner, s.words))
			ready := j.Ready(after(i), false)
			got := ""
			for _, e := range ready {
				got += strings.Join(strings.Fields(e.Outcome+" "+e.Mode+" "+e.Before), " ")
				if start, ok := e.Start.Get(); ok {
					got += fmt.Sprintf(" %d-", start)
				}
				if end, ok := e.End.Get(); ok {
					got += fmt.Sprint(end)
				}
			}
			if got != s.want {
				t.Errorf("%s: of %q it tells %q, not %q", test.name, s.words, got, s.want)
			}
		}
	}
}

// TestLocksThatWait: a wait is reported once, with the conflicting process, and how long it lasted.
func TestLocksThatWait(t *testing.T) {
	var j Joiner
	holder := attempt(0, 1, 1, "flock WRITE taken")
	j.Locked(holder)
	waits := attempt(10, 2, 2, "flock WRITE waits")
	waits.Lock.Blocker = 1
	waits.Target = &Party{PID: 99} // as the kernel reports it
	j.Locked(waits)
	j.Locked(attempt(20, 2, 2, "flock WRITE waits"))
	j.Locked(attempt(30, 1, 1, "flock - released"))
	j.Locked(attempt(40, 2, 2, "flock WRITE taken"))
	ready := j.Ready(after(40), false)
	if len(ready) != 4 || ready[1] != waits || ready[3].Waited != 30*time.Millisecond {
		t.Fatalf("it tells %d events", len(ready))
	}
	if waits.Target != holder.Sender {
		t.Errorf("it waits for %+v", waits.Target)
	}
	j.Locked(attempt(50, 2, 2, "flock WRITE taken"))
	if e := j.Ready(after(50), false)[0]; e.Waited != 0 {
		t.Errorf("it waited for %v without waiting", e.Waited)
	}
}

// TestLocksWaitedForInVain: how a wait ended that did not end with the lock.
func TestLocksWaitedForInVain(t *testing.T) {
	var j Joiner
	left := func(ms, tid int) *Event {
		e := &Event{Event: LockEvent, Time: after(ms), Sender: &Party{PID: 1, TID: tid}, Error: "EINTR"}
		e.Lock = &Lock{ThreadKey: uint64(tid), Outcome: LockInterrupted, By: "SIGALRM"}
		return e
	}
	waits := attempt(10, 2, 2, "posix WRITE waits 10-14")
	waits.Path = "/run/app.lock"
	j.Locked(waits)
	other, ended := left(25, 3), left(30, 2)
	j.LockWaitEnded(other)
	j.LockWaitEnded(ended)
	j.LockWaitEnded(left(40, 2)) // not reported again
	ready := j.Ready(after(40), false)
	if len(ready) != 2 || ready[0] != waits || ready[1] != ended {
		t.Fatalf("it tells %d events", len(ready))
	}
	start, _ := ended.Start.Get()
	if end, _ := ended.End.Get(); ended.Path != waits.Path || ended.Object != waits.Object || ended.Lock.Kind != "posix" || ended.Mode != LockWrite ||
		start != 10 || end != 14 || ended.Waited != 20*time.Millisecond {
		t.Errorf("%s, %s: %+v", ended.Object, ended.Path, ended.Lock)
	}
	again := attempt(50, 2, 2, "flock READ waits")
	j.Locked(again)
	j.LockWaitEnded(left(60, 2))
	ready = j.Ready(after(60), false)
	if len(ready) != 2 || ready[0] != again || ready[1].Start.Known() || ready[1].End.Known() || ready[1].Waited != 10*time.Millisecond {
		t.Errorf("a second wait: %d events, %+v", len(ready), ready[len(ready)-1].Lock)
	}
}

// TestLocksAreBounded: locks above the limits are forgotten, those of one owner and in total.
func TestLocksAreBounded(t *testing.T) {
	var j Joiner
	for i := range 2 * maxLockRanges {
		j.Locked(attempt(0, 1, 1, fmt.Sprintf("posix READ taken %d-%d", 2*i, 2*i)))
	}
	for i := range maxLocks + 10 {
		j.Locked(attempt(0, i, uint64(i), "flock READ taken"))
		j.Locked(attempt(0, i, uint64(i), "flock WRITE waits"))
		j.Ready(after(0), false)
	}
	const each, owners = 16, maxLocks/16 + 10
	for owner := range uint64(owners) {
		for i := range each {
			j.Locked(attempt(0, 1, owner, fmt.Sprintf("ofd READ taken %d-%d", 2*i, 2*i)))
		}
		j.Ready(after(0), false)
	}
	all := 0
	for key, ranges := range j.locks.held {
		all += len(ranges)
		if len(ranges) > maxLockRanges {
			t.Fatalf("%d ranges of %+v", len(ranges), key)
		}
	}
	if len(j.locks.held) > maxLocks || len(j.locks.waiting) > maxLocks {
		t.Errorf("%d locks and %d waits are remembered", len(j.locks.held), len(j.locks.waiting))
	}
	if all > maxLocks || all != j.locks.ranges {
		t.Errorf("%d ranges are remembered, %d were counted", all, j.locks.ranges)
	}
	for owner := range uint64(owners) {
		j.Locked(attempt(0, 1, owner, "posix READ released"))
		j.Locked(attempt(0, 1, owner, "ofd READ released"))
	}
	if j.locks.ranges != 0 || len(j.locks.held) != 0 {
		t.Errorf("%d ranges are left", j.locks.ranges)
	}
}
