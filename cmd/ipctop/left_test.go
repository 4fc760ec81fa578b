package main

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
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

// listenerLeft is a server that ends. A process that it had started keeps its socket, in
// the session of a shell that goes on.
const listenerLeft = `
import os, socket, subprocess, sys
if os.fork() == 0:
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5); s.set_inheritable(True)
    print(subprocess.Popen(["sleep", "300"], close_fds=False, stdin=subprocess.DEVNULL).pid, flush=True); os._exit(0)
os.wait(); sys.stdin.read()
`

// replacedSocket are two servers that bind the same relative path, one after the other, and
// a socket file that a third one has left.
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

// TestLeftByRealPrograms: no process waits for these objects. They are found all the same,
// and the advice removes them.
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
			find := func() *model.Finding {
				snap := scanAll(t, scanner)
				diagnose.Run(snap, diagnose.Options{MinAge: diagnose.DefaultMinAge})
				at := slices.IndexFunc(snap.Findings, func(f model.Finding) bool { return f.Rule == tt.rule && slices.Contains(f.PIDs, pid) })
				if at < 0 {
					return nil
				}
				return &snap.Findings[at]
			}
			var f *model.Finding
			for end := time.Now().Add(time.Minute); f == nil; time.Sleep(100 * time.Millisecond) {
				if f = find(); f == nil && time.Now().After(end) {
					t.Fatalf("%s: nothing is said of %d", tt.rule, pid)
				}
			}
			if !strings.Contains(f.Summary, tt.also) {
				t.Errorf("%q lacks %q", f.Summary, tt.also)
			}
			if len(f.Actions) == 0 {
				if tt.rule == "inherited-listener" {
					t.Errorf("%s: nothing is advised", f.Summary)
				}
				return
			}
			argv := f.Actions[0].Argv
			if !slices.Equal(argv, []string{"kill", strconv.Itoa(pid)}) {
				t.Fatalf("%v is advised about %d", argv, pid)
			}
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v %s", argv, err, out)
			}
			for end := time.Now().Add(time.Minute); find() != nil; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%v was done, and it still is found: %s", argv, f.Summary)
				}
			}
		})
	}
}
