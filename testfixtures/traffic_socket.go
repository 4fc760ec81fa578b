package testfixtures

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func socketCarriers() []carrier {
	return []carrier{
		{name: "unix", short: "unix", open: openSocketpair(unix.SOCK_STREAM), send: sendWrite, receive: receiveRead, answers: true},
		{name: "unix:nonblocking", short: "unix-nb", open: openSocketpair(unix.SOCK_STREAM | unix.SOCK_NONBLOCK), send: sendWrite, receive: receiveRead, answers: true},
		{name: "unix:seqpacket", short: "unix-seq", open: openSocketpair(unix.SOCK_SEQPACKET), send: sendTo, receive: receiveFrom, answers: true, limit: 64 << 10},
		{name: "unix:message", short: "unix-msg", open: openSocketpair(unix.SOCK_STREAM), send: sendMessage, receive: receiveMessage, answers: true},
		{name: "unix:messages", short: "unix-mm", open: openSocketpair(unix.SOCK_DGRAM), send: sendMessages, receive: receiveMessages},
		{name: "tcp", short: "tcp", open: openTCP, send: sendWrite, receive: receiveRead, answers: true},
		{name: "tcp:sendfile", short: "sendfile", open: openTCP, setup: setupSendfile, send: sendFile, receive: receiveRead},
		{name: "udp", short: "udp", open: openUDP, send: sendTo, receive: receiveFrom, acknowledged: true, answers: true, limit: 32 << 10},
	}
}

func openSocketpair(typ int) func(m *maker) (ends, error) {
	return func(m *maker) (ends, error) {
		fds, inos, err := socketpair(m, typ)
		return ends{fds: [2][]int{{fds[0]}, {fds[1]}}, objects: ids("unix", inos[:]...)}, err
	}
}

// openTCP makes a connection over loopback, with TCP_NODELAY.
func openTCP(m *maker) (ends, error) {
	listener, err := tcpListen("127.0.0.1:0")
	if err != nil {
		return ends{}, err
	}
	m.own(listener)
	addr, err := unix.Getsockname(listener)
	if err != nil {
		return ends{}, fmt.Errorf("getsockname: %w", err)
	}
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ends{}, fmt.Errorf("socket: %w", err)
	}
	m.own(client)
	if err := unix.Connect(client, addr); err != nil {
		return ends{}, fmt.Errorf("connect: %w", err)
	}
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return ends{}, fmt.Errorf("accept: %w", err)
	}
	m.own(server)
	for _, fd := range []int{client, server} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return ends{}, fmt.Errorf("setsockopt TCP_NODELAY: %w", err)
		}
	}
	objects, err := descriptorIDs("tcp", client, server)
	return ends{fds: [2][]int{{client}, {server}}, objects: objects}, err
}

// openUDP makes two sockets that are connected to each other.
func openUDP(m *maker) (ends, error) {
	var fds [2]int
	var addrs [2]unix.Sockaddr
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return ends{}, fmt.Errorf("socket: %w", err)
		}
		m.own(fd)
		fds[i] = fd
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return ends{}, fmt.Errorf("bind: %w", err)
		}
		if addrs[i], err = unix.Getsockname(fd); err != nil {
			return ends{}, fmt.Errorf("getsockname: %w", err)
		}
	}
	for i, fd := range fds {
		if err := unix.Connect(fd, addrs[1-i]); err != nil {
			return ends{}, fmt.Errorf("connect: %w", err)
		}
	}
	objects, err := descriptorIDs("udp", fds[:]...)
	return ends{fds: [2][]int{{fds[0]}, {fds[1]}}, objects: objects}, err
}

func sendTo(e *end, n int) (int, error) { return n, unix.Send(e.fds[0], e.buf[:n], 0) }

func receiveFrom(e *end, n int) (int, error) {
	n, _, err := unix.Recvfrom(e.fds[0], e.buf[:n], 0)
	return n, err
}

func sendMessage(e *end, n int) (int, error) {
	return unix.SendmsgBuffers(e.fds[0], e.halves(n), nil, nil, 0)
}

// receiveMessage peeks at the message before it receives it; peeking is no transfer.
func receiveMessage(e *end, n int) (int, error) {
	if _, _, _, _, err := unix.RecvmsgBuffers(e.fds[0], e.halves(n), nil, unix.MSG_PEEK); err != nil {
		return 0, err
	}
	n, _, _, _, err := unix.RecvmsgBuffers(e.fds[0], e.halves(n), nil, 0)
	return n, err
}

// Calls that carry several messages at a time (sendmmsg(2), recvmmsg(2)).
const (
	messageBytes = 64
	maxMessages  = 16
)

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// messages sends or receives n bytes in messages, of which only the last may be short: the
// receiver has room for long ones.
func (e *end) messages(call uintptr, n, flags int) (int, error) {
	var headers [maxMessages]mmsghdr
	var vectors [maxMessages]unix.Iovec
	count := 0
	for at := 0; at < n && count < maxMessages; at += messageBytes {
		v := &vectors[count]
		v.Base = &e.buf[at]
		v.SetLen(messageBytes)
		if call == unix.SYS_SENDMMSG {
			v.SetLen(min(messageBytes, n-at))
		}
		headers[count].header.Iov = v
		headers[count].header.SetIovlen(1)
		count++
	}
	done, _, errno := unix.Syscall6(call, uintptr(e.fds[0]), uintptr(unsafe.Pointer(&headers)), uintptr(count), uintptr(flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	sum := 0
	for i := range int(done) {
		sum += int(headers[i].length)
	}
	return sum, nil
}

func sendMessages(e *end, n int) (int, error) { return e.messages(unix.SYS_SENDMMSG, n, 0) }

func receiveMessages(e *end, n int) (int, error) {
	return e.messages(unix.SYS_RECVMMSG, n, unix.MSG_WAITFORONE)
}

// setupSendfile gives the sender a file to send.
func setupSendfile(e *end) error {
	if e.receiver {
		return nil
	}
	fd, err := unix.MemfdCreate("ipctop-fixture", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	e.extra = []int{fd}
	return unix.Ftruncate(fd, maxSize)
}

func sendFile(e *end, n int) (int, error) {
	var at int64
	return unix.Sendfile(e.fds[0], e.extra[0], &at, n)
}
