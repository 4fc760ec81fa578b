//go:build amd64 || arm64

package tracer_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/testfixtures"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

// TestMain also is the program of helper processes for which a shell cannot be used.
func TestMain(m *testing.M) {
	testfixtures.RunRole()
	if role := roles[os.Getenv("IPCTOP_TRACE_ROLE")]; role != nil {
		role()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// roles are these programs. They do their work when they read a line from standard input.
var roles = map[string]func(){
	"sigqueue": func() {
		await()
		pid, _ := strconv.Atoi(os.Args[1])
		info := struct {
			signo, errno, code, _ int32
			pid, uid              int32
			value                 uint64
			_                     [96]byte
		}{signo: 40, code: -1, pid: int32(os.Getpid()), value: 4711}
		if _, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(pid), 40, uintptr(unsafe.Pointer(&info))); errno != 0 {
			fmt.Fprintln(os.Stderr, errno)
		}
	},
	"tgkill": func() {
		await()
		runtime.LockOSThread()
		_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGUSR2)
		time.Sleep(time.Second)
	},
	"alarm": func() {
		await()
		again := unix.Timeval{Usec: int64(interval / time.Microsecond)}
		_, _ = unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: again, Interval: again})
		time.Sleep(time.Hour)
	},
	"timer": func() {
		await()
		// struct sigevent: notify the process by SIGUSR1 with a value.
		event := struct {
			value        uint64
			signo, _, id int32
			_            [44]byte
		}{value: 12, signo: int32(unix.SIGUSR1)}
		var timer int32
		unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer)))
		again := unix.NsecToTimespec(int64(interval))
		spec := unix.ItimerSpec{Value: again, Interval: again}
		unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
		time.Sleep(time.Hour)
	},
	"late": func() { // must be started with SIGALRM blocked
		await()
		_, _ = unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: unix.Timeval{Usec: 1000}})
		for pending := false; !pending; time.Sleep(time.Millisecond) {
			b, _ := os.ReadFile("/proc/self/status")
			pending = strings.Contains(string(b), "ShdPnd:\t0000000000002000")
		}
		fmt.Println("pending")
		await()
		runtime.LockOSThread()
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil)
		time.Sleep(time.Hour)
	},
	"naps": func() {
		for {
			_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(4 * over)}, nil)
		}
	},
	"memory": func() {
		await()
		for {
			b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			if err != nil {
				return
			}
			for i := 0; i < len(b); i += os.Getpagesize() {
				b[i] = 1
			}
		}
	},
	"parent": func() {
		runtime.LockOSThread()
		child := exec.Command("sleep", "1000")
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		if err := child.Start(); err != nil {
			return
		}
		fmt.Println(child.Process.Pid)
		await()
	},
	"semaphore": func() {
		await()
		id, _ := strconv.Atoi(os.Args[1])
		take := struct {
			num     uint16
			op, flg int16
		}{op: -1}
		unix.Syscall(unix.SYS_SEMOP, uintptr(id), uintptr(unsafe.Pointer(&take)), 1)
	},
	"tracer": func() { // until it is killed
		tr, err := tracer.Open(tracer.Options{Signals: ^uint64(0)})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("ready")
		await()
		tr.Close()
	},
}

// interval is the interval of timers. They go off repeatedly: if the interrupt comes while a
// process runs that the machine shields from eBPF, no program runs and the event is missed.
const interval = 50 * time.Millisecond

func await() { _, _ = os.Stdin.Read(make([]byte, 1)) }

// finder waits for an event.
type finder func(what string, is func(e *trace.Event) bool) *trace.Event

