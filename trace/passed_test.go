package trace

import "testing"

func given(ms, pid int, how, object, via string, names ...string) *Event {
	e := &Event{Event: PassedEvent, Time: after(ms), Object: object, Passed: &Passed{How: how, Via: via, Number: len(names)}}
	for _, name := range names {
		e.Given = append(e.Given, File{Name: name})
	}
	if how == PassedSent {
		e.Sender = &Party{PID: pid}
	} else {
		e.Target = &Party{PID: pid}
	}
	return e
}

// TestJoinerOfPassed: sender and receiver are known to both events, whichever is seen first.
func TestJoinerOfPassed(t *testing.T) {
	send := func(ms int, names ...string) *Event { return given(ms, 1, PassedSent, "unix:1", "unix:2", names...) }
	receive := func(ms int, names ...string) *Event { return given(ms, 2, PassedReceived, "unix:2", "", names...) }
	peek := func(e *Event) *Event { e.Peeked = true; return e }
	for _, test := range []struct {
		name   string
		events []*Event
		joined []int // index of the event it is joined with; -1: none
	}{
		{"sent, then received", []*Event{send(0, "a"), receive(1, "a")}, []int{1, 0}},
		{"received, then sent", []*Event{receive(0, "a"), send(1, "a")}, []int{1, 0}},
		{"another file", []*Event{send(0, "a"), receive(1, "b")}, []int{-1, -1}},
		{"the first of two", []*Event{send(0, "a"), send(1, "a"), receive(2, "a")}, []int{2, -1, 0}},
		{"over another socket", []*Event{send(0, "a"), given(1, 2, PassedReceived, "unix:3", "", "a")}, []int{-1, -1}},
		{"looked at, then received", []*Event{send(0, "a"), peek(receive(1, "a")), receive(2, "a")}, []int{2, -1, 0}},
	} {
		var j Joiner
		for _, e := range test.events {
			j.Passed(e)
		}
		ready := j.Ready(after(500), false)
		if len(ready) != len(test.events) {
			t.Fatalf("%s: %d events are ready", test.name, len(ready))
		}
		for i, e := range ready {
			joined := e.Sender != nil && e.Target != nil
			if joined != (test.joined[i] >= 0) {
				t.Errorf("%s: of %d it knows %+v to %+v", test.name, i, e.Sender, e.Target)
				continue
			}
			if joined {
				if o := ready[test.joined[i]]; e.Sender != o.Sender || e.Target != o.Target || e.How == PassedReceived && e.Via != o.Object {
					t.Errorf("%s: %d is joined with another than %d", test.name, i, test.joined[i])
				}
			}
		}
	}
}

// TestJoinerOfLatePassed: reported events are not changed, and old ones are forgotten.
func TestJoinerOfLatePassed(t *testing.T) {
	var j Joiner
	sent := given(0, 1, PassedSent, "unix:1", "unix:2", "a")
	j.Passed(sent)
	if len(j.Ready(after(99), false)) != 0 || len(j.Ready(after(100), false)) != 1 {
		t.Fatal("it waits for too short or too long")
	}
	received := given(200, 2, PassedReceived, "unix:2", "", "a")
	j.Passed(received)
	if sent.Target != nil || received.Sender != sent.Sender {
		t.Errorf("sent to %+v, received of %+v", sent.Target, received.Sender)
	}
	for range maxPassed + 10 {
		j.Passed(given(300, 1, PassedSent, "unix:1", "unix:2", "b"))
	}
	if len(j.passed) > maxPassed {
		t.Errorf("%d are remembered", len(j.passed))
	}
}

// Descriptors that another ipctop takes to examine them are minor events; those taken by a
// debugger, or sent in a message, are not.
func TestMinorPasses(t *testing.T) {
	for _, test := range []struct {
		comm, how string
		minor     bool
	}{
		{"ipctop-helper", PassedTaken, true},
		{"ipctop", PassedTaken, true},
		{"gdb", PassedTaken, false},
		{"ipctop", PassedSent, false},
	} {
		e := Event{Event: PassedEvent, Sender: &Party{Comm: test.comm}, Passed: &Passed{How: test.how}}
		if e.Minor() != test.minor {
			t.Errorf("%s of %s: minor %v", test.how, test.comm, !test.minor)
		}
	}
}
