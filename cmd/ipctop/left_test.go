package main

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/probe"
)

// deafParent blocks SIGCHLD and has three children that have ended.
const deafParent = `
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
for i in range(3):
    if os.fork() == 0: os._exit(0)
print(os.getpid(), flush=True); sys.stdin.read()
`

// listenerLeft is a server that ends; what it had started keeps its socket, in the
// session of a shell that lives.
const listenerLeft = `
import os, socket, subprocess, sys
if os.fork() == 0:
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5); s.set_inheritable(True)
    print(subprocess.Popen(["sleep", "300"], close_fds=False, stdin=subprocess.DEVNULL).pid, flush=True); os._exit(0)
os.wait(); sys.stdin.read()
`

// replacedSocket are two servers that bind the same relative path, one after the
// other, and a file that a third one has left.
const replacedSocket = `
import os, socket, sys
os.chdir("DIR"); kept = []
def serve(name, live=True):
    pid = os.fork()
    if pid == 0:
        s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen(5); os.write(w, b"x")
        if live: s.accept()
        os._exit(0)
    os.read(r, 1); return pid
r, w = os.pipe(); first = serve("app"); os.unlink("app"); serve("app"); serve("old", False); serve("live")
print(first, flush=True); sys.stdin.read()
`

// TestLeftByRealPrograms: nobody waits for these; they are found all the same.
func TestLeftByRealPrograms(t *testing.T) {
	for _, tt := range []stuckScript{
		{"parent that is deaf", "zombies", []string{"python3", "-c", deafParent}, ""},
		{"listener left by a server", "inherited-listener", []string{"python3", "-c", listenerLeft}, "127.0.0.1:"},
		{"socket replaced at a relative path", "unreachable-listener", []string{"python3", "-c", replacedSocket}, "app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startReal(t, tt.script(t)...)
			pid := numbers(t, p.line(t))[0]
			scanner := probe.NewScanner(probe.Options{Probes: probes(), ListDirectories: true})
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				snap := scanAll(t, scanner)
				diagnose.Run(snap, diagnose.Options{MinAge: diagnose.DefaultMinAge})
				for i := range snap.Findings {
					if f := &snap.Findings[i]; f.Rule == tt.rule && slices.Contains(f.PIDs, pid) {
						return
					}
				}
			}
			t.Errorf("%s: nothing is said of %d", tt.rule, pid)
		})
	}
}
