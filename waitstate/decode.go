package waitstate

import (
	"bytes"
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// waiting is the decoded system call in which a thread is blocked.
type waiting struct {
	call  string
	needs string

	target  model.Target
	fds     []fdUse // the descriptors for which it waits
	set     bool    // they are a set: the thread waits for any of them
	sysv    model.Kind
	sysvID  int
	futexes []futexWait
	fifo    *model.Object  // the FIFO that is being opened
	server  *served        // the file system whose server must answer
	asked   []*probe.Entry // the objects through which the kernel asks for an answer

	timeout model.Opt[int64]
	left    bool // timeout is only the remaining time, not the whole limit
	timed   bool // it has a time limit, which may be unknown
	idle    bool // servers and shells wait for work in this way
	partial bool // not all of the set could be read
}

// fdUse is a descriptor and for what the thread waits: to read, to write.
type fdUse struct {
	fd          int32
	read, write bool
}

// caller is a blocked thread while its call is decoded.
type caller struct {
	tid   int
	state string
	line  *syscallLine
	proc  *probe.Proc
	task  *guard.Task
	mem   *memory
	sets  map[fdKey][]fdUse // by epoll instance of the process: what it watches; shared by its threads

	unread map[fdKey]bool // epoll instances that must not be read
	asks   *asked

	narrow bool // the call is one of a 32-bit program
	time64 bool // … with times of 64 bits
}

// decode returns what the thread waits for; nil if threads do not wait for IPC in this
// call.
func (c *caller) decode(name string) *waiting {
	w := &waiting{call: name}
	l := c.line
	switch name {
	case "read", "readv", "pread64", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg":
		w.needs = model.NeedsData
		w.on(fdUse{fd: l.fd(0), read: true})
		if name == "recvmmsg" {
			c.limit(w, l.args[4], timespecUnit)
		}
		c.decodeServed(w)
	case "write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "vmsplice":
		w.needs = model.NeedsSpace
		w.on(fdUse{fd: l.fd(0), write: true})
		c.destination(w, name)
		c.decodeServed(w)
	case "splice":
		w.needs = model.NeedsData
		w.fds = []fdUse{{fd: l.fd(0), read: true}, {fd: l.fd(2), write: true}}
	case "tee":
		w.needs = model.NeedsData
		w.fds = []fdUse{{fd: l.fd(0), read: true}, {fd: l.fd(1), write: true}}
	case "sendfile":
		w.needs = model.NeedsSpace
		w.on(fdUse{fd: l.fd(0), write: true})
	case "accept", "accept4":
		w.needs, w.idle = model.NeedsPeer, true
		w.on(fdUse{fd: l.fd(0), read: true})
	case "connect":
		w.needs = model.NeedsPeer
		w.on(fdUse{fd: l.fd(0), write: true})
		c.address(w, l.args[1], l.args[2])
	case "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2":
		c.decodeSet(w)
	case "semop", "semtimedop":
		c.decodeSemop(w)
	case "msgrcv":
		w.needs, w.sysv, w.sysvID = model.NeedsMessage, model.SysvMsg, int(int32(l.args[0]))
		w.target.MessageType = model.Some(int(int64(l.args[3])))
		w.target.OtherTypes = l.args[4]&msgExcept != 0 && int64(l.args[3]) > 0
	case "msgsnd":
		w.needs, w.sysv, w.sysvID = model.NeedsSpace, model.SysvMsg, int(int32(l.args[0]))
	case "mq_timedreceive":
		w.needs = model.NeedsMessage
		w.on(fdUse{fd: l.fd(0), read: true})
		c.deadline(w, l.args[4], clockRealtime)
	case "mq_timedsend":
		w.needs = model.NeedsSpace
		w.on(fdUse{fd: l.fd(0), write: true})
		c.deadline(w, l.args[4], clockRealtime)
	case "futex", "futex_wait", "futex_waitv":
		if !c.decodeFutex(w) {
			return nil
		}
	case "flock", "fcntl":
		if !c.decodeLock(w) {
			return nil
		}
	case "wait4":
		w.needs = model.NeedsChild
		w.target.Child = model.Some(int(int32(l.args[0])))
	case "waitid":
		c.decodeWaitid(w)
	case "vfork":
		w.needs = model.NeedsChild
		w.target.Child = model.Some(-1)
	case "clone", "clone3":
		if c.wchan() != "kernel_clone" {
			return nil
		}
		w.call, w.needs = "vfork", model.NeedsChild // CLONE_VFORK, which posix_spawn uses
		w.target.Child = model.Some(-1)
	case "rt_sigtimedwait":
		w.needs, w.idle = model.NeedsSignal, true
		c.limit(w, l.args[2], timespecUnit)
		if b, err := c.mem.read(c.tid, l.args[0], sigsetSize); err == nil {
			w.target.Signals = parseSigset(b)
		}
	case "rt_sigsuspend", "pause":
		w.needs, w.idle = model.NeedsSignal, true
	case "io_uring_enter":
		w.needs, w.idle = model.NeedsEvent, true
		w.on(fdUse{fd: l.fd(0), read: true})
	case "open", "openat", "openat2":
		return c.decodeOpen(w)
	case "nanosleep":
		w.needs, w.idle = model.NeedsTime, true
		c.limit(w, l.args[0], timespecUnit)
	case "clock_nanosleep":
		w.needs, w.idle = model.NeedsTime, true
		const absolute = 1
		if l.args[1]&absolute != 0 {
			c.deadline(w, l.args[2], int(int32(l.args[0])))
		} else {
			c.limit(w, l.args[2], timespecUnit)
		}
	case "restart_syscall":
		// The arguments are still those of the call before the stop, but the kernel does
		// not show which call that was. It had a time limit: calls without one start anew.
		w.timed = true
		if resumesSleep(c.wchan()) {
			w.needs, w.idle = model.NeedsTime, true
		} else {
			w.needs = model.NeedsEvent
		}
	default:
		return c.decodeFile(w)
	}
	return w
}

// msgExcept is MSG_EXCEPT: msgrcv(2) takes a message of any other type.
const msgExcept = 0o20000

// on notes that the wait is on a single descriptor.
func (w *waiting) on(u fdUse) {
	w.fds = []fdUse{u}
	w.target.FD = model.Some(int(u.fd))
}

// decodeWaitid reads waitid(2): P_ALL 0, P_PID 1, P_PGID 2, P_PIDFD 3.
func (c *caller) decodeWaitid(w *waiting) {
	w.needs = model.NeedsChild
	id := int(int32(c.line.args[1]))
	switch c.line.args[0] {
	case 0:
		w.target.Child = model.Some(-1)
	case 1:
		w.target.Child = model.Some(id)
	case 2: // as in wait4; 0 is the caller's own group
		w.target.Child = model.Some(-id)
	case 3:
		w.on(fdUse{fd: int32(id), read: true})
	}
}

// wchan returns the kernel function in which the thread sleeps (proc_pid_wchan(5)).
func (c *caller) wchan() string {
	b, err := c.proc.Dir.ReadRecord("task/"+itoa(c.tid)+"/wchan", nil)
	if err != nil {
		return ""
	}
	return cleanWchan(b)
}

// path reads a path in the thread's memory; "" if it does not end within the page.
func (c *caller) path(addr uint64) string {
	b, at, err := c.mem.around(c.tid, addr, 0, 4096)
	if err != nil {
		return ""
	}
	b = b[at:]
	for i, ch := range b {
		if ch == 0 {
			return string(b[:i])
		}
	}
	return "" // it continues in the next page
}

// address reads the path in a socket address, of size bytes.
func (c *caller) address(w *waiting, at, size uint64) {
	if at == 0 || size <= 2 || size > unix.SizeofSockaddrAny {
		return
	}
	if b, err := c.mem.read(c.tid, at, int(size)); err == nil {
		w.target.Path = parseUnixAddress(b)
		c.findSocket(&w.target)
	}
}

// findSocket looks at what the path leads to that a thread connects or sends to: several
// servers may have bound the same relative path, or one path in several file systems.
func (c *caller) findSocket(t *model.Target) {
	if t.Path == "" || t.Path[0] == '@' || !c.task.Begin("stat path", int32(c.tid)) {
		return
	}
	defer c.task.End()
	var st unix.Statx_t
	full, err := c.proc.StatPath(c.tid, "task/"+itoa(c.tid)+"/cwd", t.Path, &st)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return
	}
	t.Path, t.PathDev, t.PathIno = full, proc.DevString(proc.Dev(st.Dev_major, st.Dev_minor)), model.Big(st.Ino)
}

