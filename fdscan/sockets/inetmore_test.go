package sockets

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// TestMPTCP: waiting bytes are known for the connection. The table of TCP has one
// of its subflows, whose queues are empty.
func TestMPTCP(t *testing.T) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		t.Skipf("needs MPTCP: %v", err)
	}
	defer unix.Close(l)
	must(t, unix.Bind(l, v4(0)))
	must(t, unix.Listen(l, 4))
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	must(t, err)
	defer unix.Close(client)
	must(t, unix.Connect(client, v4(port(t, l))))
	server, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(t, err)
	defer unix.Close(server)
	_, err = unix.Write(server, make([]byte, 5000))
	must(t, err)
	until(t, "the data", func() bool {
		n, err := unix.IoctlGetInt(client, unix.TIOCINQ)
		return err == nil && n == 5000
	})
	snap := probetest.Scan(t, allSockets()...)
	oc, os := object(t, snap, model.TCP, client), object(t, snap, model.TCP, server)
	d := inetDetail(t, oc)
	unknown(t, "recv_queue of the reader", d.RecvQueue)
	equal(t, "state", d.State, "ESTAB")
	wantPeer(t, oc, os.ID, model.Certain)
	if d.Protocol == "" {
		t.Skip("this kernel has no mptcp_diag")
	}
	equal(t, "protocol", d.Protocol, "mptcp")
	if f, ok := oc.Fill.Get(); !ok || f <= 0 {
		t.Errorf("fill of the reader is %v", f)
	}
	d = inetDetail(t, os)
	known(t, "recv_queue of the writer", d.RecvQueue, 0)
	until(t, "the acknowledgement", func() bool {
		return inetDetail(t, object(t, probetest.Scan(t, TCP()), model.TCP, server)).SendQueue == model.Some[int64](0)
	})
	d = inetDetail(t, object(t, snap, model.TCP, l))
	equal(t, "state of the listener", d.State, "LISTEN")
	known(t, "backlog_max", d.BacklogMax, 4)
}

// until waits for an effect that another thread of the kernel causes.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s: not after ten seconds", what)
}

func TestUDPLite(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDPLITE)
	if err != nil {
		t.Skipf("needs UDP-Lite: %v", err)
	}
	defer unix.Close(fd)
	d := inetDetail(t, object(t, probetest.Scan(t, allSockets()...), model.UDP, fd))
	equal(t, "protocol", d.Protocol, "udplite")
	equal(t, "state", d.State, "")
	must(t, unix.Bind(fd, v4(0)))
	withoutDiag := udpFamily
	withoutDiag.variants = []inetFamily{udpFamily.variants[0]}
	withoutDiag.variants[0].protocol = 0
	for _, snap := range []*model.Snapshot{probetest.Scan(t, allSockets()...), probetest.Scan(t, inetProbe(&withoutDiag))} {
		d = inetDetail(t, object(t, snap, model.UDP, fd))
		equal(t, "protocol", d.Protocol, "udplite")
		equal(t, "local", d.Local, fmt.Sprintf("127.0.0.1:%d", port(t, fd)))
		known(t, "recv_queue", d.RecvQueue, 0)
	}
}

