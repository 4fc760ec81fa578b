package testfixtures

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// carriers lists the ways to carry data that there are.
func carriers() []carrier {
	return slices.Concat(pipeCarriers(), socketCarriers(), queueCarriers())
}

// Calls on an end's first descriptor.

func sendWrite(e *end, n int) (int, error)   { return unix.Write(e.fds[0], e.buf[:n]) }
func receiveRead(e *end, n int) (int, error) { return unix.Read(e.fds[0], e.buf[:n]) }

// halves divides the first n bytes of the buffer, which vectored calls take.
func (e *end) halves(n int) [][]byte { return [][]byte{e.buf[:n/2], e.buf[n/2 : n]} }

func sendWritev(e *end, n int) (int, error)   { return unix.Writev(e.fds[0], e.halves(n)) }
func receiveReadv(e *end, n int) (int, error) { return unix.Readv(e.fds[0], e.halves(n)) }

func pipeCarriers() []carrier {
	return []carrier{
		{name: "pipe", short: "pipe", open: openPipe(0), send: sendWrite, receive: receiveRead},
		{name: "pipe:nonblocking", short: "pipe-nb", open: openPipe(unix.O_NONBLOCK), send: sendWrite, receive: receiveRead},
		{name: "pipe:vectored", short: "pipe-v", open: openPipe(0), send: sendWritev, receive: receiveReadv},
		{name: "pipe:splice", short: "splice", open: openPipe(0), setup: setupSplice, send: sendSplice, receive: receiveSplice, limit: 32 << 10},
		{name: "pipe:vmsplice", short: "vmsplice", open: openPipe(0), send: sendVmsplice, receive: receiveRead},
		{name: "pipe:io_uring", short: "uring", open: openPipe(0), setup: setupRing, send: sendRing, receive: receiveRing},
		{name: "fifo", short: "fifo", open: openFIFO, send: sendWrite, receive: receiveRead},
	}
}

func openPipe(flags int) func(m *maker) (ends, error) {
	return func(m *maker) (ends, error) {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|flags); err != nil {
			return ends{}, fmt.Errorf("pipe: %w", err)
		}
		m.own(fds[:]...)
		objects, err := descriptorIDs("pipe", fds[0])
		return ends{fds: [2][]int{{fds[1]}, {fds[0]}}, objects: objects}, err
	}
}

func openFIFO(m *maker) (ends, error) {
	path, err := m.run.manifest.path("traffic-fifo")
	if err != nil {
		return ends{}, err
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return ends{}, fmt.Errorf("mkfifo %q: %w", path, err)
	}
	var fds [2]int
	for i, flags := range []int{unix.O_RDONLY | unix.O_NONBLOCK, unix.O_WRONLY} { // the read end first, without waiting
		if fds[i], err = unix.Open(path, flags|unix.O_CLOEXEC, 0); err != nil {
			return ends{}, fmt.Errorf("open %q: %w", path, err)
		}
		m.own(fds[i])
	}
	if err := unix.SetNonblock(fds[0], false); err != nil {
		return ends{}, err
	}
	var st unix.Statx_t
	if err := unix.Statx(fds[0], "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
		return ends{}, fmt.Errorf("statx %q: %w", path, err)
	}
	return ends{fds: [2][]int{{fds[1]}, {fds[0]}}, objects: []string{fmt.Sprintf("fifo:%d:%d:%d", st.Dev_major, st.Dev_minor, st.Ino)}}, nil
}

// setupSplice gives the sender a pipe of its own to splice from, and the receiver
// something to splice to.
func setupSplice(e *end) error {
	if e.receiver {
		null, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		e.extra = []int{null}
		return err
	}
	e.extra = make([]int, 2)
	return unix.Pipe2(e.extra, unix.O_CLOEXEC)
}

func sendSplice(e *end, n int) (int, error) {
	queued, err := queued(e.extra[0])
	if err != nil {
		return 0, err
	}
	if queued == 0 {
		if queued, err = unix.Write(e.extra[1], e.buf[:n]); err != nil {
			return 0, err
		}
	}
	sent, err := unix.Splice(e.extra[0], nil, e.fds[0], nil, min(queued, n), 0)
	return int(sent), err
}

