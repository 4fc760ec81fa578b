//go:build amd64 || arm64

package waitstate_test

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/filelock"
	"github.com/ipctop/ipctop/model"
)

// otherLocks locks files that are not regular, and makes a child wait for each lock.
const otherLocks = `
import ctypes, fcntl, json, os, sys
r, w = os.pipe()
m, s = os.openpty()
path = sys.argv[1] + "/fifo"
os.mkfifo(path)
f = os.open(path, os.O_RDWR)
said = {"Holder": os.getpid()}
for name, fd, at in ("Pipe", r, f"/proc/{os.getpid()}/fd/{r}"), ("Pty", s, os.ttyname(s)), ("FIFO", f, path):
    fcntl.flock(fd, fcntl.LOCK_EX)
    said[name] = os.fork()
    if said[name] == 0:
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
        os.closerange(3, 100)
        fcntl.flock(os.open(at, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), fcntl.LOCK_EX)
        os._exit(0)
print(json.dumps(said), flush=True)
sys.stdin.read()
`

// TestLocksOnOtherKinds: a process that waits for the lock on a pipe, a FIFO or a terminal
// waits for the process that has locked it.
func TestLocksOnOtherKinds(t *testing.T) {
	var said struct{ Holder, Pipe, Pty, FIFO int }
	startPython(t, &said, otherLocks, t.TempDir())
	for name, waiter := range map[string]int{"pipe": said.Pipe, "pty": said.Pty, "fifo": said.FIFO} {
		var snap *model.Snapshot
		var w *model.Wait
		for tries := 0; tries < 10 && (w == nil || w.Object == ""); tries++ { // it may have been read before it opened the file
			snap, w = waitFor(t, waiter, "flock", append(pipes.Probes(), files.Pty(), files.File(), filelock.Locks())...)
		}
		if !strings.HasPrefix(w.Object, "file:") || len(w.Blockers) != 1 || w.Blockers[0].PID != said.Holder {
			t.Errorf("%s: %+v, want %d; %+v", name, w, said.Holder, snap.Gaps)
			continue
		}
		o := object(t, snap, w.Object)
		d := o.Detail.(*model.FileDetail)
		if d.Type == "" || o.Name == "" {
			t.Errorf("%s: %+v, %+v", name, o, d)
		}
	}
}
