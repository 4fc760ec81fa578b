package testfixtures

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A helper process has a single thread, makes a few system calls, the last of which blocks, and never
// ends by itself. A holder written in Go also has threads of the runtime. As far as ipctop can see,
// any of these might release what the main thread waits for; a helper process has no such threads.
//
// It is described by a line "NAME KEEP: CALL; CALL": its name, the descriptors that it
// keeps (3,4 or -), and the calls:
//
//	read FD           write FD (more than any buffer holds)
//	put FD (one byte)
//	flock FD          lock FD (posix, the whole file)
//	unlock FD (a flock)
//	futex FD AT OP VALUE (the word at AT of the memory that FD is)
//	forked (waits for a mutex that was locked when it was forked)
//	sleep             catch SIGNAL (a number)    block SIGNAL (one)
//	child (which does what follows, too)
//	open PATH         pause (for a signal)
//	halt (pause, and be stopped; once it goes on, the next call follows)
type helperProcess struct {
	name  string
	keep  map[int]bool
	calls []rawCall
	unmap []unix.Iovec // its memory, which the parent unmaps
}

// rawCall is a system call with its arguments.
type rawCall struct {
	number uintptr
	args   [6]uintptr
}

// helperProcesses starts a holder that starts one helper process for each line, and returns their pids.
// They are siblings, and inherit fds from descriptor 3 on. When it returns, all of them are blocked.
func (m *maker) helperProcesses(fds []int, lines ...string) ([]int, error) {
	var pids []int
	if _, err := m.start("h", &pids, part{fds: fds, args: lines}); err != nil {
		return nil, err
	}
	m.children = append(m.children, pids...)
	for i, pid := range pids {
		err := m.blockedThread(pid)
		if err == nil && strings.Contains(lines[i], ": halt") {
			if err = unix.Kill(pid, unix.SIGSTOP); err == nil {
				err = m.blockedThread(pid)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return pids, nil
}

// helperRoles are the roles of a fixture that has only helper processes.
func helperRoles() map[string]func(*role) error {
	return map[string]func(*role) error{"h": helperRole}
}

// helperRole starts the helper processes that its arguments describe.
func helperRole(r *role) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_CHILD_SUBREAPER", err)
	}
	n, _ := strconv.Atoi(os.Getenv(roleEnv))
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var pids []int
	for _, line := range r.args {
		p, err := parseHelperProcess(line)
		if err != nil {
			return err
		}
		pid, err := p.start(null, n)
		if err != nil {
			return err
		}
		pids = append(pids, pid)
		// Start one after the other, so that the order of their waits is the same in every run.
		for range 1000 {
			if _, state, err := startTicks(pid); err != nil || state == 'S' {
				break
			}
			pause()
		}
	}
	for fd := firstFD; fd < firstFD+n; fd++ {
		_ = unix.Close(fd)
	}
	_ = unix.Close(null)
	if err := r.ready(pids); err != nil {
		return err
	}
	var b [1]byte
	for {
		if n, err := unix.Read(deathPipeFD, b[:]); err != unix.EINTR && n <= 0 {
			break
		}
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	for err := error(nil); err == nil || err == unix.EINTR; { // reap what they have left behind
		_, err = unix.Wait4(-1, nil, 0, nil)
	}
	unix.Exit(0)
	return nil
}

func parseHelperProcess(line string) (*helperProcess, error) {
	head, script, _ := strings.Cut(line, ": ")
	name, keep, _ := strings.Cut(head, " ")
	plain, isPlain := strings.CutPrefix(name, "=") // the whole name, without a prefix
	if !isPlain {
		plain = "fx-" + name
	}
	p := &helperProcess{name: plain, keep: map[int]bool{}}
	for f := range strings.SplitSeq(keep, ",") {
		if fd, err := strconv.Atoi(f); err == nil {
			p.keep[fd] = true
		}
	}
	for text := range strings.SplitSeq(script, "; ") {
		if err := p.parse(strings.Fields(text)); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	return p, nil
}

// Memory that the calls point to.
var (
	callBuffer  [4 << 20]byte
	wholeFile   = unix.Flock_t{Type: unix.F_WRLCK}
	longTime    = unix.Timespec{Sec: 1000}
	someHandler = [4]uint64{0x1000} // a struct sigaction; no signal is sent
	noSignals   uint64              // a set of signals

	blockedSignals uint64
)

func (p *helperProcess) parse(words []string) error {
	arg := func(i int) uintptr {
		if i >= len(words) {
			return 0
		}
		n, _ := strconv.ParseUint(words[i], 0, 64)
		return uintptr(n)
	}
	add := func(number uintptr, args ...uintptr) {
		c := rawCall{number: number}
		copy(c.args[:], args)
		p.calls = append(p.calls, c)
	}
	buffer := uintptr(unsafe.Pointer(&callBuffer[0]))
	switch words[0] {
	case "read":
		add(unix.SYS_READ, arg(1), buffer, 1)
	case "write":
		add(unix.SYS_WRITE, arg(1), buffer, uintptr(len(callBuffer)))
	case "put":
		add(unix.SYS_WRITE, arg(1), buffer, 1)
	case "flock":
		add(unix.SYS_FLOCK, arg(1), unix.LOCK_EX)
	case "unlock":
		add(unix.SYS_FLOCK, arg(1), unix.LOCK_UN)
	case "lock":
		add(unix.SYS_FCNTL, arg(1), unix.F_SETLKW, uintptr(unsafe.Pointer(&wholeFile)))
	case "futex":
		memory, err := unix.Mmap(int(arg(1)), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		_ = memory[arg(2)] // touch the page: otherwise the word could not be read
		p.unmap = append(p.unmap, unix.Iovec{Base: &memory[0]})
		p.unmap[len(p.unmap)-1].SetLen(len(memory))
		add(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&memory[arg(2)])), arg(3), arg(4), 0, 0, 0xffffffff)
	case "forked":
		// The copy of a mutex that was locked when this process forked.
		memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return err
		}
		for at, v := range map[int]uint32{0: 2, mutexOwner: uint32(os.Getpid()), mutexUsers: 1} {
			binary.NativeEndian.PutUint32(memory[at:], v)
		}
		p.unmap = append(p.unmap, unix.Iovec{Base: &memory[0]})
		p.unmap[len(p.unmap)-1].SetLen(len(memory))
		add(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&memory[0])), futexWait|futexPrivate, 2)
	case "sleep":
		add(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&longTime)), 0)
	case "catch":
		add(unix.SYS_RT_SIGACTION, arg(1), uintptr(unsafe.Pointer(&someHandler)), 0, 8)
	case "block":
		blockedSignals = 1 << (arg(1) - 1)
		add(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&blockedSignals)), 0, 8)
	case "child":
		add(unix.SYS_CLONE, uintptr(unix.SIGCHLD))
		add(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL)) // the child has not inherited it
	case "open-read", "open-write":
		path, err := unix.BytePtrFromString(words[1])
		if err != nil {
			return err
		}
		at, flags := unix.AT_FDCWD, unix.O_RDONLY
		if words[0] == "open-write" {
			flags = unix.O_WRONLY
		}
		add(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(path)), uintptr(flags))
	case "halt":
		// Ends with EINTR when the process is continued after a stop (signal(7)).
		add(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&noSignals)), 0, 0, 8)
	case "pause":
	default:
		return fmt.Errorf("there is no call %q", words[0])
	}
	return nil
}

