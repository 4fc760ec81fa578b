package main

// fullQueue has a sender that waits for room in a queue, and a receiver that was stopped
// before it made room. The queue is removed with the process that created it.
const fullQueue = `
import atexit, ctypes, os, signal, sys, time
libc = ctypes.CDLL(None); text = ctypes.create_string_buffer(b"\1" + bytes(7), 8008)
q = libc.msgget(0, 0o1600); atexit.register(libc.msgctl, q, 0, None); signal.signal(signal.SIGTERM, lambda *a: sys.exit())
def child(f):
    pid = os.fork()
    if pid == 0:
        try: signal.signal(signal.SIGTERM, signal.SIG_DFL); f()
        finally: time.sleep(1000); os._exit(0)
    return pid
def receive():
    libc.msgrcv(q, text, 8000, 0, 0); os.kill(os.getpid(), signal.SIGSTOP); libc.msgrcv(q, text, 8000, 0, 0)
def send():
    for n in range(99): libc.msgsnd(q, text, 8000 - n, 0) # each call with other arguments
if q < 0: print("msgget fails")
libc.msgsnd(q, text, 8000, 0); receiver = child(receive); time.sleep(0.3); sender = child(send)
time.sleep(0.3); print(sender, receiver, flush=True); sys.stdin.read()
`

// fullPosixQueue is the same with a POSIX queue whose name is removed at once.
const fullPosixQueue = `
import ctypes, os, signal, sys, time
libc = ctypes.CDLL(None); name = b"/ipctop-test-%d" % os.getpid(); size = ctypes.c_size_t(8192); text = ctypes.create_string_buffer(8192)
q = libc.mq_open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, None); libc.mq_unlink(name)
reads = os.open("/proc/self/fd/%d" % q, os.O_RDONLY)
if q < 0: print("mq_open fails", flush=True)
receiver = os.fork()
if receiver == 0: os.kill(os.getpid(), signal.SIGSTOP); libc.mq_receive(reads, text, size, None); time.sleep(1000)
os.close(reads)
sender = os.fork()
if sender == 0:
    for n in range(99): libc.mq_send(q, text, ctypes.c_size_t(8192 - n), 0)
os.close(q); time.sleep(0.3); print(sender, receiver, flush=True); sys.stdin.read()
`

// terminalJob is a background job that holds a lock and wants its terminal.
const terminalJob = `
import fcntl, os, pty, signal, sys, time
r, w = os.pipe(); pid, master = pty.fork()
if pid == 0:
    job = os.fork()
    if job == 0:
        f = open("DIR/lock", "w"); fcntl.flock(f, fcntl.LOCK_EX); os.setpgid(0, 0); os.write(w, b"%d " % os.getpid()); os.read(0, 1)
    time.sleep(1000) # a shell that is told of the stop takes what tells of it
job = int(os.read(r, 9)); time.sleep(0.2); waiter = os.fork()
if waiter == 0: fcntl.flock(open("DIR/lock", "w"), fcntl.LOCK_EX); time.sleep(1000)
time.sleep(0.2); print(waiter, job, flush=True); sys.stdin.read()
os.kill(pid, signal.SIGKILL)
`

var stuckQueues = []stuckScript{
	{"System V queue whose receiver is stopped", "holder-stopped", []string{"python3", "-c", fullQueue}, "is stopped"},
	{"POSIX queue whose receiver is stopped", "holder-stopped", []string{"python3", "-c", fullPosixQueue}, "is stopped"},
}

// stuckMemory are programs that are stuck on objects in memory. Nothing releases such a
// mutex or condition variable, but processes that wait for a stuck process can go on.
var stuckMemory = []stuckScript{
	{"mutex of a process that has ended", "mutex-owner-dead", []string{"STUCK", "abandoned", "DIR"}, "has ended"},
	{"mutex that was locked when its process was forked", "mutex-owner-dead", []string{"STUCK", "copied", "DIR"}, "when this process was forked"},
	{"condition whose waiters were killed", "cond-waiters-dead", []string{"STUCK", "notifies", "DIR"}, "waiters that were killed"},
}

var stuckTerminals = []stuckScript{
	{"job that the terminal has stopped", "stopped-by-tty", []string{"python3", "-c", terminalJob}, "tried to read from"},
}