// destination reads where sendto and sendmsg send to, if they name it.
func (c *caller) destination(w *waiting, name string) {
	switch name {
	case "sendto":
		c.address(w, c.line.args[4], c.line.args[5])
	case "sendmsg":
		const head = 12 // of a struct msghdr: the address, and its size
		if b, err := c.mem.read(c.tid, c.line.args[1], head); err == nil && len(b) == head {
			c.address(w, binary.NativeEndian.Uint64(b), uint64(binary.NativeEndian.Uint32(b[8:])))
		}
	}
}

// parseUnixAddress reads the name in a struct sockaddr_un (unix(7)), an abstract one
// with an @ in front; "" of another family.
func parseUnixAddress(b []byte) string {
	if len(b) < 3 || binary.NativeEndian.Uint16(b) != unix.AF_UNIX {
		return ""
	}
	if b = b[2:]; b[0] == 0 {
		return "@" + string(b[1:])
	}
	name, _, _ := bytes.Cut(b, []byte{0})
	return string(name)
}

// sigsetSize is how large the kernel's sigset_t is, that of 32 bits included.
const sigsetSize = 8

// parseSigset reads a sigset_t as the kernel takes it.
func parseSigset(b []byte) []string {
	names := []string{}
	set := binary.NativeEndian.Uint64(b)
	for n := 1; n <= 64; n++ {
		if set>>(n-1)&1 != 0 {
			names = append(names, model.SignalName(n))
		}
	}
	return names
}

func clampInt64(v uint64) int64 { return int64(min(v, math.MaxInt64)) }
