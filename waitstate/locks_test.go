//go:build amd64 || arm64

package waitstate_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/waitstate"
)

func scan(t *testing.T, more ...probe.Probe) *model.Snapshot {
	t.Helper()
	s := probetest.ScanWith(t, probe.Options{Probes: append(more, waitstate.Probe())})
	if s.Waits == nil {
		t.Fatalf("nobody looked for waits; gaps %+v", s.Gaps)
	}
	graph.New(model.NewIndex(s)).Annotate()
	return s
}

// waitFor scans until a thread waits in a call, confirmed.
func waitFor(t *testing.T, tid int, call string, more ...probe.Probe) (*model.Snapshot, *model.Wait) {
	t.Helper()
	var s *model.Snapshot
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s = scan(t, more...)
		for i := range s.Waits {
			if w := &s.Waits[i]; w.TID == tid && strings.HasPrefix(w.Call, call) && w.Confirmed {
				return s, w
			}
		}
	}
	for _, w := range s.Waits {
		if w.TID == tid {
			t.Errorf("it waits otherwise: %+v", w)
		}
	}
	t.Fatalf("thread %d waits in no %s; gaps %+v", tid, call, s.Gaps)
	return nil, nil
}

func object(t *testing.T, s *model.Snapshot, id string) *model.Object {
	t.Helper()
	for i := range s.Objects {
		if s.Objects[i].ID == id {
			return s.Objects[i]
		}
	}
	t.Fatalf("no object %q", id)
	return nil
}

// mappedFiles is a reader of shared mappings, like the real readers of files and memory.
func mappedFiles() probe.Probe {
	space := &probe.KeySpace{Name: "test file", ByMapping: true, New: func(k probe.Key, _ *probe.Scan) model.Object {
		return model.Object{ID: fmt.Sprintf("file:%s:%d", proc.DevString(k.Scope), k.Num), Kind: model.File}
	}}
	return probe.Probe{Name: "file", Mapping: func(m *probe.Mapping, out *probe.Collector) bool {
		out.AddHolder(probe.Key{Space: space, Scope: m.Dev, Num: m.Ino}, m.Holder(model.ViaMap))
		return true
	}}
}

func compile(t *testing.T, cc, source string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(cc); err != nil {
		t.Skipf("%s is not installed", cc)
	}
	program := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command(cc, append(args, "-o", program, source)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	return program
}

// TestLocksOfRealPrograms makes programs that are linked with the C libraries wait for locks
// of each type, and compares the result with what the programs know.
func TestLocksOfRealPrograms(t *testing.T) {
	const owned = true
	types := []struct {
		name      string
		want      string
		glibc     bool // the owner is known with glibc
		musl      bool // … with musl
		muslBlind bool // musl keeps the word on the waiter's stack
	}{
		{"mutex", "mutex", owned, false, false},
		{"mutex-recursive", "mutex", owned, owned, false},
		{"mutex-errorcheck", "mutex", owned, owned, false},
		{"mutex-robust", "robust-mutex", owned, owned, false},
		{"pi-mutex", "pi-mutex", owned, owned, false},
		{"rwlock-w-read", "rwlock", owned, false, false},
		{"rwlock-w-write", "rwlock", owned, false, false},
		{"rwlock-r-write", "rwlock", false, false, false},
		{"cond", "cond", false, false, false},
		{"barrier", "barrier", false, false, true},
		{"sem", "sem", false, false, false},
		{"join", "join", owned, owned, true},
		{"mutex-private", "mutex", owned, false, false},
		{"mutex-recursive-private", "mutex", owned, owned, false},
		{"rwlock-w-write-private", "rwlock", owned, false, false},
		{"cond-private", "cond", false, false, true},
		{"barrier-private", "barrier", false, false, true},
		{"sem-private", "sem", false, false, false},
	}
	for _, libc := range []struct {
		name, cc string
		args     []string
	}{{"glibc", "gcc", []string{"-O1", "-pthread"}}, {"musl", "musl-gcc", []string{"-O1", "-static"}}} {
		t.Run(libc.name, func(t *testing.T) {
			program := compile(t, libc.cc, "testdata/locks.c", libc.args...)
			for _, tt := range types {
				t.Run(tt.name, func(t *testing.T) {
					file, holder, waiter, place := startLock(t, program, tt.name)
					s, w := waitFor(t, waiter, "futex", mappedFiles())
					o := object(t, s, w.Object)
					d, ok := o.Detail.(*model.FutexDetail)
					if !ok {
						t.Fatalf("%s has no detail of a futex", o.ID)
					}
					isMusl := libc.name == "musl"
					if isMusl && tt.muslBlind {
						if d.Type != "unknown" || d.OwnerTID.Known() {
							t.Errorf("detail %+v, want none", d)
						}
						return
					}
					if d.Type != tt.want || d.Libc != libc.name || d.Waiters != model.Some(1) {
						t.Errorf("type %q of %q with %v waiters, want %q of %q", d.Type, d.Libc, d.Waiters, tt.want, libc.name)
					}
					wantOwner := tt.glibc && !isMusl || tt.musl && isMusl
					if owner, known := d.OwnerTID.Get(); known != wantOwner || known && (owner != holder || d.OwnerAlive != model.Some(true)) {
						t.Errorf("owner %d (known %v), alive %v; want %d (known %v)", owner, known, d.OwnerAlive, holder, wantOwner)
					}
					blocker := slices.ContainsFunc(w.Blockers, func(b model.Blocker) bool { return b.TID == holder })
					if blocker != wantOwner {
						t.Errorf("blockers %+v, owner %d", w.Blockers, holder)
					}
					if text := graph.New(model.NewIndex(s)).Wants(w); tt.want == "join" && wantOwner && text != fmt.Sprintf("waits for thread %d to end (pthread_join)", holder) {
						t.Errorf("it %s, which is %d", text, holder)
					}
					checkPlace(t, o, d, w, file, place)
				})
			}
		})
	}
}

// checkPlace checks the identity of the word.
func checkPlace(t *testing.T, o *model.Object, d *model.FutexDetail, w *model.Wait, file string, place int64) {
	t.Helper()
	if strings.HasSuffix(t.Name(), "private") || strings.HasSuffix(t.Name(), "join") {
		if want := fmt.Sprintf("futex:%d:%v", w.PID, w.Target.Address); o.ID != want || d.Object != "" {
			t.Errorf("id %s in %q, want %s", o.ID, d.Object, want)
		}
		return
	}
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, file, 0, unix.STATX_INO, &st); err != nil {
		t.Fatal(err)
	}
	offset, known := d.Offset.Get()
	if !strings.HasSuffix(d.Object, fmt.Sprintf(":%d", st.Ino)) || !known || offset < place || offset >= place+96 ||
		o.ID != fmt.Sprintf("futex:%s+%d", d.Object, offset) {
		t.Errorf("id %s in %q at %d, want the file with inode %d at %d", o.ID, d.Object, offset, st.Ino, place)
	}
}

// startLock starts the program, which prints who holds the lock, who waits, and where.
func startLock(t *testing.T, program, name string) (file string, holder, waiter int, place int64) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(file, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, name, file) // the test's context would end it before it has removed its files
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		defer time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := fmt.Sscan(line, &holder, &waiter, &place); n != 3 {
		t.Skipf("the C library cannot make it: %s", line)
	}
	return file, holder, waiter, place
}
