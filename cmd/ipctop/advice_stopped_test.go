package main

// lockOfStopped is a process that stops while it holds a lock.
const lockOfStopped = `
import fcntl, os, signal, time
holder = os.fork()
if holder == 0: f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX); os.kill(os.getpid(), signal.SIGSTOP); f.close(); time.sleep(1000)
time.sleep(0.2); waiter = os.fork()
if waiter == 0: fcntl.flock(open("DIR/lock", "w"), fcntl.LOCK_EX); time.sleep(1000)
time.sleep(0.2); print(waiter, holder, flush=True); time.sleep(1000)
`

// lockOfStoppedFamily is a process that stops and its child. Both hold a lock, and one waits for the
// end of the other.
const lockOfStoppedFamily = `
import fcntl, os, signal, time
f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX); r, w = os.pipe(); holder = os.fork()
if holder == 0:
    child = os.fork()
    if child == 0: time.sleep(1); os._exit(0)
    os.write(w, b"%d" % child); os.waitpid(child, 0); os._exit(0)
f.close(); child = int(os.read(r, 9)); os.kill(child, signal.SIGSTOP); os.kill(holder, signal.SIGSTOP); waiter = os.fork()
if waiter == 0: fcntl.flock(open("DIR/lock", "w"), fcntl.LOCK_EX); time.sleep(1000)
time.sleep(0.2); print(waiter, holder, flush=True); time.sleep(1000)
`

// lockOfStoppedParent is a process that stops while it holds a lock together with its child, which runs.
const lockOfStoppedParent = `
import fcntl, os, signal, time
holder = os.fork()
if holder == 0:
    f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX)
    if os.fork() == 0: time.sleep(1000)
    os.kill(os.getpid(), signal.SIGSTOP); fcntl.flock(f, fcntl.LOCK_UN); time.sleep(1000)
time.sleep(0.2); waiter = os.fork()
if waiter == 0: fcntl.flock(open("DIR/lock", "w"), fcntl.LOCK_EX); time.sleep(1000)
time.sleep(0.2); print(waiter, holder, flush=True); time.sleep(1000)
`

// stoppedServer is a server that stops before it accepts the connections for which its
// queue has no room.
const stoppedServer = `
import os, signal, socket, time
server = os.fork()
if server == 0:
    s = socket.socket(socket.AF_UNIX); s.bind("DIR/server"); s.listen(0); os.kill(os.getpid(), signal.SIGSTOP)
    kept = []
    while True: kept.append(s.accept())
time.sleep(0.3); first = socket.socket(socket.AF_UNIX); first.connect("DIR/server"); client = os.fork()
if client == 0: c = socket.socket(socket.AF_UNIX); c.connect("DIR/server"); time.sleep(1000)
time.sleep(0.2); print(client, server, flush=True); time.sleep(1000)
`

// leakedEnd is a worker that inherits the write end of its sibling's pipe.
const leakedEnd = `
import os, time
def worker():
    r, w = os.pipe(); pid = os.fork()
    if pid == 0:
        os.close(w)
        while os.read(r, 1): pass
        time.sleep(1000)
    os.close(r); return pid, w
first, w = worker(); time.sleep(0.1); second, other = worker(); os.close(w)
time.sleep(0.2); print(first, second, flush=True); time.sleep(1000)
`

// fullPipe is a writer whose reader does something else.
const fullPipe = `
import os, time
r, w = os.pipe(); reader = os.fork()
if reader == 0: os.close(w); time.sleep(1000)
os.close(r); writer = os.fork()
if writer == 0:
    import signal; signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try: os.write(w, bytes(1 << 20))
    except OSError: pass
    time.sleep(1000)
time.sleep(0.2); print(writer, reader, flush=True); time.sleep(1000)
`

// relayed is a relay between a writer and a server that is stopped. The relay polls until
// the server takes more.
const relayed = `
import os, select, signal, socket, time
a, b = socket.socketpair(); server = os.fork()
if server == 0:
    a.close(); os.kill(os.getpid(), signal.SIGSTOP)
    while b.recv(65536): pass
    time.sleep(1000)
r, w = os.pipe(); relay = os.fork()
if relay == 0:
    b.close(); os.close(w); a.setblocking(False); data = b""
    while True:
        p = select.poll(); p.register(a, select.POLLIN | (select.POLLOUT if data else 0))
        if not data: p.register(r, select.POLLIN)
        p.poll()
        data = data or os.read(r, 65536)
        try: data = data[a.send(data):]
        except BlockingIOError: pass
a.close(); b.close(); os.close(r); writer = os.fork()
if writer == 0:
    os.write(w, bytes(1 << 21)); time.sleep(1000)
os.close(w); time.sleep(0.3); print(writer, server, flush=True); time.sleep(1000)
`

// polledServer is a client that polls its connection to a stopped server.
const polledServer = `
import os, select, signal, socket, time
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(1); server = os.fork()
if server == 0:
    c = l.accept()[0]; os.kill(os.getpid(), signal.SIGSTOP); c.send(b"x"); time.sleep(1000)
client = os.fork()
if client == 0:
    s = socket.create_connection(l.getsockname()); l.close(); p = select.poll(); p.register(s, select.POLLIN); p.poll(); time.sleep(1000)
time.sleep(0.3); print(client, server, flush=True); time.sleep(1000)
`

// polledPair is a client that polls again and again for the answer of a stopped process, with which it
// shares a socket pair. The request is not read.
const polledPair = `
import os, select, signal, socket, time
a, b = socket.socketpair(); server = os.fork()
if server == 0:
    a.close(); os.kill(os.getpid(), signal.SIGSTOP); b.recv(10); b.send(b"x"); time.sleep(1000)
b.close(); client = os.fork()
if client == 0:
    a.send(b"request"); p = select.poll(); p.register(a, select.POLLIN)
    while not p.poll(30000): pass
    time.sleep(1000)
a.close(); time.sleep(0.3); print(client, server, flush=True); time.sleep(1000)
`

// stoppedUnderLock is a command under flock(1), which is stopped: flock has the lock, too.
const stoppedUnderLock = `flock DIR/l sh -c 'kill -STOP $$' & sleep 0.3; flock DIR/l true & echo $!; sleep 300; :`

var stuckStopped = []stuckScript{
	{"command under a lock is stopped", "holder-stopped", []string{"bash", "-c", stoppedUnderLock}, "stopped"},
	{"lock of a stopped process", "holder-stopped", []string{"python3", "-c", lockOfStopped}, "is stopped"},
	{"lock of a stopped process and its child", "holder-stopped", []string{"python3", "-c", lockOfStoppedFamily}, "is stopped"},
	{"lock of a stopped process and its child that runs", "lock-wait", []string{"python3", "-c", lockOfStoppedParent}, "is stopped"},
	{"stopped server", "holder-stopped", []string{"python3", "-c", stoppedServer}, "is stopped"},
	{"stopped server behind a relay that polls", "holder-stopped", []string{"python3", "-c", relayed}, "is stopped"},
	{"stopped server that is polled", "holder-stopped", []string{"python3", "-c", polledServer}, "is stopped"},
	{"stopped process that is polled with a time limit", "holder-stopped", []string{"python3", "-c", polledPair}, "is stopped"},
	{"inherited write end", "leaked-write-end", []string{"python3", "-c", leakedEnd}, "inherited and keeps open"},
	{"reader that does something else", "pipe-full", []string{"python3", "-c", fullPipe}, "does not read it"},
}
