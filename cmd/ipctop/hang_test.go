package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func scanAll(t *testing.T, scanner *probe.Scanner) *model.Snapshot {
	t.Helper()
	snap := probetest.Again(t, scanner)
	return snap
}

// stuckThreads counts the test's threads that wait uninterruptibly in the kernel, beyond
// the reach of ordinary signals.
func stuckThreads() int {
	n := 0
	files, _ := filepath.Glob("/proc/self/task/*/stat")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), ") D ") {
			n++
		}
	}
	return n
}

func processOf(t *testing.T, snap *model.Snapshot, pid int) *model.Process {
	t.Helper()
	for i := range snap.Processes {
		if snap.Processes[i].PID == pid {
			return snap.Processes[i]
		}
	}
	t.Fatalf("process %d is not in the snapshot", pid)
	return nil
}

// hanger is a process in which something hangs. It and the server that it waits for end with the test.
type hanger struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startHanger starts the test binary in a role that uses a file of the server.
func startHanger(t *testing.T, s *fuseServer, role string) *hanger {
	t.Helper()
	h := &hanger{cmd: exec.Command("/proc/self/exe")}
	h.cmd.Env = append(os.Environ(), role+"="+filepath.Join(s.dir, "file"))
	var err error
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.end() // first: otherwise no process that waits for it can end
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	})
	h.out = bufio.NewReader(out)
	if line, _ := h.out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the process says %q", line)
	}
	return h
}

func (h *hanger) pid() int { return h.cmd.Process.Pid }

// asleepIn waits until a thread of the process sleeps in one of these kernel functions.
func (h *hanger) asleepIn(t *testing.T, places ...string) {
	t.Helper()
	var seen []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", h.pid()))
		seen = nil
		for _, f := range files {
			b, _ := os.ReadFile(f)
			for _, p := range places {
				if strings.HasPrefix(string(b), p) {
					return
				}
			}
			seen = append(seen, string(b))
		}
	}
	t.Skipf("this kernel does not say that a thread waits in %q: %q", places, seen)
}

// scanned is the result of a scan of something that hangs: its duration, and how many
// threads of this process are stuck afterwards.
type scanned struct {
	*model.Snapshot
	took  time.Duration
	stuck int
}

func scanHung(t *testing.T, scanner *probe.Scanner) scanned {
	t.Helper()
	begin := time.Now()
	snap := scanAll(t, scanner)
	return scanned{snap, time.Since(begin), stuckThreads()}
}

// endsSoon runs ipctop, which must show the processes and end.
func endsSoon(t *testing.T, pids ...int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(ctx, exe, "dump", "--json")
	run.Env = append(os.Environ(), mainEnv+"=1")
	run.WaitDelay = time.Second
	out, err := run.Output()
	if err != nil {
		t.Errorf("ipctop: %v", err)
	}
	for _, pid := range pids {
		if !strings.Contains(string(out), fmt.Sprintf(`"pid":%d,`, pid)) {
			t.Errorf("ipctop does not show process %d", pid)
		}
	}
}

// A process that uses a file system which does not answer is shown like any other, and
// nothing waits for that file system: not at a path where the mount table would show it,
// and not where the table is misleading, after umount -l and in a chroot.
func TestHungFileSystem(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, c := range []struct {
		name   string
		detach bool
		attr   *syscall.SysProcAttr
	}{
		{name: "mounted"},
		{name: "detached", detach: true},
		{name: "own mount namespace", attr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mountFUSE(t)
			cmd := exec.Command("cat")
			cmd.Dir = filepath.Join(s.dir, "dir")
			cmd.SysProcAttr = c.attr
			for _, name := range []string{"file", "dir"} {
				// Not with package os: the runtime would poll it.
				fd, err := unix.Open(filepath.Join(s.dir, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), name))
			}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				s.end() // first: otherwise no process that has files there can end
				stdin.Close()
				_ = cmd.Wait()
			}()
			for _, f := range cmd.ExtraFiles {
				f.Close() // now: if the test itself has files there it cannot fork
			}
			if c.detach {
				if err := unix.Unmount(s.dir, unix.MNT_DETACH); err != nil {
					t.Fatal(err)
				}
			}
			s.hang()
			if c.name == "mounted" && answersStat(s.dir+"/file") {
				t.Fatal("the file system answers")
			}
			stuck := stuckThreads()
			r := scanHung(t, probe.NewScanner(probe.Options{Probes: probes()}))
			if r.stuck > stuck {
				t.Errorf("%d threads are stuck, %d before the scan", r.stuck, stuck)
			}
			p := processOf(t, r.Snapshot, cmd.Process.Pid)
			if n := p.FDs.Or(-1); p.Comm != "cat" || n < 5 || len(p.Cmdline) != 1 {
				t.Errorf("process %+v", p)
			}
			for _, g := range r.Gaps {
				if g.PID == p.PID && g.Reason == model.Timeout {
					t.Errorf("something was tried that got stuck: %+v", g)
				}
			}
			endsSoon(t, cmd.Process.Pid)
		})
	}
}

