package bpf_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
)

// step is a change to sockets; steps are done one after the other.
type step struct {
	name string
	do   func() error
	same bool // the kernel's tables show no change
}

// socketSteps does the steps in a network namespace without other sockets. After each step it
// compares the sum of a table.
func socketSteps(t *testing.T, table bpf.SocketTable, steps func(keep func(fd int, err error) int) []step) {
	s := open(t)
	if _, err := s.SocketSum(table); err != nil {
		t.Skip(err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the namespace
		done <- inNamespace(func() error { return stepByStep(t, s, table, steps) })
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// inNamespace moves the thread into a new network namespace with a loopback interface.
func inNamespace(f func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	unix.Close(fd)
	if err != nil {
		return err
	}
	return f()
}

func stepByStep(t *testing.T, s *bpf.Source, table bpf.SocketTable, steps func(keep func(int, error) int) []step) error {
	var failed error
	var fds []int
	keep := func(fd int, err error) int {
		failed = errors.Join(failed, err)
		fds = append(fds, fd)
		return fd
	}
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	if sum, err := s.SocketSum(table); err != nil || sum.Unknown && table == bpf.TCPSockets && !kernelFrom(6, 17) {
		return err
	}
	before, err := settled(s, table)
	if err != nil {
		return err
	}
	for _, st := range steps(keep) {
		if err := errors.Join(st.do(), failed); err != nil {
			return fmt.Errorf("%s: %w", st.name, err)
		}
		at, err := s.SocketSum(table)
		if err != nil {
			return err
		}
		if at == before != st.same {
			t.Errorf("%s: noticed: %v; %+v, then %+v", st.name, at != before, before, at)
		}
		if before, err = settled(s, table); err != nil {
			return fmt.Errorf("after %s: %w", st.name, err)
		}
	}
	return nil
}

// settled returns a sum that stays the same, after delayed acknowledgements have been sent.
func settled(s *bpf.Source, table bpf.SocketTable) (bpf.SocketSum, error) {
	var before bpf.SocketSum
	since := time.Now()
	for begin := since; time.Since(begin) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		now, err := s.SocketSum(table)
		switch {
		case err != nil:
			return now, err
		case now != before:
			before, since = now, time.Now()
		case time.Since(since) > 300*time.Millisecond:
			if now.Unknown {
				return now, errors.New("it is not known what the table adds up to")
			}
			return now, nil
		}
	}
	return before, errors.New("what the table adds up to changes all the time")
}

func written(fd int, n int) func() error {
	return func() error {
		_, err := unix.Write(fd, make([]byte, n))
		return err
	}
}

func readOf(fd *int, n int) func() error {
	return func() error {
		_, err := unix.Read(*fd, make([]byte, n))
		return err
	}
}

func closed(fd *int) func() error {
	return func() error {
		// Its old number belongs to another file then, which the end of the test closes.
		null, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer null.Close()
		return unix.Dup3(int(null.Fd()), *fd, unix.O_CLOEXEC)
	}
}

// TestSocketSumUnix changes, one after the other, everything that unix_diag shows of a socket.
func TestSocketSumUnix(t *testing.T) {
	const kind = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	socketSteps(t, bpf.UnixSockets, func(keep func(int, error) int) []step {
		var listener, client, second, accepted, from, to int
		connect := func(fd *int, socktype int, name string) func() error {
			return func() error {
				*fd = keep(unix.Socket(unix.AF_UNIX, socktype|kind, 0))
				return unix.Connect(*fd, &unix.SockaddrUnix{Name: name})
			}
		}
		return []step{
			{"nothing", func() error { return nil }, true},
			{"a socket", func() error { listener = keep(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|kind, 0)); return nil }, false},
			{"its cookie asked for", func() error {
				_, err := unix.GetsockoptUint64(listener, unix.SOL_SOCKET, unix.SO_COOKIE)
				return err
			}, true},
			{"bound", func() error { return unix.Bind(listener, &unix.SockaddrUnix{Name: "@sum"}) }, false},
			{"listens", func() error { return unix.Listen(listener, 5) }, false},
			{"listens for more", func() error { return unix.Listen(listener, 6) }, false},
			{"a connection", connect(&client, unix.SOCK_STREAM, "@sum"), false},
			{"sent before it is accepted", func() error { return written(client, 10)() }, false},
			{"another connection", connect(&second, unix.SOCK_STREAM, "@sum"), false},
			{"which is given up", func() error { return closed(&second)() }, false},
			{"accepted", func() error { fd, _, err := unix.Accept4(listener, kind); accepted = keep(fd, err); return nil }, false},
			{"a part read", func() error { return readOf(&accepted, 4)() }, false},
			{"more sent", func() error { return written(client, 7)() }, false},
			{"all read", func() error { return readOf(&accepted, 100)() }, false},
			{"sent the other way", func() error { return written(accepted, 1)() }, false},
			{"another buffer", func() error { return unix.SetsockoptInt(client, unix.SOL_SOCKET, unix.SO_SNDBUF, 100000) }, false},
			{"another owner", func() error { return unix.Fchown(client, 12345, -1) }, false},
			{"one way shut", func() error { return unix.Shutdown(client, unix.SHUT_WR) }, false},
			{"the other end closed", func() error { return closed(&client)() }, false},
			{"datagrams", func() error {
				to = keep(unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|kind, 0))
				return unix.Bind(to, &unix.SockaddrUnix{Name: "@datagrams"})
			}, false},
			{"connected", connect(&from, unix.SOCK_DGRAM, "@datagrams"), false},
			{"an empty datagram", func() error { return written(from, 0)() }, false},
			{"another one", func() error { return written(from, 0)() }, false},
			{"one received", func() error { return readOf(&to, 10)() }, false},
			{"the receiver closed", func() error { return closed(&to)() }, false},
			{"a pair with messages", func() error {
				fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|kind, 0)
				from, to = keep(fds[0], err), keep(fds[1], nil)
				return errors.Join(written(from, 5)(), written(from, 6)())
			}, false},
			{"one of them received", func() error { return readOf(&to, 10)() }, false},
			{"nothing, again", func() error { return nil }, true},
			{"one end closed", func() error { return closed(&from)() }, false},
		}
	})
}

