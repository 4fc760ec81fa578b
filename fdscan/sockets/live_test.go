package sockets

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// allSockets is the list of socket probes in the order of the command.
func allSockets() []probe.Probe {
	return []probe.Probe{Unix(), TCP(), UDP(), Raw(), ICMP(), Netlink(), Packet(), Vsock(), Socket()}
}

// without returns the list without one probe.
func without(name string) []probe.Probe {
	return slices.DeleteFunc(allSockets(), func(p probe.Probe) bool { return p.Name == name })
}

// socket makes a socket that lives as long as the test.
func socket(t *testing.T, family, kind, protocol int) int {
	t.Helper()
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		t.Skipf("socket(%d, %d, %d): %v", family, kind, protocol, err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func pair(t *testing.T, kind int) (int, int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]); _ = unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	return st.Ino
}

func id(t *testing.T, kind model.Kind, fd int) string {
	t.Helper()
	return string(kind) + ":" + strconv.FormatUint(inode(t, fd), 10)
}

// object finds the object behind a descriptor of this process and checks what
// must hold for every socket.
func object(t *testing.T, snap *model.Snapshot, kind model.Kind, fd int) *model.Object {
	t.Helper()
	want := id(t, kind, fd)
	for i := range snap.Objects {
		o := snap.Objects[i]
		if o.ID != want && !strings.HasPrefix(o.ID, want+"@") { // of another namespace
			if uint64(o.Ino) == inode(t, fd) && o.Kind != model.Pipe {
				t.Errorf("%s is listed as %s", want, o.ID)
			}
			continue
		}
		if o.Kind != kind {
			t.Errorf("%s: kind %q", o.ID, o.Kind)
		}
		held := slices.ContainsFunc(o.Holders, func(h model.Holder) bool {
			n, ok := h.FD.Get()
			return h.PID == int32(unix.Getpid()) && ok && int(n) == fd && h.Via == model.ViaFD && h.Access == model.ReadWrite
		})
		if !held {
			t.Errorf("%s: not held by descriptor %d of this process: %+v", o.ID, fd, o.Holders)
		}
		return o
	}
	t.Fatalf("there is no %s; gaps: %+v", want, snap.Gaps)
	return nil
}

// wantPeer checks that o has exactly one peer.
func wantPeer(t *testing.T, o *model.Object, id string, c model.Confidence) {
	t.Helper()
	if len(o.Peers) != 1 || o.Peers[0] != (model.Peer{ID: id, Confidence: c}) {
		t.Errorf("%s (%s): peers %v, want %s %s", o.ID, o.Name, o.Peers, id, c)
	}
}

func wantNoPeer(t *testing.T, o *model.Object) {
	t.Helper()
	if len(o.Peers) != 0 {
		t.Errorf("%s (%s): peers %v, want none", o.ID, o.Name, o.Peers)
	}
}

func known[T comparable](t *testing.T, what string, got model.Opt[T], want T) {
	t.Helper()
	if v, ok := got.Get(); !ok || v != want {
		t.Errorf("%s is %v (known: %v), want %v", what, v, ok, want)
	}
}

func unknown[T any](t *testing.T, what string, got model.Opt[T]) {
	t.Helper()
	if v, ok := got.Get(); ok {
		t.Errorf("%s is %v, want unknown", what, v)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
