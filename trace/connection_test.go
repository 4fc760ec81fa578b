package trace

import "testing"

func made(ms, pid int, event string, object, local, remote string) *Event {
	return &Event{Event: event, Time: after(ms), Sender: &Party{PID: pid}, Object: object, Connection: &Connection{Local: local, Remote: remote, Network: 1}}
}

// TestJoinerOfConnections: each end is told who is at the other, whichever is seen first.
func TestJoinerOfConnections(t *testing.T) {
	const client, server = "127.0.0.1:4000", "127.0.0.1:80"
	connect := func(ms int) *Event { return made(ms, 1, ConnectEvent, "tcp:1", client, server) }
	accept := func(ms int) *Event { return made(ms, 2, AcceptEvent, "tcp:2", server, client) }
	failed := func(e *Event, name string) *Event { e.Error = name; return e }
	datagrams := func(e *Event) *Event { e.Datagrams = true; return e }
	elsewhere := func(e *Event) *Event { e.Network = 2; return e }
	unix := func(e *Event, peer string) *Event { e.Local, e.Remote, e.PeerObject = "", "", peer; return e }
	for _, test := range []struct {
		name   string
		events []*Event
		joined bool
	}{
		{"connected, then accepted", []*Event{connect(0), accept(1)}, true},
		{"accepted, then connected", []*Event{accept(0), connect(1)}, true},
		{"in progress", []*Event{failed(connect(0), InProgress), accept(1)}, true},
		{"it failed", []*Event{failed(connect(0), "ECONNREFUSED"), accept(1)}, false},
		{"datagrams, which nobody accepts", []*Event{datagrams(connect(0)), accept(1)}, false},
		{"another network namespace", []*Event{connect(0), elsewhere(accept(1))}, false},
		{"another connection", []*Event{connect(0), made(1, 2, AcceptEvent, "tcp:2", server, "127.0.0.1:4001")}, false},
		{"a UNIX socket", []*Event{unix(connect(0), ""), unix(accept(1), "tcp:1")}, true},
		{"another UNIX socket", []*Event{unix(connect(0), ""), unix(accept(1), "tcp:3")}, false},
	} {
		var j Joiner
		for _, e := range test.events {
			j.Connected(e)
		}
		ready := j.Ready(after(2), !test.joined)
		if len(ready) != 2 {
			t.Fatalf("%s: %d events are ready", test.name, len(ready))
		}
		for i, e := range ready {
			other := ready[1-i]
			if joined := e.Target == other.Sender && e.PeerObject == other.Object; joined != test.joined {
				t.Errorf("%s: %s has target %+v, %s", test.name, e.Event, e.Target, e.PeerObject)
			}
		}
	}
}

// TestJoinerOfDatagrams: the event of a datagram socket does not wait for an accept.
func TestJoinerOfDatagrams(t *testing.T) {
	var j Joiner
	e := made(0, 1, ConnectEvent, "udp:1", "a:1", "b:2")
	e.Datagrams = true
	j.Connected(e)
	if ready := j.Ready(after(0), false); len(ready) != 1 {
		t.Errorf("%d events are ready", len(ready))
	}
}

// TestJoinerOfLateConnections: reported events are not changed, and old ones are forgotten.
func TestJoinerOfLateConnections(t *testing.T) {
	var j Joiner
	connect := made(0, 1, ConnectEvent, "tcp:1", "a:1", "b:2")
	j.Connected(connect)
	if ready := j.Ready(after(99), false); len(ready) != 0 {
		t.Fatal("it does not wait for the other end")
	}
	if ready := j.Ready(after(100), false); len(ready) != 1 {
		t.Fatal("it waits for ever")
	}
	accept := made(200, 2, AcceptEvent, "tcp:2", "b:2", "a:1")
	j.Connected(accept)
	if connect.Target != nil || accept.Target != connect.Sender {
		t.Errorf("connect to %+v, accept of %+v", connect.Target, accept.Target)
	}
	for i := range 3 * maxConnections {
		j.Connected(made(300, 1, ConnectEvent, "tcp:1", "a:1", "b:"+string(rune('0'+i))))
		j.Ready(after(1000), true)
	}
	if len(j.ends.seen) > maxConnections || len(j.ends.order) > maxConnections {
		t.Errorf("%d connections are remembered", len(j.ends.seen))
	}
}
