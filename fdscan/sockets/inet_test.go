package sockets

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func inetDetail(t *testing.T, o *model.Object) *model.InetDetail {
	t.Helper()
	d, ok := o.Detail.(*model.InetDetail)
	if !ok {
		t.Fatalf("%s: detail is %T", o.ID, o.Detail)
	}
	return d
}

var loopback4, loopback6, mapped = [4]byte{127, 0, 0, 1}, [16]byte{15: 1}, [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}

func v4(port int) unix.Sockaddr { return &unix.SockaddrInet4{Addr: loopback4, Port: port} }
func v6(port int) unix.Sockaddr { return &unix.SockaddrInet6{Addr: loopback6, Port: port} }

func port(t *testing.T, fd int) int {
	t.Helper()
	sa, err := unix.Getsockname(fd)
	must(t, err)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port
	case *unix.SockaddrInet6:
		return sa.Port
	}
	t.Fatalf("address %T", sa)
	return 0
}

func listen(t *testing.T, family int, sa unix.Sockaddr, backlog int) (fd, at int) {
	t.Helper()
	fd = socket(t, family, unix.SOCK_STREAM, 0)
	if err := unix.Bind(fd, sa); err != nil {
		t.Skipf("bind: %v", err)
	}
	must(t, unix.Listen(fd, backlog))
	return fd, port(t, fd)
}

// A listener with a backlog of 0 is full when one connection waits.
func TestNoBacklog(t *testing.T) {
	tcp, at := listen(t, unix.AF_INET, v4(0), 0)
	local := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, unix.Bind(local, &unix.SockaddrUnix{Name: "@" + t.Name() + id(t, model.Unix, local)}))
	must(t, unix.Listen(local, 0))
	fill := func(want model.Ratio) {
		t.Helper()
		snap := probetest.Scan(t, Unix(), TCP())
		known(t, "fill of the TCP listener", object(t, snap, model.TCP, tcp).Fill, want)
		known(t, "fill of the UNIX listener", object(t, snap, model.Unix, local).Fill, want)
	}
	fill(0)
	must(t, unix.Connect(socket(t, unix.AF_INET, unix.SOCK_STREAM, 0), v4(at)))
	sa, err := unix.Getsockname(local)
	must(t, err)
	must(t, unix.Connect(socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0), sa))
	fill(1)
}

// However many listeners share a port, it is unknown at which of them a connection waits,
// and all other connections have their peers.
func TestTCPReusedPort(t *testing.T) {
	at := 0
	for range 4 {
		fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		must(t, unix.Bind(fd, v4(at)))
		must(t, unix.Listen(fd, 5))
		at = port(t, fd)
	}
	shared := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Connect(shared, v4(at)))
	l, own := listen(t, unix.AF_INET, v4(0), 5)
	client := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Connect(client, v4(own)))

	snap := probetest.Scan(t, TCP())
	wantNoPeer(t, object(t, snap, model.TCP, shared))
	wantPeer(t, object(t, snap, model.TCP, client), id(t, model.TCP, l), model.Likely)
	for _, g := range snap.Gaps {
		if strings.Contains(g.Detail, "internal error") {
			t.Errorf("gap %+v", g)
		}
	}
}

