package bpf_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// open opens the source, or skips the test with the reason why there is none.
func open(t testing.TB) *bpf.Source {
	t.Helper()
	s, err := bpf.Open()
	if unavailable := new(bpf.UnavailableError); errors.As(err, &unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestTasksAgreeWithProc compares every thread that did not run meanwhile.
func TestTasksAgreeWithProc(t *testing.T) {
	s := open(t)
	own := processes(t)
	compared := map[int]bool{}
	probetest.Persistent(t, func() map[string]string {
		differences := map[string]string{}
		err := s.Tasks(bpf.TaskState, func(task *bpf.Task) {
			want, ok := describe(task.PID, task.TID)
			runs, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", task.PID, task.TID))
			if !ok || err != nil || task.State == 'R' || strings.Fields(string(runs))[2] != strconv.FormatUint(task.Runs, 10) {
				return // it runs
			}
			compared[task.PID] = true
			if got := line(task); got != want {
				differences[fmt.Sprintf("thread %d of %d", task.TID, task.PID)] = fmt.Sprintf("\n  bpf  %s\n  proc %s", got, want)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return differences
	})
	for what, pid := range own {
		if !compared[pid] {
			t.Errorf("the %s process %d was not compared", what, pid)
		}
	}
	t.Logf("compared %d processes", len(compared))
}

// processes starts unusual processes: one in its own namespaces, one stopped, one
// ended but not waited for, and one with pending signals.
func processes(t *testing.T) map[string]int {
	t.Helper()
	start := func(script string, flags uintptr) int {
		cmd := exec.Command("sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd.Process.Pid
	}
	own := map[string]int{
		"nested":   start("exec sleep 1000", syscall.CLONE_NEWPID|syscall.CLONE_NEWUTS|syscall.CLONE_NEWIPC|syscall.CLONE_NEWNET),
		"stopped":  start("kill -STOP $$; exec sleep 1000", 0),
		"ended":    start("exit 7", 0),
		"signaled": start("trap '' USR1; trap : USR2; kill -STOP $$; sleep 1000", 0),
	}
	if _, err := exec.LookPath("python3"); err == nil {
		own["timed"] = start(`exec python3 -c '
import ctypes, time
timer = ctypes.c_void_p()
if ctypes.CDLL("librt.so.1").timer_create(0, None, ctypes.byref(timer)): raise OSError
time.sleep(1000)'`, 0)
	}
	state := map[string]byte{"nested": 'S', "stopped": 'T', "ended": 'Z', "signaled": 'T', "timed": 'S'}
	for what, pid := range own {
		waitFor(t, what, func() bool {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			st, err := proc.ParseStat(b)
			return err == nil && st.State == state[what] && (what != "nested" || st.Comm == "sleep") && (what != "timed" || timers(pid))
		})
	}
	if err := syscall.Kill(own["signaled"], syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	return own
}

func timers(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/timers", pid))
	return err == nil && len(b) > 0
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it never came to be", what)
		}
	}
}

func line(t *bpf.Task) string {
	uid := strconv.FormatUint(uint64(t.UID), 10)
	inner := fmt.Sprint(t.NSPIDs)
	ns := &t.Namespaces
	if t.Kernel { // their names are longer in the proc file system only
		t.Comm = "kernel thread"
	}
	text := fmt.Sprintf("%s ppid=%d pgid=%d sid=%d tracer=%d start=%d state=%c threads=%d tty=%d uid=%s inner=%s kernel=%t core=%t pending=%x shared=%x blocked=%x",
		t.Comm, t.PPID, t.PGID, t.SID, t.Tracer, t.StartTicks, t.State, t.Threads, t.TTY, uid, inner, t.Kernel, t.CoreDump, t.Pending, t.SharedPending, t.Blocked)
	text += fmt.Sprintf(" ruid=%d", t.RealUID)
	if t.TID == t.PID {
		text += fmt.Sprintf(" timers=%t", t.Timers)
	}
	if t.TID == t.PID && t.SignalsKnown {
		text += fmt.Sprintf(" ignored=%x caught=%x", t.Ignored, t.Caught)
	}
	if !strings.ContainsRune("ZX", rune(t.State)) {
		text += fmt.Sprintf(" ns=%v", []uint64{ns.Cgroup, ns.IPC, ns.Mount, ns.Net, ns.PID, ns.User, ns.UTS})
	}
	text += fmt.Sprintf(" files=%d queue=%d", t.FileLimit, t.QueueLimit)
	if t.Call.Known {
		text += fmt.Sprintf(" call=%d", t.Call.Number)
		if t.Call.Number >= 0 {
			for _, a := range t.Call.Args {
				text += fmt.Sprintf(" 0x%x", a)
			}
		}
		text += fmt.Sprintf(" 0x%x 0x%x", t.Call.SP, t.Call.IP)
	}
	return text
}

// describe makes one line for a thread, as the proc file system has it.
func describe(pid, tid int) (string, bool) {
	dir := fmt.Sprintf("/proc/%d/task/%d/", pid, tid)
	text := func(name string) string {
		b, _ := os.ReadFile(dir + name)
		return string(b)
	}
	status, stat := text("status"), text("stat")
	st, err := proc.ParseStat([]byte(stat))
	if err != nil {
		return "", false
	}
	field := func(name string, n int) string {
		v, ok := proc.StatusField([]byte(status), name)
		f := strings.Fields(string(v))
		if !ok || n >= len(f) {
			return ""
		}
		return f[n]
	}
	mask := func(name string) uint64 {
		n, _ := strconv.ParseUint(field(name, 0), 16, 64)
		return n
	}
	nspid, _ := proc.StatusField([]byte(status), "NSpid")
	var inner []string
	if f := strings.Fields(string(nspid)); len(f) > 1 {
		inner = f[1:]
	}
	kernel := st.Kernel
	if kernel {
		st.Comm = "kernel thread"
	}
	line := fmt.Sprintf("%s ppid=%d pgid=%d sid=%d tracer=%s start=%d state=%c threads=%d tty=%d uid=%s inner=%s kernel=%t core=%t pending=%x shared=%x blocked=%x",
		st.Comm, st.Ppid, st.Pgrp, st.Session, field("TracerPid", 0), st.StartTicks, st.State, st.Threads, st.TtyNr, field("Uid", 1),
		inner, kernel, field("CoreDumping", 0) == "1", mask("SigPnd"), mask("ShdPnd"), mask("SigBlk"))
	line += " ruid=" + field("Uid", 0)
	if tid == pid {
		line += fmt.Sprintf(" timers=%t", text("../../timers") != "")
	}
	if tid == pid {
		line += fmt.Sprintf(" ignored=%x caught=%x", mask("SigIgn"), mask("SigCgt"))
	}
	if !strings.ContainsRune("ZX", rune(st.State)) {
		var ns []uint64
		for _, name := range proc.NamespaceTypes {
			n, _ := proc.ReadNamespace(dir + "ns/" + name)
			ns = append(ns, n)
		}
		line += fmt.Sprintf(" ns=%v", ns)
	}
	// For other users' processes, prlimit(2) is refused to root without CAP_SYS_RESOURCE.
	limits := text("limits")
	for _, l := range []struct{ name, row string }{{"files", "Max open files"}, {"queue", "Max pending signals"}} {
		_, rest, found := strings.Cut(limits, "\n"+l.row)
		fields := strings.Fields(rest)
		if !found || len(fields) == 0 {
			return "", false
		}
		line += fmt.Sprintf(" %s=%s", l.name, strings.Replace(fields[0], "unlimited", fmt.Sprint(^uint64(0)), 1))
	}
	if call := strings.TrimSpace(text("syscall")); call != "" && call != "running" && !strings.ContainsRune("ZXR", rune(st.State)) && !kernel {
		line += " call=" + call
	}
	return line, true
}
