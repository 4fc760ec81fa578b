package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

// multiprocessing has a child that takes one of a semaphore's three, and waits at an empty
// queue. It prints what its objects are.
const multiprocessing = `
import json, multiprocessing as mp, multiprocessing.shared_memory, os, sys, time
fork, spawn = mp.get_context("fork"), mp.get_context("spawn")
named = spawn.Semaphore(3)      # keeps its name
unnamed = fork.Semaphore(4)     # is unlinked at once
memory = mp.shared_memory.SharedMemory(create=True, size=10000)
queue = fork.Queue()
mine, theirs = fork.Pipe()
def child():
    mine.close()
    named.acquire()
    unnamed.acquire()
    theirs.send_bytes(b"0123456789")
    theirs.send_bytes(b"ready")
    queue.get()
p = fork.Process(target=child, daemon=True)
p.start()
theirs.close()
while not mine.poll(0.05): pass
time.sleep(0.5)
ino = lambda c: os.fstat(c.fileno()).st_ino
print(json.dumps({"Child": p.pid, "Sem": named._semlock.name, "Shm": memory._name.strip("/"), "Size": memory.size,
    "Queue": ino(queue._reader), "Reader": queue._reader.fileno(), "Writer": queue._writer.fileno(), "Pair": ino(mine),
    "Unnamed": unnamed.get_value(), "Value": named.get_value()}), flush=True)
sys.stdin.read()
p.kill(); p.join()
memory.close(); memory.unlink()
`

// The objects that multiprocessing makes: named and unlinked semaphores with their values,
// shared memory, a queue's pipe with a reader that waits, a duplex pipe.
func TestProgramMultiprocessing(t *testing.T) {
	p := startReal(t, "python3", "-c", multiprocessing)
	var said struct {
		Child                             int
		Sem, Shm                          string
		Size, Queue, Pair, Unnamed, Value int64
		Reader, Writer                    int32
	}
	p.says(t, &said)
	snap := newScan(t)
	for tries := 0; tries < 100 && probetest.LocksUnknown(snap); tries++ {
		snap = newScan(t)
	}

	sem := the(t, snap, model.PosixSem, "called "+said.Sem, func(o *model.Object) bool { return o.Name == said.Sem })
	if d := sem.Detail.(*model.PosixSemDetail); d.Value != model.Some(said.Value) || d.Libc == "" || sem.Deleted {
		t.Errorf("semaphore %+v %+v, its value is %d", sem, d, said.Value)
	}
	heldBy(t, sem, model.ViaMap, p.pid, said.Child)

	// The file of an unlinked semaphore is reached through a mapping, which only root may do.
	unlinked := 0
	for i := range snap.Objects {
		o := snap.Objects[i]
		if o.Kind != model.PosixSem || !o.Deleted || len(o.Holders) == 0 || int(o.Holders[0].PID) != p.pid && int(o.Holders[0].PID) != said.Child {
			continue
		}
		heldBy(t, o, model.ViaMap, p.pid, said.Child)
		if v, ok := o.Detail.(*model.PosixSemDetail).Value.Get(); ok && v == said.Unnamed {
			unlinked++
		}
	}
	if unlinked != 1 && os.Geteuid() == 0 {
		t.Errorf("%d unlinked semaphores have the value %d", unlinked, said.Unnamed)
	}

	shm := the(t, snap, model.PosixShm, "called /"+said.Shm, func(o *model.Object) bool { return o.Name == "/"+said.Shm })
	if d := shm.Detail.(*model.MemoryDetail); d.Size != model.Some(said.Size) || shm.Mode != "0600" {
		t.Errorf("shared memory %+v %+v, its size is %d", shm, d, said.Size)
	}
	heldBy(t, shm, model.ViaMap, p.pid, said.Child)

	queue := theID(t, snap, fmt.Sprintf("pipe:%d", said.Queue))
	heldBy(t, queue, model.ViaFD, p.pid, said.Child)
	for _, h := range queue.Holders {
		if fd := h.FD.Or(-1); fd == said.Reader && h.Access != model.Read || fd == said.Writer && h.Access != model.Write {
			t.Errorf("holder %+v: the reader is %d, the writer %d", h, said.Reader, said.Writer)
		}
	}
	waits := 0
	for _, w := range snap.Waits {
		if w.PID == said.Child && w.Object == queue.ID && w.Needs == "data" && strings.HasPrefix(w.Call, "read") {
			waits++
		}
	}
	if waits != 1 {
		t.Errorf("the child waits %d times for data in the queue: %+v", waits, snap.Waits)
	}

	pair := theID(t, snap, fmt.Sprintf("unix:%d", said.Pair))
	heldBy(t, pair, model.ViaFD, p.pid)
	heldBy(t, peerOf(t, snap, pair), model.ViaFD, said.Child)
	if n := pair.Detail.(*model.UnixDetail).RecvQueue.Or(0); n < 15 {
		t.Errorf("%d bytes wait in %s, there are two messages of 15 bytes in all", n, pair.ID)
	}
}

// idlePool prints which process is one of its idle workers.
const idlePool = `
import multiprocessing as mp, sys, time
pool = mp.get_context("fork").Pool(3)
pool.map(abs, range(4))
time.sleep(0.3)
print(pool._pool[-1].pid, flush=True)
sys.stdin.read()
pool.terminate()
`

// Nobody waits for a stopped worker among several idle ones: the others would do its work.
func TestProgramIdlePool(t *testing.T) {
	p := startReal(t, "python3", "-c", idlePool)
	worker, err := strconv.Atoi(p.line(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(worker, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Kill(worker, unix.SIGCONT) }()
	time.Sleep(1500 * time.Millisecond) // the rules consider such waits after a second
	for _, f := range newScan(t).Findings {
		if f.Rule == "holder-stopped" && f.Root != nil && f.Root.PID == worker {
			t.Errorf("found %s", f.Summary)
		}
	}
}
