package testfixtures

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func signalsFixtures() []Fixture {
	return []Fixture{{
		Name:  SignalsKind,
		short: "sig",
		Makes: "a process with signals pending, blocked, ignored and caught; one of its threads differs",
		explain: explanation{
			picture: "signals → {1}",
			calls: []string{
				"{1}: rt_sigprocmask(SIG_BLOCK), kill(2) and tgkill(2) to itself, rt_sigaction(SIGTSTP, SIG_IGN)",
			},
			proc: []procFile{
				{"/proc/{1}/status", "SigBlk:"},
				{"/proc/{1}/task", "{1}"},
			},
			next: []string{"ipctop show {1}"},
		},
		make:  makeSignals,
		roles: map[string]func(*role) error{"h": signalsRole},
	}}
}

// sigRTMin is SIGRTMIN as programs see it: the C library reserves 32 and 33.
const sigRTMin = 34

// The signals the fixture is about.
var (
	sharedPending = []int{int(unix.SIGUSR1), sigRTMin + 3}  // sent to the process
	threadPending = []int{int(unix.SIGUSR2), sigRTMin + 4}  // sent to its main thread
	otherPending  = []int{int(unix.SIGWINCH), sigRTMin + 5} // sent to its other thread, which is the only one to block them
	ignored       = []int{int(unix.SIGTSTP), sigRTMin + 6}
	caught        = []int{int(unix.SIGTERM), sigRTMin + 7} // by the Go runtime, which catches nearly all
)

// signalsReport is what the holder reports about itself, from system calls.
type signalsReport struct {
	TID           int      `json:"tid"` // of the other thread
	Blocked       []string `json:"blocked"`
	ThreadBlocked []string `json:"thread_blocked"`
	Pending       []string `json:"pending"`        // rt_sigpending: those of the thread and of the process
	ThreadPending []string `json:"thread_pending"` // the same in the other thread
	Ignored       []string `json:"ignored"`
	Caught        []string `json:"caught"`
}

func makeSignals(m *maker) (object, error) {
	var s signalsReport
	p, err := m.start("h", &s, part{})
	if err != nil {
		return object{}, err
	}
	// The kernel returns the signals pending for the thread and for the process in one set.
	// The sender knows which is which.
	for _, want := range [][]int{sharedPending, threadPending} {
		if !includes(s.Pending, names(want)) {
			return object{}, fmt.Errorf("%s: pending is %q, without all of %q", p.who(), s.Pending, names(want))
		}
	}
	if !includes(s.ThreadPending, names(otherPending)) {
		return object{}, fmt.Errorf("%s: pending in its thread is %q, without all of %q", p.who(), s.ThreadPending, names(otherPending))
	}
	return object{"process:" + strconv.Itoa(p.pid), tree{
		"pid": p.pid, "comm": p.comm,
		"signals": tree{
			"shared_pending": names(sharedPending), "pending": names(threadPending), "blocked": s.Blocked,
			"ignored": s.Ignored, "caught": s.Caught,
		},
		"thread_list": []tree{{"tid": s.TID, "signals": tree{"blocked": s.ThreadBlocked, "pending": names(otherPending)}}},
	}}, nil
}

func includes(list, part []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(list, s) })
}

// signalsRole runs twice. A signal sent to a process goes to any thread that does not block
// it, and a Go program has threads of the runtime. These inherit the signals that were
// blocked when the process was executed. So it executes itself again.
func signalsRole(r *role) error {
	if len(r.args) == 0 {
		if err := block(slices.Concat(sharedPending, threadPending)); err != nil {
			return err
		}
		return unix.Exec("/proc/self/exe", slices.Concat(os.Args, []string{"blocked"}), os.Environ())
	}
	var s signalsReport
	var err error
	for _, sig := range ignored {
		if err := setHandler(sig, sigIgnore); err != nil {
			return err
		}
	}
	for _, sig := range sharedPending {
		if err := unix.Kill(os.Getpid(), unix.Signal(sig)); err != nil {
			return fmt.Errorf("kill: %w", err)
		}
	}
	for _, sig := range threadPending {
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.Signal(sig)); err != nil {
			return fmt.Errorf("tgkill: %w", err)
		}
	}
	started := make(chan error)
	go func() { started <- otherThread(&s, started) }()
	if err := <-started; err != nil {
		return err
	}
	if s.Blocked, s.Pending, err = masks(); err != nil {
		return err
	}
	for _, sig := range slices.Concat(ignored, caught) {
		switch h, err := handler(sig); {
		case err != nil:
			return err
		case h == sigIgnore:
			s.Ignored = append(s.Ignored, signalName(sig))
		case h != 0:
			s.Caught = append(s.Caught, signalName(sig))
		}
	}
	return r.readyAndHold(s)
}

// otherThread blocks signals of its own and is sent them. Its goroutine is locked to the
// thread, which nothing else uses, and sleeps for ever.
func otherThread(s *signalsReport, started chan<- error) error {
	runtime.LockOSThread()
	if err := setComm("fx-sig-t"); err != nil {
		return err
	}
	s.TID = unix.Gettid()
	if err := block(otherPending); err != nil {
		return err
	}
	for _, sig := range otherPending {
		if err := unix.Tgkill(os.Getpid(), s.TID, unix.Signal(sig)); err != nil {
			return fmt.Errorf("tgkill: %w", err)
		}
	}
	var err error
	if s.ThreadBlocked, s.ThreadPending, err = masks(); err != nil {
		return err
	}
	started <- nil
	for {
		_, _ = unix.Poll(nil, -1)
	}
}

// sigset is the kernel's signal set: bit n-1 is signal n.
type sigset uint64

func setOf(signals []int) sigset {
	var set sigset
	for _, sig := range signals {
		set |= 1 << (sig - 1)
	}
	return set
}

func block(signals []int) error {
	set := setOf(signals)
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&set)), 0, unsafe.Sizeof(set), 0, 0)
	return named("rt_sigprocmask", errno)
}

// masks returns the signals that the calling thread blocks and those pending for it.
func masks() (blocked, pending []string, err error) {
	var set sigset
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, 0, uintptr(unsafe.Pointer(&set)), unsafe.Sizeof(set), 0, 0)
	if errno != 0 {
		return nil, nil, named("rt_sigprocmask", errno)
	}
	blocked = set.names()
	_, _, errno = unix.RawSyscall(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&set)), unsafe.Sizeof(set), 0)
	return blocked, set.names(), named("rt_sigpending", errno)
}

// sigaction is the kernel's structure, of which only the handler is used here.
type sigaction struct {
	handler uintptr
	_       [4]uint64
}

const sigIgnore = 1 // SIG_IGN

func setHandler(sig int, h uintptr) error {
	act := sigaction{handler: h}
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0, unsafe.Sizeof(sigset(0)), 0, 0)
	return named("rt_sigaction", errno)
}

func handler(sig int) (uintptr, error) {
	var act sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&act)), unsafe.Sizeof(sigset(0)), 0, 0)
	return act.handler, named("rt_sigaction", errno)
}

func names(signals []int) []string { return setOf(signals).names() }

func (set sigset) names() []string {
	list := []string{}
	for sig := 1; sig <= 64; sig++ {
		if set&(1<<(sig-1)) != 0 {
			list = append(list, signalName(sig))
		}
	}
	return list
}

// signalName is a signal's name in the form that dumps have.
func signalName(sig int) string {
	switch {
	case sig == sigRTMin:
		return "SIGRTMIN"
	case sig > sigRTMin:
		return "SIGRTMIN+" + strconv.Itoa(sig-sigRTMin)
	}
	return unix.SignalName(unix.Signal(sig))
}
