package probe_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// visited makes a probe that records in which namespaces its table was read,
// and in which the reading thread really was.
func visited(scope string) (probe.Probe, func() []uint64) {
	var mu sync.Mutex
	var list []uint64
	p := probe.Probe{Name: "visitor", Scope: scope, Table: func(_ context.Context, ns probe.NS, out *probe.Collector) error {
		here, err := proc.ReadNamespace("/proc/thread-self/ns/" + scope)
		if err != nil {
			return err
		}
		if here != ns.Inode {
			return unix.EXDEV
		}
		mu.Lock()
		defer mu.Unlock()
		list = append(list, here)
		return nil
	}}
	return p, func() []uint64 {
		mu.Lock()
		defer mu.Unlock()
		l := list
		list = nil
		return l
	}
}

// startIn starts a process that lives in new namespaces until stop is called.
func startIn(t *testing.T, flags uintptr) (pid int, stop func()) {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	return cmd.Process.Pid, stop
}

func TestTablesAreReadInEveryNamespace(t *testing.T) {
	probetest.NeedRoot(t, "entering and making namespaces needs CAP_SYS_ADMIN")
	pid, stop := startIn(t, syscall.CLONE_NEWNET|syscall.CLONE_NEWIPC)
	for _, scope := range []string{"net", "ipc"} {
		inode, err := proc.ReadNamespace("/proc/" + itoa(pid) + "/ns/" + scope)
		if err != nil {
			t.Fatal(err)
		}
		own, _ := proc.ReadNamespace("/proc/self/ns/" + scope)
		p, list := visited(scope)
		snap := probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{p}})
		if l := list(); !slices.Contains(l, inode) || !slices.Contains(l, own) {
			t.Errorf("%s: visited %v, want %d and %d", scope, l, own, inode)
		}
		for _, g := range snap.Gaps {
			if g.Probe == "visitor" || strings.Contains(g.Probe, "namespace") {
				t.Errorf("gap %+v", g)
			}
		}
	}
	stop()
}

// A namespace may be kept by a mount or by a descriptor, without a process.
func TestNamespacesWithoutProcess(t *testing.T) {
	probetest.NeedRoot(t, "entering and making namespaces needs CAP_SYS_ADMIN")
	pid, stop := startIn(t, syscall.CLONE_NEWNET)
	path := "/proc/" + itoa(pid) + "/ns/net"
	inode, err := proc.ReadNamespace(path)
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	stop()
	p, list := visited("net")
	probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{p}})
	if l := list(); !slices.Contains(l, inode) {
		t.Errorf("visited %v, want %d, which a descriptor keeps", l, inode)
	}

	target := filepath.Join(t.TempDir(), "a name with spaces")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("/proc/self/fd/"+itoa(int(held.Fd())), target, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("no bind mounts here: %v", err)
	}
	defer unix.Unmount(target, unix.MNT_DETACH)
	held.Close()
	probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{p}})
	if l := list(); !slices.Contains(l, inode) {
		t.Errorf("visited %v, want %d, which a mount keeps", l, inode)
	}
}

// Scanning must not keep a namespace alive: when a network namespace ends, its
// devices go with it, which is how the clean-up of containers notices.
func TestNamespacesEndThoughScansGoOn(t *testing.T) {
	probetest.NeedRoot(t, "entering and making namespaces needs CAP_SYS_ADMIN")
	p, list := visited("net")
	scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{p}})
	for round := range 20 {
		pid, stop := startIn(t, syscall.CLONE_NEWNET)
		inode, err := proc.ReadNamespace("/proc/" + itoa(pid) + "/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := scanner.Scan(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if l := list(); !slices.Contains(l, inode) {
			t.Fatalf("visited %v, want %d", l, inode)
		}
		stop()
		deadline := time.Now().Add(20 * time.Second)
		for threadIn(inode) && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
		if threadIn(inode) {
			t.Fatalf("round %d: a thread of this process still lives in the namespace after its end", round)
		}
	}
}

// threadIn reports whether a thread of the test lives in a network namespace.
func threadIn(inode uint64) bool {
	tasks, _ := filepath.Glob("/proc/self/task/*/ns/net")
	return slices.ContainsFunc(tasks, func(path string) bool {
		n, err := proc.ReadNamespace(path)
		return err == nil && n == inode
	})
}