// watch traces, or skips the test. It returns a function that waits for an event.
func watch(t *testing.T, o tracer.Options) finder {
	t.Helper()
	o.Self = true // the tests send signals, too
	tr, err := tracer.Open(o)
	if unavailable := new(bpf.UnavailableError); errors.As(err, &unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu   sync.Mutex
		list []*trace.Event
		done = make(chan error, 1)
	)
	go func() {
		done <- tr.Run(t.Context(), func(e *trace.Event) error {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, e)
			return nil
		})
	}()
	t.Cleanup(func() { // the context has ended before this
		if err := <-done; err != nil {
			t.Error(err)
		}
		tr.Close()
	})
	return func(what string, is func(e *trace.Event) bool) *trace.Event {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			for _, e := range list {
				if is(e) {
					mu.Unlock()
					return e
				}
			}
			late := time.Now().After(deadline)
			if late {
				for _, e := range list {
					t.Logf("%s: %+v %+v", what, e.Target, e.Signal)
				}
			}
			mu.Unlock()
			if late {
				t.Fatalf("%s: there was no such event", what)
			}
		}
	}
}

// program is a program that a test has started.
type program struct {
	*exec.Cmd
	in  *os.File
	out *os.File
}

// start runs a program until the test ends. It does its work when begin is called.
func start(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{Cmd: cmd}
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = w, r
	if cmd.Stdin == nil {
		cmd.Stdin = in
	}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = !cmd.SysProcAttr.Setsid // so that processes that it starts end with it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		w.Close()
		r.Close()
	})
	return p
}

// begin lets it do its work.
func (p *program) begin() { _, _ = p.in.WriteString("\n") }

// line is the first line that it prints.
func (p *program) line(t *testing.T) string {
	t.Helper()
	b := make([]byte, 256)
	n, err := p.out.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b[:n]))
}

func role(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "IPCTOP_TRACE_ROLE="+name)
	return cmd
}

// shell runs a script, which prints when it is ready.
func shell(t *testing.T, script string) *program {
	t.Helper()
	p := start(t, exec.Command("sh", "-c", script))
	if got := p.line(t); got != "ready" {
		t.Fatalf("the shell says %q", got)
	}
	return p
}

func to(pid int, signal string) func(*trace.Event) bool {
	return func(e *trace.Event) bool {
		return e.Event == trace.SignalEvent && e.Target.PID == pid && e.Name == signal
	}
}

