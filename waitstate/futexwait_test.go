//go:build amd64 || arm64

package waitstate_test

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/model"
)

// newFutex waits in futex_wait(2), for at most half an hour.
const newFutex = `
import ctypes, json, mmap, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
m = mmap.mmap(-1, 4096)
at = ctypes.addressof(ctypes.c_char.from_buffer(m)) + 64
child = os.fork()
if child == 0:
    libc.prctl(1, 9, 0, 0, 0)
    until = (ctypes.c_longlong * 2)(int(time.monotonic()) + 1800, 0)
    libc.syscall(ctypes.c_long(455), ctypes.c_void_p(at), ctypes.c_ulong(0), ctypes.c_ulong(2**32 - 1), ctypes.c_uint(2), until, ctypes.c_int(1))
    os._exit(ctypes.get_errno())
time.sleep(0.1)
ended, status = os.waitpid(child, os.WNOHANG)
print(json.dumps({"Waiter": child}) if ended == 0 else "futex_wait: errno %d" % (status >> 8), flush=True)
sys.stdin.read()
`

// TestFutexWait tests futex_wait(2), which newer kernels have in addition to futex(2).
func TestFutexWait(t *testing.T) {
	var said struct{ Waiter int }
	startPython(t, &said, newFutex)
	snap, w := waitFor(t, said.Waiter, "futex_wait", memory.ShmAnon())
	if left := w.Timeout.Or(0); w.Needs != model.NeedsLock || left < 1000e9 || left > 1800e9 {
		t.Errorf("got %+v", w)
	}
	d := object(t, snap, w.Object).Detail.(*model.FutexDetail)
	if !strings.HasPrefix(d.Object, "shm-anon:") || d.Offset != model.Some[int64](64) || d.Waiters != model.Some(1) {
		t.Errorf("got %+v", d)
	}
}
