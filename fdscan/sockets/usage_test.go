package sockets

import (
	"maps"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

func TestParseSockstat(t *testing.T) {
	for text, want := range map[string]int{
		"sockets: used 0\nTCP: inuse 0 orphan 0 tw 3 alloc 65 mem 42\n": 0,
		"sockets: used 10\nTCP: inuse 0\n":                              10,
		"sockets: used 0":                                               -1, // cut off
		"sockets: used x\n":                                             -1,
		"sockets: used 4294967296\n":                                    -1,
		"TCP: inuse 0\n":                                                -1,
		"":                                                              -1,
	} {
		all, ok := parseSockstat([]byte(text))
		if ok != (want >= 0) || ok && all != want {
			t.Errorf("%q: %d, %v", text, all, ok)
		}
	}
}

func TestParseProtocols(t *testing.T) {
	const head = "protocol  size sockets  memory press maxhdr  slab module     cl co\n"
	of, err := parseProtocols([]byte(head + "UNIX-STREAM 1152     13      -1   NI       0   yes  kernel      n  n\nTCP       2560     10     173   no     320   yes  kernel      y  y\n"))
	if err != nil || len(of) != 2 || of["UNIX-STREAM"] != 13 || of["TCP"] != 10 {
		t.Errorf("%v, %v", of, err)
	}
	for _, bad := range []string{"TCP\n", "TCP 2560\n", "TCP x 10 -1\n", "TCP 2560 -1 -1\n"} {
		if of, err := parseProtocols([]byte(head + bad)); err == nil {
			t.Errorf("%q: %v", bad, of)
		}
	}
}

func TestUsage(t *testing.T) {
	var unknown *usage
	if unknown.none("TCP") || unknown.noneOf(&tcpFamily) {
		t.Error("where nothing is known there is none")
	}
	u := &usage{all: 3, of: map[string]int{"UDP": 2, "UDPv6": 0, "UNIX": 1}}
	if u.unlisted() || !u.noneOf(&tcpFamily) || u.noneOf(&udpFamily) || !u.none("UDPv6", "NETLINK") || u.none("UDPv6", "UDP") {
		t.Errorf("%+v", u)
	}
	u.all++ // the extra socket may be bound to a TCP port
	if !u.unlisted() || u.noneOf(&tcpFamily) || !u.noneOf(&rawFamily) {
		t.Errorf("%+v", u)
	}
	if v := (&usage{of: map[string]int{"MPTCP": 1}}); v.noneOf(&tcpFamily) {
		t.Error("there are none of MPTCP")
	}
}

// inNamespace runs f on a thread in a new network namespace whose loopback interface is up.
// The thread stays until the test ends.
func inNamespace(t *testing.T, f func()) {
	t.Helper()
	ready, end, ended := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		proc.OnThread(func() {
			err := unix.Unshare(unix.CLONE_NEWNET)
			defer func() { // also where f skips the test
				ready <- err
				<-end
			}()
			if err == nil {
				loopbackUp()
				f()
			}
		})
	}()
	t.Cleanup(func() { close(end); <-ended })
	if err := <-ready; err != nil {
		t.Skipf("no network namespace of its own: %v", err)
	}
	if t.Skipped() {
		t.SkipNow()
	}
}

func loopbackUp() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if r, err := unix.NewIfreq("lo"); err == nil {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		_ = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	}
}

// ownSockets returns the test's sockets with what their tables show.
func ownSockets(t *testing.T, probes []probe.Probe) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, o := range probetest.Scan(t, probes...).Objects {
		if !slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == os.Getpid() }) {
			continue
		}
		text := o.Name
		if d, ok := o.Detail.(*model.InetDetail); ok {
			text += " " + d.State
		}
		found[o.ID] = text
	}
	return found
}

// Sockets of another namespace are found in each state in which the kernel lists them,
// although only tables that have something are read.
func TestSurveyLosesNothing(t *testing.T) {
	bind := func(t *testing.T, fd int) int {
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Error(err)
		}
		return fd
	}
	listen := func(t *testing.T, fd int) int {
		if err := unix.Listen(fd, 5); err != nil {
			t.Error(err)
		}
		return fd
	}
	tcp := func(t *testing.T) int { return socket(t, unix.AF_INET, unix.SOCK_STREAM, 0) }
	for _, tt := range []struct {
		name string
		make func(t *testing.T)
	}{
		{"unbound", func(t *testing.T) { tcp(t); socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0) }},
		{"bound", func(t *testing.T) { bind(t, tcp(t)) }},
		{"listener", func(t *testing.T) { listen(t, bind(t, tcp(t))) }},
		{"listener and bound", func(t *testing.T) { listen(t, bind(t, tcp(t))); bind(t, tcp(t)) }},
		{"connection", func(t *testing.T) {
			to, err := unix.Getsockname(listen(t, bind(t, tcp(t))))
			if err == nil {
				err = unix.Connect(tcp(t), to)
			}
			if err != nil {
				t.Error(err)
			}
		}},
		{"others", func(t *testing.T) {
			bind(t, socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0))
			socket(t, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_UDP)
			socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0)
			socket(t, unix.AF_NETLINK, unix.SOCK_RAW, 0)
			socket(t, unix.AF_PACKET, unix.SOCK_DGRAM, 0)
		}},
		{"IPv6", func(t *testing.T) { listen(t, socket(t, unix.AF_INET6, unix.SOCK_STREAM, 0)) }},
		{"MPTCP", func(t *testing.T) { listen(t, socket(t, unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func() { tt.make(t) })
			probes := allSockets()
			for i := range probes {
				probes[i].Precheck = nil
			}
			all, surveyed := ownSockets(t, probes), ownSockets(t, allSockets())
			if len(all) == 0 {
				t.Error("none is found")
			}
			if !maps.Equal(all, surveyed) {
				t.Errorf("with a survey: %v, without: %v", surveyed, all)
			}
		})
	}
}