// expect compares an event with the expected sender (0: none), cause, code, fate and effect.
func (find finder) expect(t *testing.T, e *trace.Event, sender int, cause, code, fate, effect string) {
	t.Helper()
	if e.Fate == trace.FatePending && fate == trace.FateDelivered { // the machine is busy
		sent := e
		e = find(e.Name+" is taken late", func(e *trace.Event) bool {
			return e.Event == trace.TakenEvent && e.Name == sent.Name && e.Target.PID == sent.Target.PID
		})
	}
	got := 0
	if e.Sender != nil {
		got = e.Sender.PID
	}
	if got != sender {
		t.Errorf("%s was sent by %d, not by %d", e.Name, got, sender)
	}
	for _, c := range []struct{ what, got, want string }{
		{"cause", e.Cause, cause}, {"code", e.Code, code}, {"fate", e.Fate, fate}, {"effect", e.Effect, effect},
	} {
		if c.got != c.want {
			t.Errorf("%s has %s %q, want %q", e.Name, c.what, c.got, c.want)
		}
	}
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

func TestSignalsOfProcesses(t *testing.T) {
	find := watch(t, tracer.Options{Signals: ^uint64(0)})
	t.Run("kill", func(t *testing.T) {
		p := shell(t, "echo ready; exec sleep 1000")
		signal(t, p.Process.Pid, syscall.SIGTERM)
		e := find("kill", to(p.Process.Pid, "SIGTERM"))
		find.expect(t, e, os.Getpid(), trace.CauseKill, "SI_USER", trace.FateDelivered, trace.EffectEnds)
		if e.Thread != 0 {
			t.Errorf("it was sent to thread %d", e.Thread)
		}
		c := find("child", func(c *trace.Event) bool { return to(os.Getpid(), "SIGCHLD")(c) && c.Sender.PID == p.Process.Pid })
		if s, ok := c.Status.Get(); c.Cause != trace.CauseChild || c.Code != "CLD_KILLED" || !ok || s != int(syscall.SIGTERM) {
			t.Errorf("its parent is told %+v", c.Signal)
		}
	})
	t.Run("handled, ignored, blocked", func(t *testing.T) {
		p := shell(t, "trap : USR1; trap '' USR2; echo ready; while :; do read x; done") // it starts no process, for which it would block signals
		signal(t, p.Process.Pid, syscall.SIGUSR1)
		signal(t, p.Process.Pid, syscall.SIGUSR2)
		find.expect(t, find("handled", to(p.Process.Pid, "SIGUSR1")), os.Getpid(), trace.CauseKill, "SI_USER", trace.FateDelivered, trace.EffectHandler)
		find.expect(t, find("ignored", to(p.Process.Pid, "SIGUSR2")), os.Getpid(), trace.CauseKill, "SI_USER", trace.FateIgnored, trace.EffectNone)
	})
	t.Run("blocked", func(t *testing.T) {
		blocked := blockedSleep(t)
		signal(t, blocked, syscall.SIGUSR1)
		signal(t, blocked, syscall.SIGUSR1)
		e := find("blocked", to(blocked, "SIGUSR1"))
		find.expect(t, e, os.Getpid(), trace.CauseKill, "SI_USER", trace.FateBlocked, trace.EffectEnds)
		find("merged", func(e *trace.Event) bool { return to(blocked, "SIGUSR1")(e) && e.Fate == trace.FateMerged })
	})
	t.Run("stopped and continued", func(t *testing.T) {
		p := shell(t, "echo ready; exec sleep 1000")
		signal(t, p.Process.Pid, syscall.SIGSTOP)
		find.expect(t, find("stop", to(p.Process.Pid, "SIGSTOP")), os.Getpid(), trace.CauseKill, "SI_USER", trace.FateDelivered, trace.EffectStops)
		signal(t, p.Process.Pid, syscall.SIGCONT)
		find.expect(t, find("continue", to(p.Process.Pid, "SIGCONT")), os.Getpid(), trace.CauseKill, "SI_USER", trace.FateDelivered, trace.EffectContinues)
	})
	t.Run("sigqueue", func(t *testing.T) {
		p := shell(t, "echo ready; exec sleep 1000")
		q := start(t, role("sigqueue", strconv.Itoa(p.Process.Pid)))
		q.begin()
		e := find("sigqueue", to(p.Process.Pid, "SIGRTMIN+6"))
		find.expect(t, e, q.Process.Pid, trace.CauseQueue, "SI_QUEUE", trace.FateDelivered, trace.EffectEnds)
		if e.Value != "4711" {
			t.Errorf("its value is %q", e.Value)
		}
	})
	t.Run("tgkill", func(t *testing.T) {
		p := start(t, role("tgkill"))
		p.begin()
		e := find("tgkill", to(p.Process.Pid, "SIGUSR2"))
		find.expect(t, e, p.Process.Pid, trace.CauseThread, "SI_TKILL", trace.FateDelivered, trace.EffectHandler)
		if e.Thread == 0 {
			t.Error("it was sent to no thread")
		}
	})
	t.Run("parent's death", func(t *testing.T) {
		p := start(t, role("parent"))
		child, err := strconv.Atoi(p.line(t))
		if err != nil {
			t.Fatal(err)
		}
		p.begin()
		find.expect(t, find("parent", to(child, "SIGTERM")), p.Process.Pid, trace.CauseParentDeath, "SI_USER", trace.FateDelivered, trace.EffectEnds)
	})
}

// blockedSleep starts a process that blocks SIGUSR1.
func blockedSleep(t *testing.T) int {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var set, old unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGUSR1 - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }()
	// Go's runtime unblocks the signal in the child, so env(1) blocks it again.
	cmd := exec.Command("sleep", "1000")
	if path, err := exec.LookPath("env"); err == nil {
		cmd = exec.Command(path, "--block-signal=USR1", "sleep", "1000")
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	waitFor(t, "a process that blocks SIGUSR1", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		return strings.Contains(string(b), "Name:\tsleep") && strings.Contains(string(b), "SigBlk:\t0000000000000200")
	})
	return cmd.Process.Pid
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it never came to be", what)
		}
	}
}

