package trace

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func sent(ms, pid int, name, fate, effect string) *Event {
	return &Event{
		Event: SignalEvent, Time: after(ms), Target: &Party{PID: pid, StartTicks: 7},
		Signal: &Signal{Name: name, Fate: fate, Effect: effect, Cause: CauseKill},
	}
}

func took(ms, pid, tid int, name, effect string) *Taken {
	return &Taken{
		Time: after(ms), Target: &Party{PID: pid, TID: tid, StartTicks: 7}, Number: name, Effect: effect, Ends: name == "SIGKILL",
		Explain: func() *Event {
			e := sent(ms, pid, name, FateDelivered, effect)
			e.Event, e.Cause = TakenEvent, CauseKernel
			return e
		},
	}
}

func fates(list []*Event) (words []string) {
	for _, e := range list {
		words = append(words, e.Event+" "+e.Name+" "+e.Fate+" "+e.Effect)
	}
	return words
}

func TestJoiner(t *testing.T) {
	wake := func(e *Event) *Event { e.Awaited = true; return e }
	block := func(e *Event) *Event { e.IsBlocked = true; return e }
	thread := func(e *Event, tid int) *Event { e.Thread = tid; return e }
	for _, test := range []struct {
		name string
		do   func(j *Joiner)
		at   int // ms
		want []string
	}{
		{"a handler", func(j *Joiner) {
			j.Add(sent(0, 1, "SIGTERM", FateUnknown, EffectHandler))
			j.Delivered(took(1, 1, 1, "SIGTERM", EffectHandler))
		}, 2, []string{"signal SIGTERM delivered handler"}},
		{"the kernel makes SIGKILL of what ends a process", func(j *Joiner) {
			j.Add(sent(0, 1, "SIGTERM", FateUnknown, EffectEnds))
			j.Delivered(took(1, 1, 1, "SIGKILL", EffectEnds))
			j.Delivered(took(1, 1, 2, "SIGKILL", EffectEnds)) // to another thread
		}, 2, []string{"signal SIGTERM delivered ends"}},
		{"another process's", func(j *Joiner) {
			j.Add(sent(0, 1, "SIGTERM", FateUnknown, EffectHandler))
			j.Delivered(took(1, 2, 2, "SIGTERM", EffectHandler))
		}, 200, []string{"signal SIGTERM pending handler", "taken SIGTERM delivered handler"}},
		{"to one of two threads", func(j *Joiner) {
			j.Add(thread(sent(0, 1, "SIGUSR1", FateUnknown, EffectHandler), 2))
			j.Add(thread(sent(0, 1, "SIGUSR1", FateUnknown, EffectHandler), 3))
			j.Delivered(took(1, 1, 3, "SIGUSR1", EffectHandler))
		}, 200, []string{"signal SIGUSR1 pending handler", "signal SIGUSR1 delivered handler"}},
		{"what is not settled holds up what follows", func(j *Joiner) {
			j.Add(sent(0, 1, "SIGTERM", FateUnknown, EffectHandler))
			j.Add(sent(1, 1, "SIGCHLD", FateIgnored, EffectNone))
		}, 50, nil},
		{"but not for ever", func(j *Joiner) {
			j.Add(sent(0, 1, "SIGTERM", FateUnknown, EffectHandler))
			j.Add(sent(1, 1, "SIGCHLD", FateIgnored, EffectNone))
		}, 100, []string{"signal SIGTERM pending handler", "signal SIGCHLD ignored none"}},
		{"ignored, but blocked for a moment", func(j *Joiner) {
			j.Add(block(sent(0, 1, "SIGTERM", FateUnknown, EffectNone)))
			j.Delivered(took(1, 1, 1, "SIGTERM", EffectNone))
		}, 2, []string{"signal SIGTERM ignored none"}},
		{"somebody waits for it", func(j *Joiner) {
			j.Add(wake(sent(0, 1, "SIGTERM", FateUnknown, EffectEnds)))
		}, 100, []string{"signal SIGTERM awaited ends"}},
		{"blocked, and taken later by what it then does", func(j *Joiner) {
			j.Add(block(sent(0, 1, "SIGTERM", FateUnknown, EffectEnds)))
			j.Ready(after(150), false)
			j.Delivered(took(500, 1, 1, "SIGTERM", EffectHandler))
		}, 501, []string{"taken SIGTERM delivered handler"}},
		{"it comes to its end late", func(j *Joiner) {
			j.Add(sent(0, 1, "SIGTERM", FateUnknown, EffectEnds))
			j.Ready(after(150), false)
			j.Delivered(took(500, 1, 1, "SIGKILL", EffectEnds))
			j.Delivered(took(500, 1, 2, "SIGKILL", EffectEnds))
		}, 501, []string{"taken SIGTERM delivered ends"}},
		{"a late end is not told twice", func(j *Joiner) {
			j.Delivered(took(500, 1, 1, "SIGKILL", EffectEnds))
		}, 501, nil},
		{"sent before the trace began", func(j *Joiner) {
			j.Delivered(took(0, 1, 1, "SIGTERM", EffectHandler))
		}, 1, []string{"taken SIGTERM delivered handler"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var j Joiner
			test.do(&j)
			if got := fates(j.Ready(after(test.at), false)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestJoinerTellsHowLong(t *testing.T) {
	var j Joiner
	e := sent(0, 1, "SIGTERM", FateUnknown, EffectEnds)
	e.IsBlocked = true
	j.Add(e)
	if got := fates(j.Ready(after(100), false)); !slices.Equal(got, []string{"signal SIGTERM blocked ends"}) {
		t.Fatal(got)
	}
	j.Delivered(took(600, 1, 1, "SIGTERM", EffectHandler))
	list := j.Ready(after(600), false)
	if len(list) != 1 || list[0].After != 600*time.Millisecond {
		t.Errorf("%+v", list)
	}
}

// TestJoinerIsBounded sends signals that are never delivered.
func TestJoinerIsBounded(t *testing.T) {
	var j Joiner
	for i := range 3 * maxWaiting {
		j.Add(sent(i, i+1, "SIGTERM", FateUnknown, EffectHandler))
		j.Ready(after(i+1000), false)
	}
	if len(j.waiting) > maxWaiting || len(j.order) > maxWaiting || len(j.queue) > 0 {
		t.Errorf("%d wait, %d in order, %d in the queue", len(j.waiting), len(j.order), len(j.queue))
	}
}

// TestJoinerOOM: the OOM killer reports only after it has killed a process that it was the killer.
func TestJoinerOOM(t *testing.T) {
	for _, test := range []struct {
		tid  int
		want string
	}{{9, CauseOOM}, {8, CauseKernel}} {
		var j Joiner
		e := sent(0, 1, "SIGKILL", FateUnknown, EffectEnds)
		e.Cause, e.Running = CauseKernel, &Party{PID: 5, TID: 9}
		j.Add(e)
		j.Delivered(took(1, 1, 1, "SIGKILL", EffectEnds))
		if list := j.Ready(after(2), false); len(list) > 0 {
			t.Errorf("it is told before it is known who killed it: %+v", list)
		}
		j.OutOfMemory(test.tid)
		if list := j.Ready(after(100), false); len(list) != 1 || list[0].Cause != test.want || list[0].Fate != FateDelivered {
			t.Errorf("%+v, want %s", list, test.want)
		}
	}
}

func TestFilter(t *testing.T) {
	e := &Event{
		Path: "/run/socket", Connection: &Connection{Local: "127.0.0.1:4000", Remote: "[::1]:5432", PeerObject: "unix:8"},
		Sender: &Party{PID: 1, UID: model.Some(0), User: "root", Comm: "sh", Label: "deploy"}, Target: &Party{PID: 2, UID: model.Some(33), Comm: "nginx", Label: "nginx"},
		Object: "pipe:4",
	}
	for _, test := range []struct {
		name   string
		filter Filter
		want   bool
	}{
		{"nothing asked", Filter{}, true},
		{"the target", Filter{PIDs: []int{2}}, true},
		{"the sender", Filter{PIDs: []int{1, 9}}, true},
		{"neither", Filter{PIDs: []int{3}}, false},
		{"display name", Filter{Names: []string{"deploy"}}, true},
		{"command name", Filter{Names: []string{"sh"}}, true},
		{"part of a name", Filter{Names: []string{"ngin"}}, false},
		{"a user by number", Filter{Users: []string{"33"}}, true},
		{"a user by name", Filter{Users: []string{"root"}}, true},
		{"not of one process", Filter{Users: []string{"root"}, PIDs: []int{2}}, false},
		{"an object", Filter{Objects: []string{"pipe:4"}}, true},
		{"the object at the other end", Filter{Objects: []string{"unix:8"}}, true},
		{"a path", Filter{Places: []string{"/run/socket"}}, true},
		{"another path", Filter{Places: []string{"/run/sock"}}, false},
		{"an address", Filter{Places: []string{"127.0.0.1:4000"}}, true},
		{"a port", Filter{Places: []string{":5432"}}, true},
		{"part of a port", Filter{Places: []string{":432"}}, false},
		{"a path of another process", Filter{Places: []string{"/run/socket"}, PIDs: []int{3}}, false},
		{"a path of one process", Filter{Places: []string{"/run/socket"}, PIDs: []int{2}}, true},
		{"a port of one process", Filter{Places: []string{":5432"}, PIDs: []int{1}}, true},
		{"an object of one user", Filter{Objects: []string{"pipe:4"}, Users: []string{"33"}}, true},
		{"another path of one process", Filter{Places: []string{"/run/sock"}, PIDs: []int{2}}, false},
		{"a path or a name", Filter{Places: []string{"/run/sock"}, Names: []string{"nginx"}}, true},
		{"another object", Filter{Objects: []string{"pipe:5"}}, false},
		{"an object or a name", Filter{Objects: []string{"pipe:5"}, Names: []string{"nginx"}}, true},
		{"a container, and none is in one", Filter{Containers: []string{"web"}}, false},
	} {
		if got := test.filter.Match(e); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