// TestSocketSumTCP changes, one after the other, everything that inet_diag shows of a
// connection and ipctop reports.
func TestSocketSumTCP(t *testing.T) {
	const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	const kind = unix.SOCK_STREAM | flags
	for name, family := range map[string]int{"IPv4": unix.AF_INET, "IPv6": unix.AF_INET6} {
		t.Run(name, func(t *testing.T) {
			at := func(port int) unix.Sockaddr {
				if family == unix.AF_INET {
					return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
				}
				return &unix.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
			}
			socketSteps(t, bpf.TCPSockets, func(keep func(int, error) int) []step {
				var listener, client, accepted, other int
				connect := func(fd *int) func() error {
					return func() error {
						*fd = keep(unix.Socket(family, kind, 0))
						if err := unix.Connect(*fd, at(5555)); err != unix.EINPROGRESS {
							return err
						}
						return nil
					}
				}
				option := func(fd *int, level, name, value int) func() error {
					return func() error { return unix.SetsockoptInt(*fd, level, name, value) }
				}
				return []step{
					{"nothing", func() error { return nil }, true},
					{"a socket that is in no table", func() error { listener = keep(unix.Socket(family, kind, 0)); return nil }, true},
					{"listens", func() error { return errors.Join(unix.Bind(listener, at(5555)), unix.Listen(listener, 5)) }, false},
					{"its cookie asked for", func() error {
						_, err := unix.GetsockoptUint64(listener, unix.SOL_SOCKET, unix.SO_COOKIE)
						return err
					}, true},
					{"listens for more", func() error { return unix.Listen(listener, 6) }, false},
					{"a connection", connect(&client), false},
					{"accepted", func() error { fd, _, err := unix.Accept4(listener, flags); accepted = keep(fd, err); return nil }, false},
					{"sent", func() error { return written(client, 10)() }, false},
					{"a part read", func() error { return readOf(&accepted, 4)() }, false},
					{"all read", func() error { return readOf(&accepted, 100)() }, false},
					{"sent the other way", func() error { return written(accepted, 1)() }, false},
					{"kept alive", option(&client, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1), false},
					{"at other times", option(&client, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 1000), false},
					{"another receive buffer", option(&client, unix.SOL_SOCKET, unix.SO_RCVBUF, 100000), false},
					{"another send buffer", option(&client, unix.SOL_SOCKET, unix.SO_SNDBUF, 100000), false},
					{"another owner", func() error { return unix.Fchown(client, 12345, -1) }, false},
					{"bound to an interface", func() error { return unix.BindToDevice(accepted, "lo") }, false},
					{"one way shut", func() error { return unix.Shutdown(client, unix.SHUT_WR) }, false},
					{"the other way", func() error { return unix.Shutdown(accepted, unix.SHUT_WR) }, false},
					{"both closed", func() error { return errors.Join(closed(&client)(), closed(&accepted)()) }, true}, // they have left the table
					{"another connection", connect(&other), false},
					{"reset before it is accepted", func() error {
						return errors.Join(unix.SetsockoptLinger(other, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}), closed(&other)())
					}, false},
					{"nothing, again", func() error { return nil }, true},
					{"nobody listens", func() error { return closed(&listener)() }, false},
				}
			})
		})
	}
}