func TestTCPPair(t *testing.T) {
	for name, c := range map[string]struct {
		server, client            int
		bind                      unix.Sockaddr
		connect                   func(port int) unix.Sockaddr
		listener, local, accepted string
	}{
		"v4":                   {unix.AF_INET, unix.AF_INET, v4(0), v4, "127.0.0.1:%d", "127.0.0.1:%d", "127.0.0.1:%d"},
		"v6":                   {unix.AF_INET6, unix.AF_INET6, v6(0), v6, "[::1]:%d", "[::1]:%d", "[::1]:%d"},
		"v6 server, v4 client": {unix.AF_INET6, unix.AF_INET, &unix.SockaddrInet6{}, v4, "*:%d", "127.0.0.1:%d", "[::ffff:127.0.0.1]:%d"},
		"v6 client, v4 server": {
			unix.AF_INET, unix.AF_INET6, &unix.SockaddrInet4{},
			func(p int) unix.Sockaddr { return &unix.SockaddrInet6{Addr: mapped, Port: p} },
			"0.0.0.0:%d", "[::ffff:127.0.0.1]:%d", "127.0.0.1:%d",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, at := listen(t, c.server, c.bind, 5)
			client := socket(t, c.client, unix.SOCK_STREAM, 0)
			must(t, unix.Connect(client, c.connect(at)))

			snap := probetest.Scan(t, TCP())
			ol := object(t, snap, model.TCP, l)
			dl := inetDetail(t, ol)
			equal(t, "state", dl.State, "LISTEN")
			equal(t, "local", dl.Local, fmt.Sprintf(c.listener, at))
			known(t, "backlog", dl.Backlog, 1)
			known(t, "backlog_max", dl.BacklogMax, 5)
			known(t, "fill", ol.Fill, 0.2)
			unknown(t, "recv_queue", dl.RecvQueue)
			unknown(t, "last_recv_ns", dl.LastRecv)
			wantNoPeer(t, ol)
			wantPeer(t, object(t, snap, model.TCP, client), ol.ID, model.Likely)
			for i := range snap.Objects {
				if snap.Objects[i].Ino == 0 || strings.HasSuffix(snap.Objects[i].ID, ":0") {
					t.Errorf("an end that was not accepted is an object: %+v", snap.Objects[i])
				}
			}

			server, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
			must(t, err)
			t.Cleanup(func() { _ = unix.Close(server) })
			_, err = unix.Write(client, []byte("hello"))
			must(t, err)
			snap = probetest.Scan(t, TCP())
			oc, os := object(t, snap, model.TCP, client), object(t, snap, model.TCP, server)
			wantPeer(t, oc, os.ID, model.Certain)
			wantPeer(t, os, oc.ID, model.Certain)
			dc, ds := inetDetail(t, oc), inetDetail(t, os)
			equal(t, "state", dc.State, "ESTAB")
			equal(t, "local", dc.Local, fmt.Sprintf(c.local, port(t, client)))
			equal(t, "remote", dc.Remote, fmt.Sprintf(c.local, at))
			equal(t, "name", oc.Name, dc.Local+"->"+dc.Remote)
			equal(t, "local", ds.Local, fmt.Sprintf(c.accepted, at))
			known(t, "recv_queue", ds.RecvQueue, 5)
			known(t, "send_queue", ds.SendQueue, 0)
			if n, ok := ds.LastRecv.Get(); !ok || n < 0 || n > 60e9 {
				t.Errorf("last_recv_ns is %d, known: %v", n, ok)
			}
			unknown(t, "last_recv_ns of one that never received", dc.LastRecv)
			unknown(t, "last_send_ns of one that never sent", ds.LastSend)
			known(t, "retransmits", dc.Retransmits, 0)
			if oc.Gen == "" {
				t.Error("no generation")
			}
		})
	}
}

// A socket that was reset is removed from every table. A socket that was only
// created has never been in one.
func TestTCPUnlisted(t *testing.T) {
	fresh := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	snap := probetest.Scan(t, allSockets()...)
	o := object(t, snap, model.TCP, fresh)
	equal(t, "state", inetDetail(t, o).State, "")
	unlistedGap(t, snap, "tcp")
	if o.Namespace != nil {
		t.Errorf("namespace %v, which is not known", o.Namespace)
	}
	// Without the TCP probe, the generic socket probe describes it.
	snap = probetest.Scan(t, without("tcp")...)
	o = object(t, snap, model.Socket, fresh)
	equal(t, "protocol", o.Detail.(*model.SocketDetail).Protocol, "TCP")
}

// unlistedGap checks that there is one gap that says how many sockets of a kind no
// table lists, and that it is not a failure of the scan.
func unlistedGap(t *testing.T, snap *model.Snapshot, probe string) {
	t.Helper()
	found := 0
	for i := range snap.Gaps {
		if g := &snap.Gaps[i]; g.Probe == probe && g.Op == model.OpUnlisted {
			found++
			if g.Count < 1 || g.Reason != model.Unsupported || !g.Inherent() {
				t.Errorf("gap %+v", *g)
			}
		}
	}
	equal(t, "gaps about unlisted sockets", found, 1)
}

func TestTCPBound(t *testing.T) {
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Bind(fd, v4(0)))
	d := inetDetail(t, object(t, probetest.Scan(t, TCP()), model.TCP, fd))
	if d.Local != "" { // Linux 6.8 lists it
		equal(t, "state", d.State, "CLOSE")
		equal(t, "local", d.Local, fmt.Sprintf("127.0.0.1:%d", port(t, fd)))
	}
	unknown(t, "retransmits", d.Retransmits)
}

