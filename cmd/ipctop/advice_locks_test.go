package main

import "slices"

var (
	stuckScripts   = slices.Concat(stuckLocks, stuckSockets, stuckPipes, stuckStopped, stuckRuntimes, stuckQueues, stuckMemory, stuckTerminals)
	healthyScripts = slices.Concat(healthyLocks, healthySockets, healthyFIFOs, healthyPipes, healthyRuntimes)
)

// flockIdiom is the idiom in the manual page of flock(1): the command takes the lock on a
// descriptor of the script, which keeps the lock when the command has ended.
const flockIdiom = `exec 9>DIR/lock; flock 9 || { echo flock is missing; exit; }
(flock DIR/lock true 9>&- & echo $! >DIR/victim)
(exec 9>&-; until pgrep -x -P $$ sleep; do sleep 0.1; done >/dev/null; echo $(cat DIR/victim) $$) & sleep 300; :`

// lockInFlight locks a file, sends the descriptor through a socket and closes it.
const lockInFlight = `
import array, fcntl, os, socket, time
a, b = socket.socketpair(); receiver = os.fork()
if receiver == 0: a.close(); time.sleep(1000)
b.close(); f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX)
a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()]))]); f.close(); a.close()
victim = os.fork()
if victim == 0: fcntl.flock(open("DIR/lock"), fcntl.LOCK_EX); os._exit(0)
time.sleep(0.2); print(victim, receiver, flush=True); time.sleep(1000)
`

// lockBehindServer holds a lock while it waits for a server that never answers.
const lockBehindServer = `
import fcntl, os, select, socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); server = os.fork()
if server == 0:
    e = select.epoll(); e.register(s, 1); kept = []
    while True:
        for fd, _ in e.poll():
            if fd == s.fileno(): kept.append(s.accept()[0]); e.register(kept[-1], 1)
            else: kept[-1].recv(99)
holder = os.fork()
if holder == 0:
    f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX)
    c = socket.create_connection(s.getsockname()); c.sendall(b"request"); s.close(); c.recv(9); os._exit(0)
s.close(); time.sleep(0.3); victim = os.fork()
if victim == 0: fcntl.flock(open("DIR/lock"), fcntl.LOCK_EX); os._exit(0)
time.sleep(0.2); print(victim, holder, server, flush=True); time.sleep(1000)
`

// lockMapped keeps a lock only by a mapping.
const lockMapped = `
import ctypes, fcntl, os, time
libc = ctypes.CDLL(None); libc.mmap.restype = ctypes.c_void_p
holder = os.fork()
if holder == 0:
    f = open("DIR/lock", "w+"); f.truncate(4096); fcntl.flock(f, fcntl.LOCK_EX)
    libc.mmap(None, ctypes.c_size_t(4096), 3, 1, f.fileno(), ctypes.c_long(0)); f.close(); time.sleep(1000)
time.sleep(0.3); victim = os.fork()
if victim == 0: fcntl.flock(open("DIR/lock"), fcntl.LOCK_EX); os._exit(0)
time.sleep(0.2); print(victim, holder, flush=True); time.sleep(1000)
`

// acceptInTurn are servers that call accept one after the other, under a lock.
const acceptInTurn = `
import fcntl, os, socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); pids = []
for i in range(3):
    pid = os.fork()
    if pid == 0: fcntl.flock(open("DIR/lock", "w"), fcntl.LOCK_EX); s.accept()
    pids.append(pid); time.sleep(0.1)
print(*reversed(pids), flush=True); time.sleep(1000)
`

// lockReceived holds a lock whose descriptor was sent and received.
const lockReceived = `
import array, fcntl, os, socket, time
a, b = socket.socketpair(); f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX); receiver = os.fork()
if receiver == 0: a.close(); f.close(); got = b.recvmsg(1, 99); time.sleep(1000)
b.close(); a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()]))]); f.close()
time.sleep(0.2); print(receiver, os.getpid(), flush=True); time.sleep(1000)
`

// locksInherited are two commands under locks whose own commands want the lock of the other one:
// each lock is held by three processes, of which the one in the middle may end without releasing it.
const locksInherited = `flock DIR/a sh -c 'sleep 1; flock DIR/b true; :' & sleep 0.2
flock DIR/b sh -c 'sleep 1; flock DIR/a true; :' & echo $!; sleep 300; :`

var stuckLocks = []stuckScript{
	{"locks that commands inherit", "deadlock", []string{"bash", "-c", locksInherited}, "6 processes"},
	{"script that locks its own descriptor", "lock-wait", []string{"bash", "-c", flockIdiom}, "bash"},
	{"lock in flight", "fd-in-flight", []string{"python3", "-c", lockInFlight}, "/lock"},
	{"lock behind an idle server", "lock-wait", []string{"python3", "-c", lockBehindServer}, "the chain ends at"},
	{"lock kept by a mapping", "lock-wait", []string{"python3", "-c", lockMapped}, "/lock"},
}

var healthyLocks = []stuckScript{
	{name: "servers that take turns", argv: []string{"python3", "-c", acceptInTurn}},
	{name: "lock that was handed over", argv: []string{"python3", "-c", lockReceived}},
}