func TestSignalsOfTheKernel(t *testing.T) {
	find := watch(t, tracer.Options{Signals: ^uint64(0)})
	t.Run("timers", func(t *testing.T) {
		p := start(t, role("alarm"))
		p.begin()
		find.expect(t, find("alarm", to(p.Process.Pid, "SIGALRM")), 0, trace.CauseTimer, "SI_KERNEL", trace.FateDelivered, trace.EffectHandler)
		p = start(t, role("timer"))
		p.begin()
		e := find("timer", to(p.Process.Pid, "SIGUSR1"))
		find.expect(t, e, 0, trace.CauseTimer, "SI_TIMER", trace.FateDelivered, trace.EffectHandler)
		if e.Value != "12" {
			t.Errorf("its value is %q", e.Value)
		}
	})
	t.Run("broken pipe", func(t *testing.T) {
		var st unix.Stat_t
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if err := unix.Fstat(int(w.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		p := exec.Command("sh", "-c", "read x; exec yes")
		p.Stdout = w
		in, err := p.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		r.Close()
		fmt.Fprintln(in)
		_ = p.Wait()
		e := find("SIGPIPE", to(p.Process.Pid, "SIGPIPE"))
		find.expect(t, e, 0, trace.CauseBrokenPipe, "SI_KERNEL", trace.FateDelivered, trace.EffectEnds)
		if want := fmt.Sprintf("pipe:%d", st.Ino); e.Object != want {
			t.Errorf("it is of %q, not of %s", e.Object, want)
		}
	})
	t.Run("memory", func(t *testing.T) {
		dir, limit := memoryGroup(t)
		p := start(t, role("memory"))
		for file, value := range map[string]string{limit: "33554432", "cgroup.procs": strconv.Itoa(p.Process.Pid)} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0o600); err != nil {
				t.Skip("no limit of memory: ", err)
			}
		}
		if swap := filepath.Join(dir, "memory.memsw.limit_in_bytes"); limit != "memory.max" {
			_ = os.WriteFile(swap, []byte("33554432"), 0o600) // if swap is accounted
		}
		p.begin()
		find.expect(t, find("OOM", to(p.Process.Pid, "SIGKILL")), 0, trace.CauseOOM, "SI_KERNEL", trace.FateDelivered, trace.EffectEnds)
		_ = p.Wait()
	})
	t.Run("terminal", func(t *testing.T) { terminal(t, find) })
}

// TestSentBefore: the sender of a signal that was pending when the trace began is known from siginfo.
func TestSentBefore(t *testing.T) {
	env, err := exec.LookPath("env")
	if err != nil {
		t.Skip(err)
	}
	if exec.Command(env, "--block-signal=ALRM", "true").Run() != nil {
		t.Skip("this env cannot block signals")
	}
	cmd := role("late")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = env, []string{"env", "--block-signal=ALRM", self}
	p := start(t, cmd)
	p.begin()
	if said := p.line(t); said != "pending" {
		t.Fatalf("it says %q", said)
	}
	find := watch(t, tracer.Options{Signals: ^uint64(0)})
	p.begin()
	e := find("SIGALRM", func(e *trace.Event) bool {
		return e.Target.PID == p.Process.Pid && e.Signal != nil && e.Name == "SIGALRM"
	})
	if e.Event != trace.TakenEvent || e.Cause != trace.CauseTimer || e.Code != "SI_KERNEL" || e.Sender != nil || e.Fate != trace.FateDelivered {
		t.Errorf("%s by %+v: %+v", e.Event, e.Sender, e.Signal)
	}
}

// memoryGroup is a control group whose memory can be limited, and the file for the limit.
func memoryGroup(t *testing.T) (dir, limit string) {
	t.Helper()
	for _, g := range []struct{ parent, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		dir, err := os.MkdirTemp(g.parent, "ipctop-trace-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if _, err := os.Stat(filepath.Join(dir, g.limit)); err == nil {
			return dir, g.limit
		}
	}
	t.Skip("no control group whose memory can be limited")
	return "", ""
}

