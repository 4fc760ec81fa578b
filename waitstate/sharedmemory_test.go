//go:build amd64 || arm64

package waitstate_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/waitstate"
)

// The child is a process of its own, not a thread (CLONE_VM).
const sharedMemory = `
import ctypes, json, os
libc = ctypes.CDLL(None)
stack, word = ctypes.create_string_buffer(1 << 20), ctypes.c_int(0)
top = (ctypes.addressof(stack) + (1 << 20) - 64) & ~15
child = libc.clone(ctypes.cast(libc.sleep, ctypes.c_void_p), ctypes.c_void_p(top), 0x100 | 17, ctypes.c_void_p(1000))
print(json.dumps({"Child": child}), flush=True)
libc.syscall(98 if os.uname().machine == "aarch64" else 202, ctypes.byref(word), 0x80, 0, None)
`

// TestSharedMemory: a private word in memory that several processes share is one futex.
func TestSharedMemory(t *testing.T) {
	var said struct{ Child int }
	pid := startPython(t, &said, sharedMemory)
	t.Cleanup(func() { _ = unix.Kill(said.Child, unix.SIGKILL) })
	snap, w := waitFor(t, pid, "futex")
	want := []int{pid, said.Child}
	slices.Sort(want)
	if !strings.HasPrefix(w.Object, "futex:"+strconv.Itoa(want[0])+":") {
		t.Errorf("waits at %s, want one of the lower of %d", w.Object, want)
	}
	if d := object(t, snap, w.Object).Detail.(*model.FutexDetail); !slices.Equal(d.Processes, want) {
		t.Errorf("got %+v, want processes %d", d, want)
	}

	again := probe.NewScanner(probe.Options{Probes: []probe.Probe{waitstate.Probe()}, Repeated: true})
	defer again.Close()
	for range 3 {
		snap, err := again.Scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := object(t, snap, w.Object).Detail.(*model.FutexDetail); !slices.Equal(d.Processes, want) {
			t.Errorf("scanned again: %+v, want processes %d", d, want)
		}
	}
}