// TestSocketSumBound has a socket that is only bound, which inet_diag lists since Linux 6.8.
func TestSocketSumBound(t *testing.T) {
	socketSteps(t, bpf.TCPSockets, func(keep func(int, error) int) []step {
		var fd int
		return []step{
			{"bound", func() error {
				fd = keep(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
				return unix.Bind(fd, &unix.SockaddrInet4{Port: 5556})
			}, false},
			{"not any more", func() error { return closed(&fd)() }, false},
		}
	})
}

// TestSocketSumHeldUp has a connection that cannot send, for which the kernel tells how long,
// and a connection request that is retried again and again.
func TestSocketSumHeldUp(t *testing.T) {
	socketSteps(t, bpf.TCPSockets, func(keep func(int, error) int) []step {
		const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
		at := &unix.SockaddrInet4{Port: 5557, Addr: [4]byte{127, 0, 0, 1}}
		var s *bpf.Source
		var listener, client, accepted int
		connect := func() error {
			client = keep(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|flags, 0))
			if err := unix.Connect(client, at); err != unix.EINPROGRESS {
				return err
			}
			return nil
		}
		return []step{
			{"a connection", func() error {
				s = open(t)
				listener = keep(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|flags, 0))
				err := errors.Join(unix.Bind(listener, at), unix.Listen(listener, 0), connect())
				fd, _, err2 := unix.Accept4(listener, flags)
				accepted = keep(fd, err2)
				return err
			}, false},
			{"held up", func() error {
				for n := 0; ; n++ {
					_, err := unix.Write(client, make([]byte, 1<<16))
					if err == unix.EAGAIN {
						break
					}
					if err != nil || n > 1000 {
						return fmt.Errorf("after %d writes: %w", n, err)
					}
				}
				for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
					sum, err := s.SocketSum(bpf.TCPSockets)
					switch {
					case err != nil:
						return err
					case sum.Unknown:
						return errors.Join(closed(&accepted)(), closed(&client)())
					case time.Since(begin) > 5*time.Second:
						return errors.New("what changes as time passes is taken to be known")
					}
				}
			}, false},
			{"asked for again", func() error {
				if err := errors.Join(connect(), connect()); err != nil { // a client beyond the backlog gets no answer
					return err
				}
				before, err := s.SocketSum(bpf.TCPSockets)
				if err != nil {
					return err
				}
				for begin := time.Now(); time.Since(begin) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
					now, err := s.SocketSum(bpf.TCPSockets)
					if err != nil || now.Sum != before.Sum && time.Since(begin) > 900*time.Millisecond {
						return err
					}
				}
				return errors.New("a retransmission goes unnoticed")
			}, false},
		}
	})
}
