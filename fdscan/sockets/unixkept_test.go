package sockets

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// A thread makes sockets in a network namespace of its own and ends: nothing but the
// sockets leads there.
func TestNamespaceKeptBySockets(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs CAP_SYS_ADMIN")
	}
	var pair [2]int
	listener, unbound, at, tid := -1, -1, 0, 0
	made := make(chan error, 1)
	go proc.OnThread(func() {
		tid = unix.Gettid()
		made <- func() (err error) {
			if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			if pair, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return err
			}
			if unbound, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return err
			}
			if listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return err
			}
			if err = unix.Bind(listener, &unix.SockaddrInet4{}); err != nil {
				return err
			}
			sa, err := unix.Getsockname(listener)
			if err != nil {
				return err
			}
			at = sa.(*unix.SockaddrInet4).Port
			return unix.Listen(listener, 3)
		}()
	})
	if err := <-made; err != nil {
		t.Skipf("no network namespace can be made here: %v", err)
	}
	// While the thread lives, its namespace link leads to the namespace.
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid)); err != nil {
			break
		}
	}
	t.Cleanup(func() {
		for _, fd := range []int{pair[0], pair[1], listener, unbound} {
			_ = unix.Close(fd)
		}
	})
	snap := probetest.Scan(t, allSockets()...)
	a, b := object(t, snap, model.Unix, pair[0]), object(t, snap, model.Unix, pair[1])
	wantPeer(t, a, b.ID, model.Certain)
	if a.Namespace == nil || a.Namespace.Inode == snap.Host.Namespaces["net"] {
		t.Errorf("namespace %+v", a.Namespace)
	}
	o := object(t, snap, model.TCP, listener)
	equal(t, "state", inetDetail(t, o).State, "LISTEN")
	equal(t, "local", inetDetail(t, o).Local, fmt.Sprintf("0.0.0.0:%d", at))
	equal(t, "state of an unbound one", inetDetail(t, object(t, snap, model.UDP, unbound)).State, "")
	unlistedGap(t, snap, "udp")
	for i := range snap.Gaps {
		if g := &snap.Gaps[i]; g.Probe == "unix" && g.Op == "find namespace" {
			t.Errorf("gap %+v", *g)
		}
	}
}