func receiveSplice(e *end, n int) (int, error) {
	received, err := unix.Splice(e.fds[0], nil, e.extra[0], nil, n, 0)
	return int(received), err
}

func sendVmsplice(e *end, n int) (int, error) {
	iov := unix.Iovec{Base: &e.buf[0]}
	iov.SetLen(n)
	return unix.Vmsplice(e.fds[0], []unix.Iovec{iov}, 0)
}

func queueCarriers() []carrier {
	return []carrier{
		{name: "pty", short: "pty", open: openTrafficPty, send: sendWrite, receive: receiveRead, answers: true, limit: 1024},
		{name: "posix-mq", short: "mq", open: openTrafficMq, send: sendMq, receive: receiveMq, limit: mqMessageSize},
		{name: "sysv-msg", short: "msg", open: openTrafficMsg, send: sendSysV, receive: receiveSysV, limit: msgMax},
		{name: "sysv-sem", short: "sem", open: openTrafficSem, send: operateSem(0, 1), receive: operateSem(0, -1), acknowledged: true, operations: true},
		{name: "eventfd", short: "eventfd", open: openTrafficEventfd, send: sendEventfd, receive: receiveEventfd, operations: true},
	}
}

func openTrafficPty(m *maker) (ends, error) {
	t, err := openTerminal()
	if err != nil {
		return ends{}, err
	}
	m.own(t.Master, t.Slave)
	settings, err := unix.IoctlGetTermios(t.Slave, unix.TCGETS)
	if err != nil {
		return ends{}, err
	}
	// As cfmakeraw(3) does it: all bytes go through as they are, and none comes back.
	settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(t.Slave, unix.TCSETS, settings); err != nil {
		return ends{}, err
	}
	return ends{fds: [2][]int{{t.Master}, {t.Slave}}, objects: []string{fmt.Sprintf("pty:%s:%d", t.Device, t.Index)}}, nil
}

func openTrafficMq(m *maker) (ends, error) {
	name, fd, err := m.newMq()
	if err != nil {
		return ends{}, err
	}
	o, err := describeMq(fd, name)
	return ends{fds: [2][]int{{fd}, {fd}}, objects: []string{o.id}}, err
}

func sendMq(e *end, n int) (int, error)    { return n, mqSend(e.fds[0], n) }
func receiveMq(e *end, _ int) (int, error) { return mqReceive(e.fds[0], mqMessageSize) }

func openTrafficMsg(m *maker) (ends, error) {
	id, err := m.makeSysV(sysvMsg, 0)
	return ends{args: []string{strconv.Itoa(id)}, objects: []string{sysvMsg.id(id)}}, err
}

func sendSysV(e *end, n int) (int, error)    { return n, msgSend(number(e.args, 0), 1, n) }
func receiveSysV(e *end, _ int) (int, error) { return msgReceive(number(e.args, 0), 0) }

func openTrafficSem(m *maker) (ends, error) {
	id, err := m.makeSysV(sysvSem, 2)
	return ends{args: []string{strconv.Itoa(id)}, objects: []string{sysvSem.id(id)}}, err
}

// operateSem changes the semaphore of one direction; the answers have the other one.
func operateSem(num, op int) func(e *end, n int) (int, error) {
	return func(e *end, _ int) (int, error) {
		n := num
		if e.receiver == (op > 0) { // the receiver sends an answer, or the sender takes it
			n = 1
		}
		return 1, semOperate(number(e.args, 0), n, op)
	}
}

func openTrafficEventfd(m *maker) (ends, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_SEMAPHORE)
	if err != nil {
		return ends{}, fmt.Errorf("eventfd: %w", err)
	}
	m.own(fd)
	id, err := eventfdID(fd)
	if err == nil && id == "" {
		return ends{}, &Unavailable{Reason: "needs Linux 5.2, which tells event counters apart"}
	}
	return ends{fds: [2][]int{{fd}, {fd}}, objects: []string{id}}, err
}

// eventfdOne is what adds 1 to an event counter.
var eventfdOne = binary.NativeEndian.AppendUint64(nil, 1)

func sendEventfd(e *end, _ int) (int, error) {
	_, err := unix.Write(e.fds[0], eventfdOne)
	return 1, err
}

func receiveEventfd(e *end, _ int) (int, error) {
	_, err := unix.Read(e.fds[0], e.buf[:8])
	return 1, err
}
