//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func init() {
	roles["receive"] = func() { // descriptors from standard input
		b, oob := make([]byte, 8), make([]byte, 256)
		fmt.Println("ready") // if it is received long after it was sent, the event of the sender has no receiver
		_, n, _, _, err := unix.Recvmsg(0, b, oob, 0)
		fmt.Println(n, err)
		await()
	}
	roles["dial"] = func() {
		await()
		c, err := net.Dial(os.Args[1], os.Args[2])
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.LocalAddr())
		await()
	}
}

// TestConnections checks both sides of connections.
func TestConnections(t *testing.T) {
	for _, test := range []struct{ name, network, address string }{
		{"path", "unix", filepath.Join(t.TempDir(), "socket")},
		{"abstract", "unix", fmt.Sprintf("@ipctop-trace-%d", os.Getpid())},
		{"IPv4", "tcp", "127.0.0.1:0"},
		{"IPv6", "tcp", "[::1]:0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			find := watch(t, tracer.Options{Connects: true})
			l, err := net.Listen(test.network, test.address)
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					defer c.Close()
				}
			}()
			p := start(t, role("dial", test.network, l.Addr().String()))
			p.begin()
			local := p.line(t)
			at := l.Addr().String()
			is := func(sender int, event string) func(e *trace.Event) bool {
				return func(e *trace.Event) bool {
					return e.Event == event && e.Sender.PID == sender && (e.Path == at || e.Remote == at || e.Local == at)
				}
			}
			connect := find("connect", is(p.Process.Pid, trace.ConnectEvent))
			accept := find("accept", is(os.Getpid(), trace.AcceptEvent))
			if connect.Target == nil || connect.Target.PID != os.Getpid() || accept.Target == nil || accept.Target.PID != p.Process.Pid {
				t.Errorf("connect to %+v, accept of %+v", connect.Target, accept.Target)
			}
			if connect.Object == "" || connect.Object != accept.PeerObject || accept.Object == "" || accept.Object != connect.PeerObject {
				t.Errorf("%s with %s, %s with %s", connect.Object, connect.PeerObject, accept.Object, accept.PeerObject)
			}
			if test.network == "unix" {
				if connect.Path != at || accept.Path != at || connect.Error != "" || connect.Local != "" {
					t.Errorf("%+v, %+v, want %s", connect, accept, at)
				}
				return
			}
			if connect.Local != local || connect.Remote != at || accept.Local != at || accept.Remote != local ||
				(connect.Error != "" && connect.Error != trace.InProgress) {
				t.Errorf("%+v, %+v, want %s to %s", connect.Connection, accept.Connection, local, at)
			}
		})
	}
}

// TestConnectionsThatFail checks the reported errors.
func TestConnectionsThatFail(t *testing.T) {
	find := watch(t, tracer.Options{Connects: true})
	none := filepath.Join(t.TempDir(), "none")
	bound, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(bound)
	if err := unix.Bind(bound, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(bound)
	if err != nil {
		t.Fatal(err)
	}
	closed := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	for _, test := range []struct {
		family int
		to     unix.Sockaddr
		where  string
		error  string
	}{
		{unix.AF_UNIX, &unix.SockaddrUnix{Name: none}, none, "ENOENT"},
		{unix.AF_INET, name, closed, "ECONNREFUSED"},
	} {
		fd, err := unix.Socket(test.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(fd, test.to); err == nil {
			t.Errorf("%s: it connected", test.where)
		}
		unix.Close(fd)
		e := find(test.where, func(e *trace.Event) bool {
			return e.Connection != nil && (e.Path == test.where || e.Remote == test.where)
		})
		if e.Error != test.error || e.Target != nil || e.Sender.PID != os.Getpid() || e.Event != trace.ConnectEvent {
			t.Errorf("%s: %+v", test.where, e)
		}
	}
}

// TestConnectionsOfDatagrams: a connection of a datagram socket is reported at once, as nobody
// accepts it. Dissolving one is not reported.
func TestConnectionsOfDatagrams(t *testing.T) {
	find := watch(t, tracer.Options{Connects: true})
	path := filepath.Join(t.TempDir(), "socket")
	for _, test := range []struct {
		name   string
		family int
		bound  unix.Sockaddr
	}{
		{"path", unix.AF_UNIX, &unix.SockaddrUnix{Name: path}},
		{"IPv4", unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}},
		{"IPv6", unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, client := datagrams(t, test.family), datagrams(t, test.family)
			if err := unix.Bind(int(server.Fd()), test.bound); err != nil {
				t.Skip(err)
			}
			at, err := unix.Getsockname(int(server.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			var unspecified unix.RawSockaddr
			connect := func() {
				t.Helper()
				if err := unix.Connect(int(client.Fd()), at); err != nil {
					t.Fatal(err)
				}
			}
			connect()
			if _, _, errno := unix.Syscall(unix.SYS_CONNECT, client.Fd(), uintptr(unsafe.Pointer(&unspecified)), unsafe.Sizeof(unspecified)); errno != 0 {
				t.Fatal(errno)
			}
			connect()
			kind := "udp"
			if test.family == unix.AF_UNIX {
				kind = "unix"
			}
			object := fmt.Sprintf("%s:%d", kind, inode(t, client))
			var first *trace.Event
			for range 2 {
				e := find("connect", func(e *trace.Event) bool { return e.Connection != nil && e.Object == object && e != first })
				local, remote := addressOf(t, client), addressOf(t, server)
				if e.Event != trace.ConnectEvent || e.Sender.PID != os.Getpid() || e.Target != nil || e.Error != "" {
					t.Errorf("%+v", e)
				}
				if test.family == unix.AF_UNIX {
					if e.Path != path || e.PeerObject != fmt.Sprintf("unix:%d", inode(t, server)) {
						t.Errorf("%s, with %s", e.Path, e.PeerObject)
					}
				} else if e.Remote != remote || first != nil && e.Local != local {
					t.Errorf("%s to %s, want %s to %s", e.Local, e.Remote, local, remote)
				}
				first = e
			}
		})
	}
}

func datagrams(t *testing.T, family int) *os.File {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "datagrams")
	t.Cleanup(func() { f.Close() })
	return f
}

// addressOf is the address and port of an Internet socket, in the form that events have.
func addressOf(t *testing.T, f *os.File) string {
	t.Helper()
	name, err := unix.Getsockname(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String()
	}
	return ""
}