// answersStat reports whether stat returns soon; if not, its goroutine is abandoned.
func answersStat(path string) bool {
	done := make(chan struct{})
	go func() {
		var st unix.Stat_t
		_ = unix.Stat(path, &st)
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

// pollerEnv makes the test binary a process with an epoll instance that watches a file; its
// value is the file.
const pollerEnv = "IPCTOP_TEST_POLLER"

// pollFile calls epoll_wait after a line on its input. The kernel then asks the file's
// server whether the file is ready, and holds the instance's mutex meanwhile.
func pollFile(path string) {
	fail := func(what string, err error) {
		if err != nil {
			fmt.Println(what, err)
			os.Exit(1)
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	fail("open", err)
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	fail("epoll", err)
	fail("epoll_ctl", unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN}))
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	var events [1]unix.EpollEvent
	for {
		_, _ = unix.EpollWait(epoll, events[:], -1)
	}
}

// Files on a file system that a program serves are not asked for their type. A gap says
// that FIFOs may be among them.
func TestFIFOOnFUSE(t *testing.T) {
	if !apart(t) {
		return
	}
	s := mountFUSE(t)
	fd, err := unix.Open(s.dir+"/fifo", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s.hang()
	r := scanHung(t, probe.NewScanner(probe.Options{Probes: probes()}))
	if !slices.ContainsFunc(r.Gaps, func(g model.Gap) bool { return g.Probe == "fifo" && g.Op == "stat" && g.Count > 0 }) {
		t.Errorf("no gap for the FIFO: %+v", r.Gaps)
	}
	if r.stuck != 0 {
		t.Errorf("%d threads are stuck", r.stuck)
	}
}

// An epoll instance that watches a file whose server does not answer is not asked for its
// watches: a process that asks cannot even be killed.
func TestHungEpoll(t *testing.T) {
	if !apart(t) {
		return
	}
	s := mountFUSE(t)
	quiet := startHanger(t, s, pollerEnv) // has such a file, too, but does not wait for an answer
	h := startHanger(t, s, pollerEnv)
	s.hang()
	_, _ = io.WriteString(h.in, "x")
	h.asleepIn(t, "request_wait_answer", "fuse_", "__fuse_")
	scanner := probe.NewScanner(probe.Options{Probes: probes()})
	for range 2 {
		r := scanHung(t, scanner)
		if r.stuck != 0 {
			t.Errorf("%d threads are stuck", r.stuck)
		}
		if got := watchesOf(t, r.Snapshot, h.pid()); got != -1 {
			t.Errorf("the instance that hangs has %d watches", got)
		}
		if got := watchesOf(t, r.Snapshot, quiet.pid()); got != 1 {
			t.Errorf("the one that does not has %d watches", got)
		}
		if !slices.ContainsFunc(r.Gaps, func(g model.Gap) bool {
			return g.Probe == "epoll" && g.PID == h.pid() && g.Reason == model.Timeout && strings.Contains(g.Detail, "not asked")
		}) {
			t.Errorf("no gap for the instance: %+v", r.Gaps)
		}
	}
	endsSoon(t, h.pid(), quiet.pid())
}

// watchesOf is the number of watches of a process's first epoll instance, -1 if that is unknown.
func watchesOf(t *testing.T, snap *model.Snapshot, pid int) int {
	t.Helper()
	for i := range snap.Objects {
		o := snap.Objects[i]
		if d, ok := o.Detail.(*model.EpollDetail); ok && len(o.Holders) == 1 && int(o.Holders[0].PID) == pid {
			if d.Watches == nil {
				return -1
			}
			return len(d.Watches)
		}
	}
	t.Errorf("process %d has no epoll instance", pid)
	return -2
}

// memoryEnv makes the test binary a process whose memory lock is held for ever; its value
// is a file whose pages are never provided.
const memoryEnv = "IPCTOP_TEST_MEMORY"

// userEnv is the uid that such a process changes to.
const userEnv = "IPCTOP_TEST_UID"

// holdMemoryLock lets one thread hold the process's memory lock for reading while it waits
// for a page of the file, and lets another one wait to lock it for writing. From then on no
// other thread gets the lock.
func holdMemoryLock(path string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	fail(err)
	page, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	fail(err)
	mem, err := unix.Open("/proc/self/mem", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	fail(err)
	if uid, err := strconv.Atoi(os.Getenv(userEnv)); err == nil {
		fail(syscall.Setuid(uid))
	}
	fmt.Println("ready")
	go func() {
		runtime.LockOSThread()
		var b [1]byte
		_, _ = unix.Pread(mem, b[:], int64(uintptr(unsafe.Pointer(&page[0]))))
	}()
	time.Sleep(100 * time.Millisecond)
	_, _ = unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	select {}
}

// Processes whose memory locks cannot be taken are shown without what needs the locks. This
// takes little longer than for one such process, and they are not tried a second time.
func TestHungMemoryLock(t *testing.T) {
	if !apart(t) {
		return
	}
	s := mountFUSE(t)
	var pids []int
	for range 3 {
		h := startHanger(t, s, memoryEnv)
		pids = append(pids, h.pid())
		cmdline := fmt.Sprintf("/proc/%d/cmdline", h.pid())
		for end := time.Now().Add(5 * time.Second); answersRead(cmdline); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Skip("this kernel reads command lines without the memory lock")
			}
		}
	}
	before := stuckThreads()
	scanner := probe.NewScanner(probe.Options{Probes: probes(), Workers: 1})
	first := scanHung(t, scanner)
	if first.took < guard.Deadline {
		t.Errorf("the first scan took %v, want %v at least", first.took, guard.Deadline)
	}
	second := scanHung(t, scanner)
	// One after the other they would take three times the deadline, and the second scan no time.
	t.Logf("the scans took %v and %v", first.took, second.took)
	if first.stuck > before+4 || second.stuck > first.stuck {
		t.Errorf("%d threads are stuck, then %d, then %d", before, first.stuck, second.stuck)
	}
	for _, r := range []scanned{first, second} {
		for _, pid := range pids {
			p := processOf(t, r.Snapshot, pid)
			if !p.FDs.Known() || p.Threads < 2 || len(p.ThreadList) < 2 || p.Exe == "" || len(p.Namespaces) == 0 || len(p.Cmdline) != 0 {
				t.Errorf("process %+v", p)
			}
			if !slices.ContainsFunc(r.Gaps, func(g model.Gap) bool { return g.PID == pid && g.Reason == model.Timeout && g.Op == "cmdline" }) {
				t.Errorf("no gap for the command line of %d: %+v", pid, r.Gaps)
			}
		}
	}
	// ipctop itself ends although some of its threads are stuck: these can be killed.
	endsSoon(t, pids...)
}

// However many processes of one user hang, command lines of other processes are read: by
// the scanner that found the hanging ones, and by a new one that must find them itself.
func TestHungProcessesOfOneUser(t *testing.T) {
	if !apart(t) {
		return
	}
	s := mountFUSE(t)
	start := func(uid string) int {
		t.Setenv(userEnv, uid)
		h := startHanger(t, s, memoryEnv)
		cmdline := fmt.Sprintf("/proc/%d/cmdline", h.pid())
		for end := time.Now().Add(5 * time.Second); answersRead(cmdline); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Skip("this kernel reads command lines without the memory lock")
			}
		}
		return h.pid()
	}
	var hung []int
	for range 6 {
		hung = append(hung, start("4242"))
	}
	others := []int{os.Getpid()}
	for _, uid := range []uint32{0, 4243} {
		cmd := exec.Command("sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		others = append(others, cmd.Process.Pid)
	}
	scanner := probe.NewScanner(probe.Options{Probes: probes(), Workers: 1})
	for range 2 {
		r := scanHung(t, scanner)
		for _, pid := range others {
			if p := processOf(t, r.Snapshot, pid); len(p.Cmdline) == 0 {
				t.Errorf("the command line of process %d of another user is not read", pid)
			}
		}
		for _, pid := range hung {
			if !slices.ContainsFunc(r.Gaps, func(g model.Gap) bool { return g.PID == pid && g.Reason == model.Timeout && g.Op == "cmdline" }) {
				t.Errorf("no gap for the command line of %d: %+v", pid, r.Gaps)
			}
		}
	}
}

// answersRead reports whether a file can be read soon; if not, the reader is abandoned.
func answersRead(path string) bool {
	done := make(chan struct{})
	go func() {
		_, _ = os.ReadFile(path)
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(200 * time.Millisecond):
		return false
	}
}
