package sockets

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

func unixDetail(t *testing.T, o *model.Object) *model.UnixDetail {
	t.Helper()
	d, ok := o.Detail.(*model.UnixDetail)
	if !ok {
		t.Fatalf("%s: detail is %T", o.ID, o.Detail)
	}
	return d
}

func TestUnixPair(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	_, err := unix.Write(a, make([]byte, 1000))
	must(t, err)
	must(t, unix.Shutdown(b, unix.SHUT_WR))
	snap := probetest.Scan(t, Unix())

	oa, ob := object(t, snap, model.Unix, a), object(t, snap, model.Unix, b)
	wantPeer(t, oa, ob.ID, model.Certain)
	wantPeer(t, ob, oa.ID, model.Certain)
	da, db := unixDetail(t, oa), unixDetail(t, ob)
	equal(t, "type", da.Type, "stream")
	equal(t, "state", da.State, "established")
	known(t, "recv_queue of the reader", db.RecvQueue, 1000)
	known(t, "recv_queue of the writer", da.RecvQueue, 0)
	if n, ok := da.SendQueue.Get(); !ok || n < 1000 {
		t.Errorf("send_queue of the writer is %d", n)
	}
	if f, ok := oa.Fill.Get(); !ok || f <= 0 || f >= 1 {
		t.Errorf("fill of the writer is %v", f)
	}
	equal(t, "shutdown of the one that closed", db.Shutdown, "w")
	equal(t, "shutdown of the other", da.Shutdown, "r")
	known(t, "inflight_fds", da.InflightFDs, 0)
	known(t, "uid", oa.UID, os.Getuid())
	if oa.Gen == "" || oa.Gen == ob.Gen {
		t.Errorf("generations %q and %q", oa.Gen, ob.Gen)
	}
	if oa.Namespace == nil || oa.Namespace.Type != "net" {
		t.Errorf("namespace %+v", oa.Namespace)
	}
	equal(t, "name", oa.Name, "")
	equal(t, "backend", snap.Scan.Backends["unix"], "unix_diag")
}

func TestUnixListener(t *testing.T) {
	// The path is hostile and must be reported unchanged.
	path := filepath.Join(t.TempDir(), "a b\n\x1b[31m\xff@")
	l := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, unix.Bind(l, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Listen(l, 3))
	waiting := []int{socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0), socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)}
	for _, c := range waiting {
		must(t, unix.Connect(c, &unix.SockaddrUnix{Name: path}))
	}
	// A descriptor is in flight to a connection that is not accepted yet.
	must(t, unix.Sendmsg(waiting[0], []byte("x"), unix.UnixRights(l), nil, 0))
	snap := probetest.Scan(t, Unix())

	o := object(t, snap, model.Unix, l)
	d := unixDetail(t, o)
	equal(t, "state", d.State, "listen")
	equal(t, "path", d.Path, path)
	equal(t, "name", o.Name, path)
	equal(t, "object path", o.Path, path)
	known(t, "backlog", d.Backlog, 2)
	known(t, "backlog_max", d.BacklogMax, 3)
	known(t, "fill", o.Fill, model.Ratio(2.0/3))
	unknown(t, "recv_queue", d.RecvQueue)
	known(t, "inflight_fds", d.InflightFDs, 1)
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	equal(t, "path_ino", uint64(d.PathIno), st.Ino)
	if d.PathDev == "" {
		t.Error("path_dev is missing")
	}
	wantNoPeer(t, o)
	for _, c := range waiting {
		oc := object(t, snap, model.Unix, c)
		wantPeer(t, oc, o.ID, model.Certain)
		if !slices.Contains(d.Pending, oc.ID) {
			t.Errorf("pending is %v, without %s", d.Pending, oc.ID)
		}
	}

	s, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(s) })
	snap = probetest.Scan(t, Unix())
	wantPeer(t, object(t, snap, model.Unix, waiting[0]), id(t, model.Unix, s), model.Certain)
	wantPeer(t, object(t, snap, model.Unix, s), id(t, model.Unix, waiting[0]), model.Certain)
	known(t, "backlog", unixDetail(t, object(t, snap, model.Unix, l)).Backlog, 1)
	known(t, "inflight_fds of the accepted", unixDetail(t, object(t, snap, model.Unix, s)).InflightFDs, 1)
}

func TestUnixAbstract(t *testing.T) {
	name := "ipctop-test" + strconv.Itoa(os.Getpid()) + "\x00\xff x"
	l := socket(t, unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	must(t, unix.Bind(l, &unix.SockaddrUnix{Name: "@" + name}))
	must(t, unix.Listen(l, 1))
	o := object(t, probetest.Scan(t, Unix()), model.Unix, l)
	d := unixDetail(t, o)
	equal(t, "abstract", d.Abstract, name)
	equal(t, "name", o.Name, "@"+name)
	equal(t, "path", d.Path, "")
	equal(t, "type", d.Type, "seqpacket")
	equal(t, "path_ino", d.PathIno, 0)
	known(t, "inflight_fds", d.InflightFDs, 0)
}

func TestUnixDatagram(t *testing.T) {
	server, client := socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0), socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	addr := &unix.SockaddrUnix{Name: "@ipctop-test-dgram" + strconv.Itoa(os.Getpid())}
	must(t, unix.Bind(server, addr))
	must(t, unix.Connect(client, addr))
	for _, n := range []int{100, 200} {
		_, err := unix.Write(client, make([]byte, n))
		must(t, err)
	}
	snap := probetest.Scan(t, Unix())
	os, oc := object(t, snap, model.Unix, server), object(t, snap, model.Unix, client)
	wantPeer(t, oc, os.ID, model.Certain)
	wantNoPeer(t, os) // the server is not connected to anybody
	known(t, "recv_queue", unixDetail(t, os).RecvQueue, 100)
	if n, ok := unixDetail(t, oc).SendQueue.Get(); !ok || n < 300 {
		t.Errorf("send_queue is %d", n)
	}
	equal(t, "type", unixDetail(t, os).Type, "dgram")
	if !slices.ContainsFunc(snap.Objects, func(o *model.Object) bool { return o.ID == os.ID }) {
		t.Error("server is missing")
	}
}

func TestUnixInflight(t *testing.T) {
	for name, kind := range map[string]int{"stream": unix.SOCK_STREAM, "dgram": unix.SOCK_DGRAM, "seqpacket": unix.SOCK_SEQPACKET} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, kind)
			data := []byte{}
			if kind == unix.SOCK_STREAM {
				data = []byte("x")
			}
			must(t, unix.Sendmsg(a, data, unix.UnixRights(0, 0), nil, 0))
			must(t, unix.Sendmsg(a, data, unix.UnixRights(0), nil, 0))
			snap := probetest.Scan(t, Unix())
			known(t, "inflight_fds of the receiver", unixDetail(t, object(t, snap, model.Unix, b)).InflightFDs, 3)
			known(t, "inflight_fds of the sender", unixDetail(t, object(t, snap, model.Unix, a)).InflightFDs, 0)
		})
	}
}

func TestUnixFresh(t *testing.T) {
	fd := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	d := unixDetail(t, object(t, probetest.Scan(t, allSockets()...), model.Unix, fd))
	equal(t, "state", d.State, "close")
}
