package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

func scanAll(t *testing.T, scanner *probe.Scanner) *model.Snapshot {
	t.Helper()
	snap, err := scanner.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// stuckThreads counts the test's threads that wait in the kernel beyond the reach
// of ordinary signals.
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

// ipctop is a command that runs ipctop as a process of its own.
func ipctop(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	return cmd
}

func processOf(t *testing.T, snap *model.Snapshot, pid int) *model.Process {
	t.Helper()
	for i := range snap.Processes {
		if snap.Processes[i].PID == pid {
			return &snap.Processes[i]
		}
	}
	t.Fatalf("process %d is not in the snapshot", pid)
	return nil
}

// Who lives on a file system that does not answer is shown like anyone else, and
// nothing waits for that file system: not by the path that a mount table would
// warn of, nor where it misleads, after umount -l and in a chroot.
func TestHungFileSystem(t *testing.T) {
	needHangs(t)
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, s *fuseServer)
		attr    func(s *fuseServer) *syscall.SysProcAttr
	}{
		{name: "mounted"},
		{name: "detached", prepare: func(t *testing.T, s *fuseServer) {
			if err := unix.Unmount(s.dir, unix.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "own mount namespace", attr: func(*fuseServer) *syscall.SysProcAttr {
			return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mountFUSE(t)
			cmd := exec.Command("cat")
			cmd.Dir = filepath.Join(s.dir, "dir")
			var files []*os.File
			for _, name := range []string{"file", "dir"} {
				f, err := os.Open(filepath.Join(s.dir, name))
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
			}
			cmd.ExtraFiles = files
			if c.attr != nil {
				cmd.SysProcAttr = c.attr(s)
			}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				s.end() // first, or nobody who has files there can end
				stdin.Close()
				_ = cmd.Wait()
			}()
			for _, f := range files {
				f.Close() // now: what the test itself has there would keep it from forking
			}
			if c.prepare != nil {
				c.prepare(t, s)
			}
			s.hung.Store(true)
			if c.name == "mounted" && answersStat(s.dir+"/file") {
				t.Fatal("the file system answers")
			}

			// How long scans take says little on a busy machine. What was waited
			// for in vain is in the gaps, and has a thread that is stuck.
			stuck := stuckThreads()
			snap := scanAll(t, probe.NewScanner(probe.Options{Probes: probes()}))
			if n := stuckThreads(); n > stuck {
				t.Errorf("%d threads are stuck, %d before the scan", n, stuck)
			}
			p := processOf(t, snap, cmd.Process.Pid)
			if n := p.FDs.Or(-1); p.Comm != "cat" || n < 5 || len(p.Cmdline) != 1 {
				t.Errorf("process %+v", p)
			}
			for _, g := range snap.Gaps {
				if g.PID == p.PID && g.Reason == model.Timeout {
					t.Errorf("something was tried that got stuck: %+v", g)
				}
			}
			begin := time.Now()
			out, err := ipctop(t, "dump", "--json").Output()
			if d := time.Since(begin); err != nil || d > 15*time.Second {
				t.Errorf("ipctop took %v: %v", d, err)
			}
			if !strings.Contains(string(out), fmt.Sprintf(`"pid":%d,`, cmd.Process.Pid)) {
				t.Error("ipctop does not show the process")
			}
		})
	}
}

// answersStat reports whether stat returns soon; if not it is left behind.
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

// memoryEnv makes the test binary a process whose memory lock is held for ever;
// it is the file whose pages nobody provides.
const memoryEnv = "IPCTOP_TEST_MEMORY"

// holdMemoryLock has one thread hold the process's memory lock for reading while
// it waits for a page of the file, and another one wait for it: from then on
// nobody gets it.
func holdMemoryLock(path string) {
	fail := func(err error) {
		fmt.Println(err)
		os.Exit(1)
	}
	f, err := os.Open(path)
	if err != nil {
		fail(err)
	}
	page, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		fail(err)
	}
	mem, err := unix.Open("/proc/self/mem", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fail(err)
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

// A process whose memory lock is not to be had is shown without what needs it,
// and is not tried a second time.
func TestHungMemoryLock(t *testing.T) {
	needHangs(t)
	scanner := probe.NewScanner(probe.Options{Probes: probes()})
	s := mountFUSE(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), memoryEnv+"="+filepath.Join(s.dir, "file"))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		s.end()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	defer end()
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the process says %q", line)
	}
	cmdline := fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid)
	deadline := time.Now().Add(5 * time.Second)
	for answersRead(cmdline) {
		if time.Now().After(deadline) {
			t.Skip("this kernel reads command lines without the memory lock")
		}
		time.Sleep(10 * time.Millisecond)
	}
	stuck := 0
	for round := range 2 {
		begin := time.Now()
		snap := scanAll(t, scanner)
		if took := time.Since(begin); round == 0 && took < probe.Deadline {
			t.Errorf("took %v: the command line was not waited for", took)
		}
		if round == 0 {
			stuck = stuckThreads()
		} else if n := stuckThreads(); n > stuck {
			t.Errorf("%d threads are stuck, %d after the first scan: it was tried again", n, stuck)
		}
		p := processOf(t, snap, cmd.Process.Pid)
		if !p.FDs.Known() || p.Threads < 2 || len(p.ThreadList) < 2 || p.Exe == "" || len(p.Namespaces) == 0 || len(p.Cmdline) != 0 {
			t.Errorf("process %+v", p)
		}
		given := false
		for _, g := range snap.Gaps {
			if g.PID == p.PID && g.Reason == model.Timeout && g.Op == "cmdline" {
				given = true
			}
		}
		if !given {
			t.Errorf("no gap for the command line: %+v", snap.Gaps)
		}
	}
	// ipctop itself ends although threads of it are stuck: these can be killed.
	run := ipctop(t, "dump", "--json")
	begin := time.Now()
	out, err := run.Output()
	if err != nil || !strings.Contains(string(out), `"op":"cmdline"`) {
		t.Errorf("ipctop: %v after %v", err, time.Since(begin))
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("ipctop took %v", d)
	}
	end()
}

// answersRead reports whether a file can be read soon; if not the reader is left
// behind.
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

// needHangs skips a test that makes processes hang in the kernel. While one
// does, everything on the machine that walks the proc file system may wait for
// it, so such tests run on a machine of their own: make hang.
func needHangs(t *testing.T) {
	t.Helper()
	if os.Getenv("IPCTOP_TEST_HANG") == "" {
		t.Skip("hangs whatever else walks /proc on this machine: set IPCTOP_TEST_HANG=1 to run it (make hang)")
	}
}
