package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fullLog is a socket like /dev/log whose owner does not receive, and three clients:
// connected ones, and one that gives the path with each message.
const fullLog = `
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("DIR/log"); pids = []
server = os.fork()
if server == 0: time.sleep(1000)
s.close()
for how in ("send", "send", "sendto", "sendmsg"):
    pid = os.fork(); pids.append(pid)
    if pid == 0:
        c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if how == "send": c.connect("DIR/log")
        while True:
            if how == "send": c.send(b"x")
            elif how == "sendto": c.sendto(b"x", "DIR/log")
            else: c.sendmsg([b"x"], [], 0, "DIR/log")
time.sleep(0.3); print(*pids, server, flush=True); time.sleep(1000)
`

// logRead is the same with an owner that receives.
const logRead = `
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("DIR/log"); server = os.fork()
if server == 0:
    while True: s.recv(9)
c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); c.connect("DIR/log"); c.send(b"x")
print(server, os.getpid(), flush=True); time.sleep(1000)
`

// fullListener is a server that does not accept. One client waits for an answer on a
// connection that waits to be accepted; another cannot even connect.
const fullListener = `
import os, socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1); kept = []; pids = []; connected, says = os.pipe()
asks = os.fork()
if asks == 0:
    c = socket.create_connection(s.getsockname()); s.close(); os.write(says, b"x"); os.close(says); os.close(connected)
    c.sendall(b"x"); c.recv(1)
os.close(says); os.read(connected, 1); os.close(connected)
for i in range(6): c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); kept.append(c); time.sleep(0.05)
connects = os.fork()
if connects == 0: name = s.getsockname(); s.close(); socket.create_connection(name)
server = os.fork()
if server == 0: time.sleep(1000)
port = s.getsockname()[1]; s.close(); time.sleep(0.3); print(connects, asks, server, port, flush=True); time.sleep(1000)
`

// oneOfTwoServers are two servers that bind the same relative path, each in its own directory. The
// first is stopped, the other sleeps, and clients of both wait in connect.
const oneOfTwoServers = `
import os, signal, socket, time
pids = []
for name in "ab":
    os.mkdir("DIR/" + name); os.chdir("DIR/" + name)
    s = socket.socket(socket.AF_UNIX); s.bind("s"); s.listen(0); server = os.fork()
    if server == 0:
        if name == "a": os.kill(os.getpid(), signal.SIGSTOP)
        kept = []
        while name == "a": kept.append(s.accept())
        time.sleep(1000)
    s.close()
    for i in range(2):
        client = os.fork()
        if client == 0: c = socket.socket(socket.AF_UNIX); c.connect("s"); time.sleep(1000)
        time.sleep(0.2)
    pids += [client, server]
print(*pids[:2], flush=True); time.sleep(1000)
`

// peerInFlight is a reader of a socket pair whose other end is in the queue of a socket that nobody reads.
const peerInFlight = `
import array, os, socket, time
a, b = socket.socketpair(); receiver = os.fork()
if receiver == 0: a.close(); time.sleep(1000)
b.close(); c, d = socket.socketpair(); victim = os.fork()
if victim == 0: a.close(); d.close(); c.recv(1); os._exit(0)
a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [d.fileno()]))]); a.close(); c.close(); d.close()
time.sleep(0.2); print(victim, receiver, flush=True); time.sleep(1000)
`

var stuckSockets = []stuckScript{
	{"one of two servers of a relative path", "holder-stopped", []string{"python3", "-c", oneOfTwoServers}, ""},
	{"end of a pair of sockets in flight", "fd-in-flight", []string{"python3", "-c", peerInFlight}, "the other end of unix:"},
	{"log socket that is full", "socket-full", []string{"python3", "-c", fullLog}, "/log"},
}

var healthySockets = []stuckScript{
	{name: "log socket that is read", argv: []string{"python3", "-c", logRead}},
}

// TestWhyOfAPort: a client whose connection is not accepted waits for the server, also if
// it waits for an answer on that connection. The port as a reference leads to all of them.
func TestWhyOfAPort(t *testing.T) {
	p := startReal(t, "python3", "-c", fullListener)
	pids := numbers(t, p.line(t))
	clients, server, port := pids[:2], pids[2], pids[3]
	waitAged(t, clients[0])
	for _, w := range waitsOf(newScan(t), clients) {
		var blockers []int
		for _, b := range w.Blockers {
			blockers = append(blockers, b.PID)
		}
		if !slices.Equal(blockers, []int{server}) {
			t.Errorf("%d is in %s, blocked by %v; want %d", w.PID, w.Call, blockers, server)
		}
	}
	_, text, _ := run(t, "", "why", fmt.Sprintf(":%d", port))
	for _, pid := range pids[:3] {
		if !strings.Contains(text, fmt.Sprintf("(%d)", pid)) {
			t.Errorf("why :%d does not name %d:\n%s", port, pid, text)
		}
	}
}

// stoppedWorker is a server whose only worker is stopped, and two clients that poll for
// an answer on connections that nobody has accepted.
const stoppedWorker = `
import os, select, signal, socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(9); clients = []
worker = os.fork()
if worker == 0: os.kill(os.getpid(), signal.SIGSTOP); s.accept(); time.sleep(1000)
for i in range(2):
    pid = os.fork(); clients.append(pid)
    if pid == 0:
        name = s.getsockname(); s.close(); c = socket.create_connection(name); other, _ = socket.socketpair(); p = select.poll()
        p.register(c, select.POLLIN); p.register(other, select.POLLIN); p.poll(1000000)
time.sleep(0.3); print(*clients, worker, s.getsockname()[1], flush=True); os.waitpid(worker, 0)
`

// TestWhyOfAStoppedWorkersPort: a client that polls on a connection in the backlog is not called idle.
func TestWhyOfAStoppedWorkersPort(t *testing.T) {
	p := startReal(t, "python3", "-c", stoppedWorker)
	pids := numbers(t, p.line(t))
	waitAged(t, pids[0])
	_, text, _ := run(t, "", "why", fmt.Sprintf(":%d", pids[3]))
	if !strings.Contains(text, "2 connections wait to be accepted") || !strings.Contains(text, fmt.Sprintf("(%d) is stopped; ", pids[2])) || strings.Contains(text, "idle") {
		t.Errorf("why of the port does not say that the worker is stopped:\n%s", text)
	}
}
