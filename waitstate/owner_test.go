//go:build amd64 || arm64

package waitstate_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/sigstate"
	"github.com/ipctop/ipctop/waitstate"
)

// namespacesProgram locks a mutex in shared memory, in a process with pid 1 in its own pid
// namespace, or in a second thread of that process, and waits for it in a process outside.
// It has another process outside that does nothing, and more namespaces, as many as it is
// told, each with a process that maps the mutex and has pid 1 there.
const namespacesProgram = `
import ctypes, json, mmap, os, sys, threading, time
libc = ctypes.CDLL(None)
shared = mmap.mmap(-1, 4096)
attr = ctypes.create_string_buffer(64)
libc.pthread_mutexattr_init(attr); libc.pthread_mutexattr_setpshared(attr, 1)
m = ctypes.byref(ctypes.c_char.from_buffer(shared, 0))
libc.pthread_mutex_init(m, attr)
CLONE_NEWPID, PDEATHSIG, KILL = 0x20000000, 1, 9
where, others = sys.argv[1], int(sys.argv[2])
r, w = os.pipe()
def child(run, apart):
    if apart and libc.unshare(CLONE_NEWPID): sys.exit("no pid namespaces here")
    pid = os.fork()
    if pid == 0:
        libc.prctl(PDEATHSIG, KILL)
        run()
        os._exit(0)
    return pid
def sleep(): time.sleep(1000)
def lock():
    def now():
        libc.pthread_mutex_lock(m); os.write(w, b"x"); sleep()
    if where == "thread":
        t = threading.Thread(target=now); t.start(); t.join()
    now()
def wait():
    libc.pthread_mutex_lock(m)
said = {"bystander": child(sleep, False), "waiter": 0, "owner": 0, "others": []}
ready, go = os.pipe()
said["waiter"] = child(lambda: (os.read(ready, 1), wait()), False)
def second(run): # a further call of unshare by one process would not do
    r, w = os.pipe()
    def helper():
        os.write(w, str(child(run, True)).encode()); sleep()
    child(helper, False)
    return int(os.read(r, 20))
said["owner"] = second(lock)
os.read(r, 1)
for i in range(others): said["others"].append(second(sleep))
os.write(go, b"x")
time.sleep(0.2)
print(json.dumps(said), flush=True)
sys.stdin.read()
`

// TestOwnerInAnotherNamespace: the number in a lock is that of the owner in the owner's pid
// namespace, no matter who waits.
func TestOwnerInAnotherNamespace(t *testing.T) {
	probetest.NeedRoot(t, "to make pid namespaces")
	for _, tt := range []struct {
		where  string
		others int
	}{{"main", 0}, {"thread", 0}, {"main", 2}} {
		t.Run(tt.where+strconv.Itoa(tt.others), func(t *testing.T) {
			var said struct {
				Waiter, Owner int
				Others        []int
			}
			startPython(t, &said, namespacesProgram, tt.where, strconv.Itoa(tt.others))
			scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{sigstate.Probe(), memory.ShmAnon(), waitstate.Probe()}})
			for range 2 { // the second scan uses the numbers that the first one read
				d := lockOf(t, probetest.Again(t, scanner), said.Waiter)
				if tt.others > 0 {
					want := append([]int{said.Owner}, said.Others...)
					slices.Sort(want)
					if d.OwnerTID.Known() || d.OwnerPID.Known() || !slices.Equal(d.PossibleOwners, want) {
						t.Errorf("%+v, want one of %d", d, want)
					}
					continue
				}
				if d.OwnerPID != model.Some(said.Owner) || len(d.PossibleOwners) > 0 || d.OwnerAlive != model.Some(true) ||
					(d.OwnerTID == d.OwnerPID) != (tt.where == "main") || !d.OwnerTID.Known() {
					t.Errorf("%+v, want a thread of %d", d, said.Owner)
				}
			}
		})
	}
}

// lockOf returns the lock for which a process waits.
func lockOf(t *testing.T, s *model.Snapshot, pid int) *model.FutexDetail {
	for i := range s.Waits {
		if w := &s.Waits[i]; w.PID == pid && w.Call == "futex" {
			if o := probetest.Find(s, w.Object); o != nil {
				return o.Detail.(*model.FutexDetail)
			}
		}
	}
	t.Fatalf("process %d does not wait for a lock", pid)
	return nil
}