// TestTCPCounters compares with what the socket itself reports (tcp_info), on a
// connection whose reader has no room left: its writer's timer is persist.
func TestTCPCounters(t *testing.T) {
	l, at := listen(t, unix.AF_INET, v4(0), 1)
	writer := socket(t, unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err := unix.Connect(writer, v4(at)); err != nil && err != unix.EINPROGRESS {
		t.Fatal(err)
	}
	var reader int
	until(t, "the connection", func() bool {
		var err error
		reader, _, err = unix.Accept4(l, unix.SOCK_CLOEXEC)
		return err == nil
	})
	defer unix.Close(reader)
	told := func() *unix.TCPInfo {
		info, err := unix.GetsockoptTCPInfo(writer, unix.IPPROTO_TCP, unix.TCP_INFO)
		must(t, err)
		return info
	}
	var detail *model.InetDetail
	var info *unix.TCPInfo
	until(t, "no room, and nothing that moves while it is looked at", func() bool {
		for {
			if _, err := unix.Write(writer, make([]byte, 1<<16)); err != nil {
				break
			}
		}
		before := told()
		detail = inetDetail(t, object(t, probetest.Scan(t, TCP()), model.TCP, writer))
		info = told()
		return detail.Timer == "persist" && before.Bytes_sent == info.Bytes_sent && before.Bytes_acked == info.Bytes_acked && before.Rto == info.Rto &&
			before.Sndbuf_limited == info.Sndbuf_limited
	})
	known(t, "bytes_acked", detail.BytesAcked, int64(info.Bytes_acked))
	known(t, "bytes_sent", detail.BytesSent, int64(info.Bytes_sent))
	known(t, "bytes_received", detail.BytesReceived, int64(info.Bytes_received))
	known(t, "bytes_not_sent", detail.BytesNotSent, int64(info.Notsent_bytes))
	known(t, "rto_ns", detail.RTO, int64(info.Rto)*1000)
	known(t, "buffer_limited_ns", detail.BufferLimited, int64(info.Sndbuf_limited)*1000)
	if n := detail.WindowLimited.Or(0); n == 0 || n > int64(info.Rwnd_limited)*1000 {
		t.Errorf("window_limited_ns %d, of %d us", n, info.Rwnd_limited)
	}
	if n := detail.TimerExpires.Or(0); n <= 0 {
		t.Errorf("timer_expires_ns %d", n)
	}
	if n := detail.Backoff.Or(-1); n < 0 || n > int64(info.Backoff) {
		t.Errorf("backoff %d, want at most %d", n, info.Backoff)
	}
	until(t, "what the reader received is what the writer knows to have arrived", func() bool {
		before := told()
		got := inetDetail(t, object(t, probetest.Scan(t, TCP()), model.TCP, reader))
		return before.Bytes_acked == told().Bytes_acked && got.BytesReceived == model.Some(int64(before.Bytes_acked)-1) // the SYN
	})

	udp := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, unix.Connect(udp, v4(at)))
	must(t, unix.Shutdown(udp, unix.SHUT_RD))
	equal(t, "shutdown", inetDetail(t, object(t, probetest.Scan(t, UDP()), model.UDP, udp)).Shutdown, "r")
}

// The table of MPTCP is read only if there seems to be something in it, also by a scanner
// that found it empty, or not empty, before.
func TestMPTCPComesAndGoes(t *testing.T) {
	scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{TCP()}, Repeated: true})
	defer scanner.Close()
	for range 2 {
		scan := func(l int) string {
			snap, err := scanner.Scan(t.Context())
			must(t, err)
			return inetDetail(t, object(t, snap, model.TCP, l)).Protocol
		}
		_, err := scanner.Scan(t.Context())
		must(t, err)
		l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
		if err != nil {
			t.Skipf("needs MPTCP: %v", err)
		}
		must(t, unix.Listen(l, 1))
		for range 2 {
			if protocol := scan(l); protocol != "mptcp" {
				unix.Close(l)
				t.Fatalf("the protocol of an MPTCP listener is %q", protocol)
			}
		}
		must(t, unix.Close(l))
	}
}

// In a namespace other than ipctop's, MPTCP is asked for only if the table of TCP shows that
// there is some, even if that is only a listener.
func TestMPTCPOfAnotherNamespace(t *testing.T) {
	listener, end := make(chan int), make(chan struct{})
	go proc.OnThread(func() {
		at := -1
		if unix.Unshare(unix.CLONE_NEWNET) == nil {
			at = 0
		}
		for _, protocol := range []int{unix.IPPROTO_MPTCP, unix.IPPROTO_TCP} {
			fd := at
			if at == 0 {
				var err error
				if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, protocol); err == nil {
					err = unix.Listen(fd, 1)
				}
				if err != nil {
					fd = -1
				}
			}
			listener <- fd
		}
		<-end
	})
	defer close(end)
	mptcp, tcp := <-listener, <-listener
	if mptcp < 0 || tcp < 0 {
		t.Skip("no network namespace, or no MPTCP, for a thread of the test")
	}
	defer unix.Close(mptcp)
	defer unix.Close(tcp)
	snap := probetest.Scan(t, TCP())
	for fd, want := range map[int]string{mptcp: "mptcp", tcp: ""} {
		o := object(t, snap, model.TCP, fd)
		if o.Namespace == nil {
			for _, g := range snap.Gaps {
				if g.Probe == "net namespace" { // so many of other tests
					t.Skipf("not every namespace was looked into: %+v", g)
				}
			}
			t.Fatalf("%s is in no namespace", o.ID)
		}
		d := inetDetail(t, o)
		equal(t, "state", d.State, "LISTEN")
		equal(t, "protocol", d.Protocol, want)
	}
}
