package testfixtures

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// carriers lists all ways to carry data.
func carriers() []carrier {
	return slices.Concat(pipeCarriers(), socketCarriers(), queueCarriers(), []carrier{memoryCarrier()})
}

// out and in are the descriptors that an end sends and receives through. A one-way
// mechanism has two of them: the first for data, the second for answers.
func (e *end) out() int { return e.fds[boolIndex(e.receiver)%len(e.fds)] }
func (e *end) in() int  { return e.fds[boolIndex(!e.receiver)%len(e.fds)] }

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sendWrite(e *end, n int) (int, error)   { return unix.Write(e.out(), e.buf[:n]) }
func receiveRead(e *end, n int) (int, error) { return unix.Read(e.in(), e.buf[:n]) }

// halves divides the first n bytes of the buffer in two, for vectored calls.
func (e *end) halves(n int) [][]byte { return [][]byte{e.buf[:n/2], e.buf[n/2 : n]} }

func sendWritev(e *end, n int) (int, error)   { return unix.Writev(e.out(), e.halves(n)) }
func receiveReadv(e *end, n int) (int, error) { return unix.Readv(e.in(), e.halves(n)) }

func pipeCarriers() []carrier {
	return []carrier{
		{name: "pipe", short: "pipe", open: openPipe(0), send: sendWrite, receive: receiveRead, answers: true},
		{name: "pipe:nonblocking", short: "pipe-nb", open: openPipe(unix.O_NONBLOCK), send: sendWrite, receive: receiveRead},
		{name: "pipe:vectored", short: "pipe-v", open: openPipe(0), send: sendWritev, receive: receiveReadv, answers: true},
		{name: "pipe:splice", short: "splice", open: openPipe(0), setup: setupSplice, send: sendSplice, receive: receiveSplice, limit: 32 << 10},
		{name: "pipe:vmsplice", short: "vmsplice", open: openPipe(0), send: sendVmsplice, receive: receiveRead},
		{name: "pipe:io_uring", short: "uring", open: openPipe(0), setup: setupRing, send: sendRing, receive: receiveRing},
		{name: "fifo", short: "fifo", open: openFIFOs, send: sendWrite, receive: receiveRead, answers: true},
	}
}

func openPipe(flags int) func(m *maker) (ends, error) {
	return func(m *maker) (ends, error) {
		var there, back [2]int
		for _, fds := range []*[2]int{&there, &back} {
			if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|flags); err != nil {
				return ends{}, fmt.Errorf("pipe: %w", err)
			}
			m.own(fds[:]...)
		}
		objects, err := descriptorIDs("pipe", there[0])
		return ends{fds: [2][]int{{there[1], back[0]}, {there[0], back[1]}}, objects: objects}, err
	}
}

func openFIFOs(m *maker) (ends, error) {
	there, id, err := openFIFO(m, "traffic-fifo")
	if err != nil {
		return ends{}, err
	}
	back, _, err := openFIFO(m, "traffic-fifo-back")
	return ends{fds: [2][]int{{there[1], back[0]}, {there[0], back[1]}}, objects: []string{id}}, err
}

// openFIFO makes a FIFO, opens it (read, write) and returns its id.
func openFIFO(m *maker, name string) (fds [2]int, id string, err error) {
	path, err := m.run.manifest.path(name)
	if err != nil {
		return fds, "", err
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return fds, "", fmt.Errorf("mkfifo %q: %w", path, err)
	}
	for i, flags := range []int{unix.O_RDONLY | unix.O_NONBLOCK, unix.O_WRONLY} { // non-blocking, so the read end must be first
		if fds[i], err = unix.Open(path, flags|unix.O_CLOEXEC, 0); err != nil {
			return fds, "", fmt.Errorf("open %q: %w", path, err)
		}
		m.own(fds[i])
	}
	if err := unix.SetNonblock(fds[0], false); err != nil {
		return fds, "", err
	}
	var st unix.Statx_t
	if err := unix.Statx(fds[0], "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
		return fds, "", fmt.Errorf("statx %q: %w", path, err)
	}
	return fds, fmt.Sprintf("fifo:%d:%d:%d", st.Dev_major, st.Dev_minor, st.Ino), nil
}

// setupSplice gives the sender a pipe to splice from, and the receiver one to splice to.
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
		{name: "posix-mq", short: "mq", open: openTrafficMq, send: sendMq, receive: receiveMq, answers: true, limit: trafficMqSize},
		{name: "sysv-msg", short: "msg", open: openTrafficMsg, send: sendSysV, receive: receiveSysV, answers: true, limit: msgMax},
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
	// As cfmakeraw(3) does: all bytes pass unchanged, and there is no echo.
	settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(t.Slave, unix.TCSETS, settings); err != nil {
		return ends{}, err
	}
	return ends{fds: [2][]int{{t.Master}, {t.Slave}}, objects: []string{fmt.Sprintf("pty:%s:%d", t.Device, t.Index)}}, nil
}

func openTrafficMq(m *maker) (ends, error) {
	name, there, err := m.newMqOf(mqMessages, trafficMqSize)
	if err != nil {
		return ends{}, err
	}
	_, back, err := m.newMqOf(mqMessages, trafficMqSize)
	if err != nil {
		return ends{}, err
	}
	o, err := describeMq(there, name)
	return ends{fds: [2][]int{{there, back}, {there, back}}, objects: []string{o.id}}, err
}

// trafficMqSize is the largest message size that any user may choose (fs.mqueue.msgsize_max).
const trafficMqSize = 8192

func sendMq(e *end, n int) (int, error)    { return n, mqSend(e.out(), n) }
func receiveMq(e *end, _ int) (int, error) { return mqReceive(e.in(), trafficMqSize) }

func openTrafficMsg(m *maker) (ends, error) {
	id, err := m.makeSysV(sysvMsg, 0)
	return ends{args: []string{strconv.Itoa(id)}, objects: []string{sysvMsg.id(id)}}, err
}

// A message to the receiver has type 1, an answer has type 2.
func sendSysV(e *end, n int) (int, error) {
	return n, msgSend(number(e.args, 0), int64(1+boolIndex(e.receiver)), n)
}

func receiveSysV(e *end, _ int) (int, error) {
	return msgReceive(number(e.args, 0), 1+boolIndex(!e.receiver))
}

func openTrafficSem(m *maker) (ends, error) {
	id, err := m.makeSysV(sysvSem, 2)
	return ends{args: []string{strconv.Itoa(id)}, objects: []string{sysvSem.id(id)}}, err
}

// operateSem changes the semaphore of one direction; answers use the other semaphore.
func operateSem(num, op int) func(e *end, n int) (int, error) {
	return func(e *end, _ int) (int, error) {
		n := num
		if e.receiver == (op > 0) { // the receiver sends an answer, or the sender takes one
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

// eventfdOne adds 1 to an event counter.
var eventfdOne = binary.NativeEndian.AppendUint64(nil, 1)

func sendEventfd(e *end, _ int) (int, error) {
	_, err := unix.Write(e.fds[0], eventfdOne)
	return 1, err
}

func receiveEventfd(e *end, _ int) (int, error) {
	_, err := unix.Read(e.fds[0], e.buf[:8])
	return 1, err
}