// If its queue is full, a listener drops connection requests; the client keeps trying.
func TestTCPBacklogFull(t *testing.T) {
	l, at := listen(t, unix.AF_INET, v4(0), 0)
	var last int
	for range 4 {
		last = socket(t, unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err := unix.Connect(last, v4(at)); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	snap := probetest.Scan(t, TCP())
	o := object(t, snap, model.TCP, last)
	equal(t, "state", inetDetail(t, o).State, "SYN-SENT")
	wantPeer(t, o, id(t, model.TCP, l), model.Likely)
	unknown(t, "last_recv_ns", inetDetail(t, o).LastRecv)
}

func TestUDPPair(t *testing.T) {
	a, b := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0), socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	lone := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, unix.Bind(a, v4(0)))
	must(t, unix.Bind(b, v4(0)))
	must(t, unix.Connect(a, v4(port(t, b))))
	must(t, unix.Connect(b, v4(port(t, a))))
	must(t, unix.Connect(lone, v4(port(t, b))))
	fresh := socket(t, unix.AF_INET6, unix.SOCK_DGRAM, 0)
	_, err := unix.Write(a, []byte("hello"))
	must(t, err)
	snap := probetest.Scan(t, allSockets()...)
	oa, ob := object(t, snap, model.UDP, a), object(t, snap, model.UDP, b)
	wantPeer(t, oa, ob.ID, model.Certain)
	wantPeer(t, ob, oa.ID, model.Certain)
	wantNoPeer(t, object(t, snap, model.UDP, lone)) // b does not take its datagrams
	d := inetDetail(t, ob)
	equal(t, "state", d.State, "ESTAB")
	if n, ok := d.RecvQueue.Get(); !ok || n < 5 {
		t.Errorf("recv_queue is %d", n)
	}
	if f, ok := ob.Fill.Get(); !ok || f <= 0 {
		t.Errorf("fill is %v", f)
	}
	known(t, "drops", d.Drops, 0)
	unknown(t, "retransmits", d.Retransmits)
	equal(t, "state of a fresh one", inetDetail(t, object(t, snap, model.UDP, fresh)).State, "")
}

func TestRaw(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("raw sockets need CAP_NET_RAW")
	}
	fd := socket(t, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	six := socket(t, unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	snap := probetest.Scan(t, allSockets()...)
	d := inetDetail(t, object(t, snap, model.Raw, fd))
	equal(t, "protocol", d.Protocol, "icmp")
	equal(t, "local", d.Local, "0.0.0.0:1")
	equal(t, "state", d.State, "UNCONN")
	known(t, "drops", d.Drops, 0)
	equal(t, "protocol", inetDetail(t, object(t, snap, model.Raw, six)).Protocol, "ipv6-icmp")
}

func TestICMP(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		t.Skipf("ping sockets are not allowed here (net.ipv4.ping_group_range): %v", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	d := inetDetail(t, object(t, probetest.Scan(t, allSockets()...), model.ICMP, fd))
	equal(t, "state of a fresh one", d.State, "")
	equal(t, "local of a fresh one", d.Local, "")
	must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback4}))
	d = inetDetail(t, object(t, probetest.Scan(t, allSockets()...), model.ICMP, fd))
	equal(t, "local", d.Local, fmt.Sprintf("127.0.0.1:%d", port(t, fd)))
}

// The table of both families from one request is the same as those from two requests.
func TestTCPOfBothFamilies(t *testing.T) {
	listen(t, unix.AF_INET, v4(0), 1)
	listen(t, unix.AF_INET6, v6(0), 1)
	d, err := openDiag()
	must(t, err)
	defer d.close()
	once := inetTable{family: &tcpFamily, known: map[uint64]bool{}}
	out := new(probe.Collector)
	if !once.readBoth(t.Context(), d, out) {
		t.Skip("this kernel has no such request")
	}
	own := func(table *inetTable) map[string]string {
		list := map[string]string{}
		for _, o := range table.objects {
			if in := o.Detail.(*model.InetDetail); in.State == "LISTEN" { // connections of other processes come and go
				list[o.ID] = o.Name + " " + o.Gen + fmt.Sprint(in.Backlog, in.BacklogMax, in.UID)
			}
		}
		return list
	}
	until(t, "the same listeners", func() bool {
		once = inetTable{family: &tcpFamily, known: map[uint64]bool{}}
		twice := inetTable{family: &tcpFamily, known: map[uint64]bool{}}
		once.readBoth(t.Context(), d, out)
		must(t, twice.readDiag(t.Context(), d, false, out))
		must(t, twice.readDiag(t.Context(), d, true, out))
		return len(own(&twice)) >= 2 && maps.Equal(own(&once), own(&twice))
	})
}
