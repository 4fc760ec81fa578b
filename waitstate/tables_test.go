//go:build amd64 || arm64

package waitstate_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/waitstate"
)

// tables is a program whose threads have two descriptor tables, in which the same numbers refer to
// different pipes.
const tables = `
import ctypes, json, os, platform, sys, threading
libc = ctypes.CDLL(None)
r, w = os.pipe()
said = {"Main": os.fstat(r).st_ino}
ready = threading.Barrier(4)
def wait(name):
    said[name] = threading.get_native_id()
    ready.wait()
    os.read(r, 1)
def leaves():
    libc.unshare(0x400) # CLONE_FILES
    os.close(r), os.close(w)
    assert os.pipe() == (r, w)
    said["Own"] = os.fstat(r).st_ino
    threading.Thread(target=wait, args=["Joins"], daemon=True).start()
    wait("Leaves")
for f, args in (leaves, []), (wait, ["Stays"]):
    threading.Thread(target=f, args=args, daemon=True).start()
ready.wait()
print(json.dumps(said), flush=True)
if sys.argv[1] == "ended":
    libc.syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
sys.stdin.read()
`

// TestTablesOfThreads: objects that threads hold and wait for through descriptor tables other than
// their process's, also after the main thread has ended.
func TestTablesOfThreads(t *testing.T) {
	for _, main := range []string{"lives", "ended"} {
		for source, open := range map[string]func() (probe.Source, error){
			"procfs": nil, "bpf": func() (probe.Source, error) { return bpf.Open() },
		} {
			t.Run(main+" "+source, func(t *testing.T) {
				if open != nil {
					if _, err := bpf.Open(); err != nil {
						t.Skip(err)
					}
				}
				var said struct{ Main, Own, Leaves, Joins, Stays int }
				pid := startPython(t, &said, tables, main)
				for end := time.Now().Add(time.Minute); main == "ended" && time.Now().Before(end); time.Sleep(time.Millisecond) {
					if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(stat), ") Z ") {
						break
					}
				}
				id := func(ino int) string { return fmt.Sprintf("pipe:%d", ino) }
				want := map[int]string{said.Leaves: id(said.Own), said.Joins: id(said.Own), said.Stays: id(said.Main)}
				var snap *model.Snapshot
				got := map[int]string{}
				for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
					snap = probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{pipes.Pipe(), waitstate.Probe()}, Source: open, SourceUse: probe.SourceAlways})
					graph.New(model.NewIndex(snap)).Annotate()
					clear(got)
					for i := range snap.Waits {
						if w := &snap.Waits[i]; want[w.TID] != "" && w.Confirmed {
							got[w.TID] = w.Object
						}
					}
					if len(got) == len(want) {
						break
					}
				}
				for tid, pipe := range want {
					if got[tid] != pipe {
						t.Errorf("thread %d waits for %q, want %s (%+v)", tid, got[tid], pipe, said)
					}
				}
				for _, pipe := range []string{id(said.Main), id(said.Own)} {
					var ends []string
					for _, h := range object(t, snap, pipe).Holders {
						if int(h.PID) == pid {
							ends = append(ends, string(h.Access))
						}
					}
					if slices.Sort(ends); !slices.Equal(ends, []string{"r", "w"}) {
						t.Errorf("%s is held as %q", pipe, ends)
					}
				}
			})
		}
	}
}
