//go:build amd64 || arm64

package waitstate_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/waitstate"
)

// robustProgram locks robust mutexes of the C library, in shared and in private memory, in
// two threads, and prints where they are.
const robustProgram = `
import ctypes, json, mmap, sys, threading
libc = ctypes.CDLL(None)
shared = mmap.mmap(-1, 4096)
private = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def mutex(memory, at, robust=1, pi=0):
    attr = ctypes.create_string_buffer(64)
    libc.pthread_mutexattr_init(attr)
    libc.pthread_mutexattr_setrobust(attr, robust)
    libc.pthread_mutexattr_setpshared(attr, memory is shared)
    libc.pthread_mutexattr_setprotocol(attr, pi)
    m = ctypes.byref(ctypes.c_char.from_buffer(memory, at))
    if libc.pthread_mutex_init(m, attr): sys.exit("no such mutexes here")
    return m
a, b, c, d, e, f = mutex(shared, 0), mutex(shared, 256), mutex(private, 64), mutex(shared, 512), mutex(shared, 768, 0), mutex(shared, 1024, 1, 1)
for m in (a, c, d, e, f): libc.pthread_mutex_lock(m)
libc.pthread_mutex_unlock(d)
locked = threading.Event()
def other():
    libc.pthread_mutex_lock(b)
    locked.set()
    threading.Event().wait()
t = threading.Thread(target=other, daemon=True); t.start(); locked.wait()
print(json.dumps({"Other": t.native_id, "Private": ctypes.addressof(ctypes.c_char.from_buffer(private, 64))}), flush=True)
sys.stdin.read()
`

// TestRobustLists: the robust locks of a process are read only if the user asks for the
// details of the process.
func TestRobustLists(t *testing.T) {
	var said struct {
		Other   int
		Private uint64
	}
	pid := startPython(t, &said, robustProgram)
	opts := probe.Options{Probes: []probe.Probe{memory.ShmAnon(), waitstate.Probe()}}
	held := func() (list []string) {
		snap, err := probe.NewScanner(opts).Scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range snap.Objects {
			d, ok := o.Detail.(*model.FutexDetail)
			if !ok || d.OwnerPID != model.Some(pid) || !d.Held.Or(false) {
				continue
			}
			if h := o.Holders; len(h) != 1 || int(h[0].PID) != pid || int(h[0].TID) != d.OwnerTID.Or(0) || !slices.Equal(h[0].Flags, []string{"owner"}) {
				t.Errorf("%s is held by %+v", o.ID, h)
			}
			place := o.ID
			if !d.Private() {
				place = fmt.Sprint("shared+", d.Offset.Or(-1))
			}
			list = append(list, fmt.Sprint(place, " ", d.Type, " ", d.OwnerTID.Or(0), " ", d.OwnerAlive.Or(false), " ", d.Waiters.Or(-1)))
		}
		return list
	}
	if list := held(); len(list) != 0 {
		t.Errorf("without a closer look there is %q", list)
	}
	opts.Detail = func(*model.Snapshot) ([]int, []string) { return []int{pid}, nil }
	want := []string{
		fmt.Sprintf("futex:%d:%#x robust-mutex %d true 0", pid, said.Private, pid),
		fmt.Sprintf("shared+0 robust-mutex %d true 0", pid),
		fmt.Sprintf("shared+1024 pi-mutex %d true 0", pid),
		fmt.Sprintf("shared+256 robust-mutex %d true 0", said.Other),
	}
	got := held()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