// terminal types Ctrl-C, changes the size, and hangs up.
func terminal(t *testing.T, find finder) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudoterminals: ", err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	slave, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "trap : INT; trap '' WINCH; echo ready; while :; do read x; done") // it starts no process, for which it would block signals
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p := start(t, cmd)
	slave.Close()
	p.line(t)
	pid := p.Process.Pid

	if _, err := master.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	e := find("Ctrl-C", to(pid, "SIGINT"))
	find.expect(t, e, 0, trace.CauseTerminal, "SI_KERNEL", trace.FateDelivered, trace.EffectHandler)
	if e.TTY != name {
		t.Errorf("it comes from %q, not from %s", e.TTY, name)
	}

	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 12, Col: 34}); err != nil {
		t.Fatal(err)
	}
	e = find("size", to(pid, "SIGWINCH"))
	if e.Cause != trace.CauseTerminal || e.Sender == nil || e.Sender.PID != os.Getpid() || e.TTY != name {
		t.Errorf("the size changed: %+v %+v", e.Sender, e.Signal) // the shell may block it for a moment
	}

	master.Close()
	e = find("hangup", to(pid, "SIGHUP"))
	find.expect(t, e, os.Getpid(), trace.CauseHangup, "SI_KERNEL", trace.FateDelivered, trace.EffectEnds)
	if e.TTY != name {
		t.Errorf("%q hung up, not %s", e.TTY, name)
	}
}

// TestNumbersOfNamespaces sends signals from and in a pid namespace below that of the tracer.
func TestNumbersOfNamespaces(t *testing.T) {
	find := watch(t, tracer.Options{Signals: ^uint64(0)})
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo ready $!; read x; kill -TERM $!; read x")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	p := start(t, cmd)
	var inner int
	if _, err := fmt.Sscanf(p.line(t), "ready %d", &inner); err != nil {
		t.Fatal(err)
	}
	p.begin()
	e := find("in the namespace", func(e *trace.Event) bool {
		return e.Event == trace.SignalEvent && e.Name == "SIGTERM" && e.Sender != nil && e.Sender.PID == p.Process.Pid
	})
	if e.Sender.InnerPID != 1 || e.Target.InnerPID != inner || e.Target.PID == inner || e.Target.PID == 0 {
		t.Errorf("the sender is %+v, the target %+v: inside they are 1 and %d", e.Sender, e.Target, inner)
	}
}

// TestOnlyChosen lets the kernel filter for one process.
func TestOnlyChosen(t *testing.T) {
	p := shell(t, "trap : USR1; echo ready; while :; do read x; done")     // it starts no process, for which it would block signals
	other := shell(t, "trap : USR1; echo ready; while :; do read x; done") // it starts no process, for which it would block signals
	find := watch(t, tracer.Options{Signals: 1 << (syscall.SIGUSR1 - 1), PIDs: []int{p.Process.Pid}})
	signal(t, other.Process.Pid, syscall.SIGUSR1)
	signal(t, p.Process.Pid, syscall.SIGUSR1)
	if e := find("any", func(*trace.Event) bool { return true }); e.Target.PID != p.Process.Pid {
		t.Errorf("it tells of %+v, too", e.Target)
	}
}

// TestProgramsEndWithTheProcess kills a tracer.
func TestProgramsEndWithTheProcess(t *testing.T) {
	watch(t, tracer.Options{}) // or skips the test
	p := start(t, role("tracer"))
	if got := p.line(t); got != "ready" {
		t.Fatal(got)
	}
	ids := programsOf(t, p.Process.Pid)
	if len(ids) < 2 {
		t.Fatalf("it has the programs %v", ids)
	}
	signal(t, p.Process.Pid, syscall.SIGKILL)
	_ = p.Wait()
	waitFor(t, "no program is left", func() bool { return !loaded(ids) })
}
