package main

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// counter reads an eventfd that only it has. With an argument it also uses AIO, through
// which the kernel may add to an eventfd.
const counter = `
import ctypes, os, platform, sys
libc = ctypes.CDLL(None, use_errno=True)
if len(sys.argv) > 1:
    context = ctypes.c_ulong(0)
    number = {"x86_64": 206, "aarch64": 0}[platform.machine()]
    if libc.syscall(number, 4, ctypes.byref(context)) != 0:
        print("no AIO:", os.strerror(ctypes.get_errno()), flush=True)
        sys.exit()
e = libc.eventfd(0, 0)
print("ready", flush=True)
os.read(e, 8)
`

// A process that reads its own counter waits for itself, unless the kernel may add to the counter.
func TestProgramOwnCounter(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		kernel string
	}{{nil, ""}, {[]string{"aio"}, "AIO"}} {
		p := startReal(t, append([]string{"python3", "-c", counter}, tt.args...)...)
		if line := p.line(t); line != "ready" {
			t.Skip(line)
		}
		var found *model.Wait
		for end := time.Now().Add(10 * time.Second); found == nil && time.Now().Before(end); {
			snap := newScan(t)
			for i := range snap.Waits {
				if w := &snap.Waits[i]; w.PID == p.pid && w.Confirmed && w.Call == "read" {
					found = w
				}
			}
		}
		if found == nil {
			t.Fatal("it is not seen to wait")
		}
		if found.Kernel != tt.kernel || tt.kernel != "" && !found.UnknownRelease {
			t.Errorf("with %v: the kernel may add by %q, released by something not seen: %v", tt.args, found.Kernel, found.UnknownRelease)
		}
	}
}
