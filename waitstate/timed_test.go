//go:build amd64 || arm64

package waitstate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/waitstate"
)

// timedProgram has a thread for each lock of the C library that waits for it with a time limit;
// the main thread holds the locks. It prints which thread waits for which lock.
const timedProgram = `
import ctypes, json, mmap, platform, struct, sys, threading, time
libc = ctypes.CDLL(None)
if not hasattr(libc, "pthread_mutex_clocklock") or not hasattr(libc, "gnu_get_libc_version"): sys.exit("no such locks here")
private = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
shared = mmap.mmap(-1, 4096)
def at(memory, n): return ctypes.byref(ctypes.c_char.from_buffer(memory, n * 128))
def until(clock):
    t = time.clock_gettime(clock)
    return ctypes.create_string_buffer(struct.pack("qq", int(t) + 1000, 0))
real, mono = until(time.CLOCK_REALTIME), until(time.CLOCK_MONOTONIC)
def mutex(memory, n, kind=0, robust=0):
    attr = ctypes.create_string_buffer(64)
    libc.pthread_mutexattr_init(attr)
    libc.pthread_mutexattr_settype(attr, kind)
    libc.pthread_mutexattr_setrobust(attr, robust)
    libc.pthread_mutexattr_setpshared(attr, memory is shared)
    libc.pthread_mutex_init(at(memory, n), attr)
    libc.pthread_mutex_lock(at(memory, n))
    return at(memory, n)
said = {}
def thread(name, call, *args):
    def run():
        said[name] = threading.get_native_id()
        call(*args)
    threading.Thread(target=run, daemon=True).start()
thread("mutex", libc.pthread_mutex_timedlock, mutex(private, 0), real)
thread("mutex, shared", libc.pthread_mutex_timedlock, mutex(shared, 0), real)
thread("mutex, recursive", libc.pthread_mutex_timedlock, mutex(private, 1, 1), real)
thread("mutex, by the other clock", libc.pthread_mutex_clocklock, mutex(private, 2), 1, mono)
thread("robust-mutex", libc.pthread_mutex_timedlock, mutex(private, 3, 0, 1), real)
rwlock = at(private, 4); libc.pthread_rwlock_wrlock(rwlock)
thread("rwlock, to read", libc.pthread_rwlock_timedrdlock, rwlock, real)
thread("rwlock, to write", libc.pthread_rwlock_timedwrlock, rwlock, real)
read = at(private, 5); libc.pthread_rwlock_rdlock(read)
thread("rwlock, that is read", libc.pthread_rwlock_timedwrlock, read, real)
# A condition lies before its mutex, as in many programs.
for n, kind in (6, 0), (7, 1):
    cond, m = at(private, n), ctypes.byref(ctypes.c_char.from_buffer(private, n * 128 + 48))
    attr = ctypes.create_string_buffer(64)
    libc.pthread_mutexattr_init(attr); libc.pthread_mutexattr_settype(attr, kind); libc.pthread_mutex_init(m, attr)
    def wait(cond, m):
        libc.pthread_mutex_lock(m); libc.pthread_cond_timedwait(cond, m, real)
    thread("cond, %d" % n, wait, cond, m)
    time.sleep(0.1)
    libc.pthread_mutex_lock(m)
sem = at(private, 8); libc.sem_init(sem, 0, 0)
thread("sem", libc.sem_timedwait, sem, real)
# A word of another library with numbers behind it, none of which is a thread here.
ctypes.memmove(at(private, 9), struct.pack("5I", 2, 0, 2, 1, 0), 20)
futex = {"x86_64": 202, "aarch64": 98}[platform.machine()]
WAIT_BITSET, PRIVATE = 9, 128
thread("unknown", libc.syscall, futex, at(private, 9), WAIT_BITSET | PRIVATE, 2, mono, None, -1)
time.sleep(0.3)
print(json.dumps(said), flush=True)
sys.stdin.read()
`

// TestLocksWithATimeLimit: locks for which threads wait with an absolute time limit are recognised,
// and nothing else is taken for a mutex.
func TestLocksWithATimeLimit(t *testing.T) {
	var said map[string]int
	pid := startPython(t, &said, timedProgram)
	s := probetest.Scan(t, memory.ShmAnon(), waitstate.Probe())
	for name, tid := range said {
		i := slices.IndexFunc(s.Waits, func(w model.Wait) bool { return w.TID == tid })
		if i < 0 {
			t.Errorf("%s: no wait", name)
			continue
		}
		w := &s.Waits[i]
		d, ok := probetest.Object(t, s, w.Object).Detail.(*model.FutexDetail)
		if !ok {
			t.Errorf("%s: waits at %s", name, w.Object)
			continue
		}
		want, _, _ := strings.Cut(name, ",")
		owner := model.Some(pid)
		if name == "rwlock, that is read" || want == "cond" || want == "sem" || want == "unknown" {
			owner = model.Opt[int]{}
		}
		limit, known := w.Timeout.Get()
		if d.Type != want || d.OwnerTID != owner || w.Timed != model.Some(true) || !known || limit < 900e9 || limit > 1001e9 {
			t.Errorf("%s: %+v in %+v", name, d, w)
		}
	}
}