// start forks the helper process.
func (p *helperProcess) start(null, fds int) (int, error) {
	name, err := unix.BytePtrFromString(p.name)
	if err != nil {
		return 0, err
	}
	var defaults [8]uint64 // a struct sigaction of the kernel's: SIG_DFL
	var mask uint64
	setup := []rawCall{
		{unix.SYS_PRCTL, [6]uintptr{unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL)}},
		{unix.SYS_PRCTL, [6]uintptr{unix.PR_SET_NAME, uintptr(unsafe.Pointer(name))}},
		{unix.SYS_DUP3, [6]uintptr{uintptr(null), 0}},
		{unix.SYS_DUP3, [6]uintptr{uintptr(null), 1}},
		{unix.SYS_DUP3, [6]uintptr{uintptr(null), 2}},
		{unix.SYS_CLOSE, [6]uintptr{uintptr(null)}},
	}
	for signal := uintptr(1); signal <= 64; signal++ {
		setup = append(setup, rawCall{unix.SYS_RT_SIGACTION, [6]uintptr{signal, uintptr(unsafe.Pointer(&defaults)), 0, 8}})
	}
	setup = append(setup, rawCall{unix.SYS_RT_SIGPROCMASK, [6]uintptr{unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, 8}})
	for fd := firstFD; fd < firstFD+fds; fd++ {
		if !p.keep[fd] {
			setup = append(setup, rawCall{unix.SYS_CLOSE, [6]uintptr{uintptr(fd)}})
		}
	}
	pid, errno := fork(append(setup, p.calls...))
	if errno != 0 {
		return 0, named("clone", errno)
	}
	for _, m := range p.unmap {
		_, _, _ = unix.RawSyscall(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(m.Base)), uintptr(m.Len), 0)
	}
	return int(pid), nil
}

// fork makes a copy of this process with one thread, which makes the calls and then waits for a signal
// for ever. The Go runtime does not work in the child: it must not do anything but these calls.
//
//go:norace
//go:nosplit
func fork(calls []rawCall) (uintptr, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		return pid, errno
	}
	for i := range calls {
		c := &calls[i]
		_, _, _ = unix.RawSyscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
	}
	for {
		_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}
