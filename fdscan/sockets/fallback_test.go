package sockets

import (
	"context"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// Without sock_diag, the kernel still has other tables.
func TestInetWithoutDiag(t *testing.T) {
	family := tcpFamily
	family.protocol = 0
	l, at := listen(t, unix.AF_INET6, &unix.SockaddrInet6{}, 5)
	client := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Connect(client, v4(at)))
	server, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(t, err)
	defer unix.Close(server)
	waiting := socket(t, unix.AF_INET6, unix.SOCK_STREAM, 0)
	must(t, unix.Connect(waiting, v6(at)))
	_, err = unix.Write(client, []byte("hello"))
	must(t, err)

	snap := probetest.Scan(t, inetProbe(&family))
	equal(t, "backend", snap.Scan.Backends["tcp"], "proc")
	oc, os := object(t, snap, model.TCP, client), object(t, snap, model.TCP, server)
	wantPeer(t, oc, os.ID, model.Certain)
	wantPeer(t, os, oc.ID, model.Certain)
	wantPeer(t, object(t, snap, model.TCP, waiting), id(t, model.TCP, l), model.Likely)
	d := inetDetail(t, os)
	known(t, "recv_queue", d.RecvQueue, 5)
	unknown(t, "last_recv_ns", d.LastRecv)
	d = inetDetail(t, object(t, snap, model.TCP, l))
	known(t, "backlog", d.Backlog, 1)
	unknown(t, "backlog_max", d.BacklogMax)
	equal(t, "local", d.Local, fmt.Sprintf("*:%d", at))
}

// A name counts only if a valid row follows it. The table's order is that of a
// hash, so there are several.
func TestUnixWithoutDiag(t *testing.T) {
	a, _ := pair(t, unix.SOCK_SEQPACKET)
	dir := t.TempDir()
	listeners := map[string]int{}
	for i := range 12 {
		l := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
		path := fmt.Sprint(dir, "/a b", i)
		must(t, unix.Bind(l, &unix.SockaddrUnix{Name: path}))
		must(t, unix.Listen(l, 1))
		listeners[path] = l
	}
	snap := probetest.Scan(t, unixFromText())
	d := unixDetail(t, object(t, snap, model.Unix, a))
	equal(t, "type", d.Type, "seqpacket")
	equal(t, "state", d.State, "established")
	unknown(t, "recv_queue", d.RecvQueue)
	known(t, "inflight_fds", d.InflightFDs, 0) // fdinfo has it nevertheless
	named := 0
	for path, l := range listeners {
		d = unixDetail(t, object(t, snap, model.Unix, l))
		if d.Path != "" {
			equal(t, "path", d.Path, path)
			named++
		}
		equal(t, "state", d.State, "listen")
		unknown(t, "backlog", d.Backlog)
	}
	if named < len(listeners)/2 {
		t.Errorf("%d of %d have a name", named, len(listeners))
	}
}

func unixFromText() probe.Probe {
	return unixProbe(func(_ context.Context, ns probe.NS, texts *unixTexts, _ *unixKnown, out *probe.Collector) error {
		return readUnixText(ns, texts, out)
	})
}

// TestForgedRows: a name can contain a newline, and what follows may look like
// the row of another socket. The table's order is that of a hash, so there are
// several of each.
func TestForgedRows(t *testing.T) {
	dir := t.TempDir()
	inode := func(fd int) uint64 {
		var st unix.Stat_t
		must(t, unix.Fstat(fd, &st))
		return st.Ino
	}
	listener := func(name string) int {
		fd := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
		must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
		must(t, unix.Listen(fd, 1))
		return fd
	}
	t.Chdir(dir)
	const ghost = 4242424242
	var victims, unbound, forgers []int
	for i := range 4 {
		victims = append(victims, listener(fmt.Sprintf("@ipctop-test-victim-%d-%d", os.Getpid(), i)))
		unbound = append(unbound, socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0))
		for _, row := range []struct {
			ino  uint64
			name string
		}{{ghost, "@g"}, {inode(victims[i]), "@stolen"}, {inode(unbound[i]), "@docker"}} {
			forgers = append(forgers, listener(fmt.Sprintf("f%d\n00000000: 00000002 00000000 00010000 0001 01 %5d %s", i, row.ino, row.name)))
		}
		forgers = append(forgers, listener(fmt.Sprintf("short%d\n", i)))
	}
	snap := probetest.Scan(t, unixFromText())
	for i := range snap.Objects {
		if o := snap.Objects[i]; o.Ino == ghost || o.Name == "@g" || o.Name == "@stolen" || o.Name == "@docker" {
			t.Errorf("forged: %s %q", o.ID, o.Name)
		}
	}
	for i := range victims {
		if name := object(t, snap, model.Unix, victims[i]).Name; name != "" && name != fmt.Sprintf("@ipctop-test-victim-%d-%d", os.Getpid(), i) {
			t.Errorf("victim is called %q", name)
		}
		if d := unixDetail(t, object(t, snap, model.Unix, unbound[i])); d.State == "listen" || d.Abstract != "" {
			t.Errorf("unbound socket: %+v", d)
		}
	}
	for _, fd := range forgers {
		equal(t, "name that is only known in part", object(t, snap, model.Unix, fd).Name, "")
	}
	found := false
	for _, g := range snap.Gaps {
		found = found || g.Probe == "unix" && g.Reason == model.Malformed && g.Count > 0
	}
	if !found {
		t.Errorf("no gap: %+v", snap.Gaps)
	}
}

// A socket in another namespace carries that namespace, also if its holder is a
// process of another one.
func TestSocketInAnotherNamespace(t *testing.T) {
	type made struct {
		fd  int
		ns  uint64
		err error
	}
	ready, done := make(chan made), make(chan struct{})
	defer close(done)
	go proc.OnThread(func() {
		var m made
		if m.err = unix.Unshare(unix.CLONE_NEWNET); m.err == nil {
			if m.fd, m.err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); m.err == nil {
				m.ns, m.err = proc.ReadNamespace("/proc/thread-self/ns/net")
			}
		}
		ready <- m
		<-done
	})
	m := <-ready
	if m.err != nil {
		t.Skipf("needs CAP_SYS_ADMIN: %v", m.err)
	}
	defer unix.Close(m.fd)
	snap := probetest.Scan(t, allSockets()...)
	o := object(t, snap, model.Unix, m.fd)
	d := unixDetail(t, o)
	equal(t, "type", d.Type, "stream")
	equal(t, "state", d.State, "close")
	if o.Namespace == nil || o.Namespace.Inode != m.ns {
		t.Errorf("namespace %+v, want %d", o.Namespace, m.ns)
	}
}
