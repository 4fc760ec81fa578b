package fdscan

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// A kernel without sock_diag still tells something.
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

	snap := scan(t, inetProbe(&family, "CLOSE", "TCP"))
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

func TestUnixWithoutDiag(t *testing.T) {
	a, _ := pair(t, unix.SOCK_SEQPACKET)
	l := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	path := t.TempDir() + "/a b"
	must(t, unix.Bind(l, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Listen(l, 1))
	p := Unix()
	p.Table = func(_ context.Context, ns probe.NS, out *probe.Collector) error {
		text, err := readNet(ns.Scan, "unix")
		for _, f := range readUnixProc(text, ns, out) {
			out.Object(socketKey(uint64(f.object.Ino)), f.object)
		}
		return err
	}
	snap := scan(t, p)
	d := unixDetail(t, object(t, snap, model.Unix, a))
	equal(t, "type", d.Type, "seqpacket")
	equal(t, "state", d.State, "established")
	unknown(t, "recv_queue", d.RecvQueue)
	known(t, "inflight_fds", d.InflightFDs, 0) // fdinfo tells it all the same
	d = unixDetail(t, object(t, snap, model.Unix, l))
	equal(t, "path", d.Path, path)
	equal(t, "state", d.State, "listen")
	unknown(t, "backlog", d.Backlog)
}

// In a namespace of its own a socket carries that, also when a process of
// another holds it.
func TestSocketInAnotherNamespace(t *testing.T) {
	type made struct {
		fd  int
		ns  uint64
		err error
	}
	ready, done := make(chan made), make(chan struct{})
	defer close(done)
	onLockedThread(func() {
		var m made
		if m.err = unix.Unshare(unix.CLONE_NEWNET); m.err == nil {
			if m.fd, m.err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); m.err == nil {
				m.ns, m.err = probe.ReadNamespace("/proc/thread-self/ns/net")
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
	// No process lives there, only a thread: the table of that namespace is not
	// read, and nothing is claimed of what would be in it.
	snap := scan(t, allSockets()...)
	d := unixDetail(t, object(t, snap, model.Unix, m.fd))
	equal(t, "type", d.Type, "stream")
	equal(t, "state", d.State, "")
	unknown(t, "recv_queue", d.RecvQueue)
}
