package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// stuckProgram compiles testdata/stuck.c.
func stuckProgram(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	program := filepath.Join(t.TempDir(), "stuck")
	if out, err := exec.Command("gcc", "-O1", "-pthread", "-o", program, "testdata/stuck.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return program
}

// inPIDNamespace is a command in its own pid namespace.
func inPIDNamespace(t *testing.T, argv ...string) []string {
	t.Helper()
	unshare := []string{"unshare", "-pf", "--mount-proc", "--kill-child"}
	if out, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no pid namespace can be made here: %v %s", err, out)
	}
	return append(unshare, argv...)
}

// goProgram compiles testdata/stuckgo, whose processes have the threads of the Go runtime.
func goProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stuckgo")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/stuckgo").CombinedOutput(); err != nil {
		t.Skipf("go: %v\n%s", err, out)
	}
	return program
}

// python is a command that runs a script.
func python(script string) func(*testing.T) []string {
	return func(*testing.T) []string { return []string{"python3", "-c", script} }
}

// group lists the processes of a program.
func group(snap *model.Snapshot, pgid int) []int {
	var pids []int
	for i := range snap.Processes {
		if p := snap.Processes[i]; p.PGID == pgid && p.State != "Z" {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// settle scans until the given number of a program's threads have waited for longer than a
// scan takes. It returns a snapshot as if every process could be read: on some machines
// even root may not read process 1, and then no list of holders is known to be complete.
func settle(t *testing.T, p *program, threads int) *model.Snapshot {
	t.Helper()
	var snap *model.Snapshot
	ageless := false
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		snap = newScan(t)
		n := 0
		ageless = false
		for i := range snap.Waits {
			w := &snap.Waits[i]
			if w.Confirmed && w.BlockedFor.Or(0) > snap.Scan.Duration && slices.Contains(group(snap, p.pid), w.PID) {
				n++
			} else if w.Confirmed && !w.BlockedFor.Known() && slices.Contains(group(snap, p.pid), w.PID) {
				ageless = true
			}
		}
		if n >= threads {
			for i := range snap.Objects {
				snap.Objects[i].HoldersComplete = true
			}
			diagnose.Run(snap, diagnose.Options{})
			return snap
		}
	}
	if ageless {
		t.Skip("the kernel has moved a thread to another processor while it slept, and does not tell since when it does")
	}
	t.Fatalf("%d threads of %d are not blocked", threads, p.pid)
	return nil
}

const (
	// A child writes more than the pipe holds, and the parent waits for the child's end.
	fillsPipe = `import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import os;os.write(1,bytes(1<<20))"], stdout=subprocess.PIPE).wait()`

	// Dash waits in sigsuspend for the signal sent when a command ends.
	scriptWaits = `exec 9>"$1"; flock 9; (exec 9>&-; exec flock "$1" true) & wait`

	// A child wants the lock of its parent, which waits for the child's end in sigwait.
	signalTaken = `import fcntl, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX)
if os.fork() == 0:
    f.close(); f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX)
else:
    signal.sigwait({signal.SIGCHLD})`

	// A child wants the lock of its parent before it writes to the parent's pipe. An epoll
	// instance watches the pipe, and another one watches that instance.
	setInSet = `import fcntl, os, select, sys
r, w = os.pipe()
f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX)
if os.fork() == 0:
    os.close(r); f.close(); f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX); os.write(w, b"x")
else:
    os.close(w); inner = select.epoll(); outer = select.epoll(); inner.register(r, select.EPOLLIN); outer.register(inner, select.EPOLLIN); outer.poll()`
)

// timerInSet is a program whose child wants its lock before it writes to its pipe. The
// program polls the pipe and a timer, which is set or not.
func timerInSet(seconds int) string {
	return fmt.Sprintf(`import ctypes, fcntl, os, select, sys
libc = ctypes.CDLL(None)
r, w = os.pipe()
f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX)
if os.fork() == 0:
    os.close(r); f.close(); f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX); os.write(w, b"x")
else:
    os.close(w); t = libc.timerfd_create(1, 0)
    libc.timerfd_settime(t, 0, (ctypes.c_long * 4)(0, 0, %d, 0), None)
    p = select.poll(); p.register(r, select.POLLIN); p.register(t, select.POLLIN); p.poll()`, seconds)
}

// TestRealDeadlocks makes real programs deadlock, and compares the findings.
func TestRealDeadlocks(t *testing.T) {
	skipIfLate(t)
	stuck, goes := stuckProgram(t), goProgram(t)
	c := func(what string) func(*testing.T) []string {
		return func(t *testing.T) []string { return []string{stuck, what, t.TempDir()} }
	}
	for _, tt := range []struct {
		name       string
		argv       func(*testing.T) []string
		threads    int // number of waiting threads
		processes  int // number of processes in the deadlock
		confidence model.Confidence
	}{
		{"mutexes", c("normal"), 2, 2, model.Certain},
		{"robust mutexes", c("robust"), 2, 2, model.Certain},
		{"private mutexes of two threads", c("private"), 2, 1, model.Certain},
		{"flock", c("flock"), 2, 2, model.Certain},
		{"OFD locks", c("ofd"), 2, 2, model.Certain},
		{"POSIX lock and flock", c("posix-flock"), 2, 2, model.Certain},
		{"two full pipes", c("pipes"), 2, 2, model.Certain},
		{"both ends of a socket pair", c("sockets"), 2, 2, model.Certain},
		{"both ends of a TCP connection", c("tcp"), 2, 2, model.Likely}, // the socket's timeout cannot be read
		{"three with two mechanisms", c("three"), 3, 3, model.Certain},
		{"semop", c("semop"), 2, 2, model.Likely},
		{"a semaphore whose handler's signal is blocked", c("posts-blocked"), 2, 1, model.Certain},
		{"two semaphores", c("crossed"), 2, 2, model.Certain},
		{"wait for a child that writes to a pipe", python(fillsPipe), 2, 2, model.Certain},
		{"wait for a child in a pid namespace", func(t *testing.T) []string {
			return inPIDNamespace(t, "python3", "-c", fillsPipe)
		}, 3, 3, model.Certain}, // unshare(1) waits for them
		{"flock in flock", func(t *testing.T) []string {
			lock := filepath.Join(t.TempDir(), "L")
			return []string{"flock", lock, "sh", "-c", "flock " + lock + " true; true"}
		}, 3, 3, model.Certain},
		{"flock in a script's wait", func(t *testing.T) []string {
			return []string{"sh", "-c", scriptWaits, "sh", filepath.Join(t.TempDir(), "L")}
		}, 2, 2, model.Likely},
		{"flock of who takes the signal of a child's end", func(t *testing.T) []string {
			return []string{"python3", "-c", signalTaken, filepath.Join(t.TempDir(), "L")}
		}, 2, 2, model.Likely},
		{"a set in a set", func(t *testing.T) []string {
			return []string{"python3", "-c", setInSet, filepath.Join(t.TempDir(), "L")}
		}, 2, 2, model.Certain},
		{"a timer that is not set", func(t *testing.T) []string {
			return []string{"python3", "-c", timerInSet(0), filepath.Join(t.TempDir(), "L")}
		}, 2, 2, model.Certain},
		{"a coprocess that waits for more", func(*testing.T) []string {
			return []string{"bash", "-c", `coproc tr a-z A-Z; echo x >&${COPROC[1]}; read -r y <&${COPROC[0]}`}
		}, 2, 2, model.Certain},
		{"a queue that is joined before it is read", python(queueJoined), 3, 2, model.Likely},
		{"a worker that was killed with the queue's lock", python(workerKilled), 3, 3, model.Likely},
		{"wait for a child of a Go program", func(t *testing.T) []string { return []string{goes, "pipe", t.TempDir()} }, 2, 2, model.Likely},
		{"wait for a child of a Java program", javaProgram(javaDeadlock), 5, 3, model.Likely},
		{"flock of Go programs", func(t *testing.T) []string { return []string{goes, "flock", t.TempDir()} }, 2, 2, model.Likely},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startReal(t, tt.argv(t)...)
			if tt.name == "semop" {
				removeIPC(t, "-s", p.line(t))
			}
			snap := settle(t, p, tt.threads)
			pids := group(snap, p.pid)
			f := deadlockOf(snap, pids)
			// A Go program has waiting threads before it is stuck.
			for end := time.Now().Add(time.Minute); f == nil && time.Now().Before(end); {
				snap = settle(t, p, tt.threads)
				pids = group(snap, p.pid)
				f = deadlockOf(snap, pids)
			}
			if f == nil {
				t.Fatalf("no deadlock of %v; waits %+v", pids, waitsOf(snap, pids))
			}
			in := 0
			for _, pid := range f.Victims {
				if slices.Contains(pids, pid) {
					in++
				}
			}
			if in != tt.processes || f.Confidence != tt.confidence {
				t.Errorf("%d of %v, %s: %+v", in, pids, f.Confidence, f)
			}
			if strings.Contains(tt.name, "was killed") {
				sayKilled(t, f)
			}
		})
	}
}

// sayKilled requires that the finding, and why about each of its victims, says that a
// process that took a semaphore may have ended, and that no victim is called idle.
func sayKilled(t *testing.T, f *model.Finding) {
	t.Helper()
	const want = "who took it has ended without posting it"
	if !strings.Contains(f.Summary, want) {
		t.Errorf("%q is not in %q", want, f.Summary)
	}
	time.Sleep(diagnose.DefaultDeadlockAge)
	for _, pid := range f.Victims {
		_, stdout, _ := run(t, "", "why", strconv.Itoa(pid))
		if text := strings.Join(strings.Fields(stdout), " "); !strings.Contains(text, want) || strings.Contains(text, "it is idle") {
			t.Errorf("why %d says\n%s", pid, stdout)
		}
	}
}

// TestRefusedDeadlock closes a cycle of mutexes with priority inheritance. The kernel
// refuses, and glibc lets the thread sleep on a futex of its own. So there is no cycle, but
// one thread that waits for itself, and another that waits for it.
func TestRefusedDeadlock(t *testing.T) {
	p := startReal(t, stuckProgram(t), "pi", t.TempDir())
	snap := settle(t, p, 2)
	pids := group(snap, p.pid)
	for i := range snap.Findings {
		if f := &snap.Findings[i]; f.Rule == "self-wait" && slices.Equal(f.Victims, pids) && f.Confidence == model.Certain {
			return
		}
	}
	t.Errorf("nothing of %v; waits %+v", pids, waitsOf(snap, pids))
}

// TestHealthyLookalikes starts programs that only look stuck.
func TestHealthyLookalikes(t *testing.T) {
	skipIfLate(t)
	stuck, goes := stuckProgram(t), goProgram(t)
	c := func(what string) func(*testing.T) []string {
		return func(t *testing.T) []string { return []string{stuck, what, t.TempDir()} }
	}
	for _, tt := range []struct {
		name    string
		argv    func(*testing.T) []string
		threads int
	}{
		{"accept serialised", c("accept"), 4},
		{"death-watch", c("watch"), 3},
		{"token pipe", c("tokens"), 4},
		{"workers at a queue", c("workers"), 4},
		{"workers at a semaphore", c("semaphore"), 3},
		{"a socket with a time limit", c("sockets-limit"), 2},
		{"a timer that will ring", c("alarm"), 2},
		{"a timer in a set", func(t *testing.T) []string {
			return []string{"python3", "-c", timerInSet(600), filepath.Join(t.TempDir(), "L")}
		}, 2},
		{"a shell that waits", func(*testing.T) []string { return []string{"sh", "-c", "sleep 1000; true"} }, 2},
		{"a script that waits", func(*testing.T) []string { return []string{"sh", "-c", "sleep 1000 & wait"} }, 2},
		{"a pipeline", func(*testing.T) []string { return []string{"sh", "-c", "sleep 1000 | cat | cat"} }, 3},
		{"a script that logs through a pipe", func(*testing.T) []string {
			return []string{"bash", "-c", "exec > >(cat >/dev/null); sleep 1000; true"}
		}, 3},
		{"a pool that waits for SIGINT", python(poolInterrupted), 5},
		{"a pool that waits for SIGTERM", python(poolTerminated), 5},
		{"an executor that waits for a signal", python(executorPaused), 4},
		{"a supervisor with a heartbeat", python(supervisor), 3},
		{"a process that shares its memory with a child", python(sharedMemory), 2},
		{"a supervisor in Go", func(t *testing.T) []string { return []string{goes, "supervise", t.TempDir()} }, 3},
		{"a supervisor in Java", javaProgram(javaIdle), 10},
		{"idle Go program", func(t *testing.T) []string { return []string{goes, "idle", t.TempDir()} }, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startReal(t, tt.argv(t)...)
			if strings.Contains(tt.name, "queue") {
				removeIPC(t, "-q", p.line(t))
			}
			snap := settle(t, p, tt.threads)
			pids := group(snap, p.pid)
			for i := range snap.Findings {
				f := &snap.Findings[i]
				if slices.ContainsFunc(f.PIDs, func(pid int) bool { return slices.Contains(pids, pid) }) && len(f.Chain) > 0 && f.Rule != "sem-nobody-posts" {
					if strings.HasPrefix(tt.name, "a timer") && f.Rule == "lock-wait" {
						continue // they do wait for each other's locks, though not for ever
					}
					t.Errorf("%s, %s: %s", f.Rule, f.Confidence, f.Summary)
				}
			}
		})
	}
}

// TestDeadlockOfHiddenHolders examines a deadlock as a user with few rights. The finding is
// at most likely, and only if unreadable processes explain why holders may be missing.
func TestDeadlockOfHiddenHolders(t *testing.T) {
	p := startReal(t, stuckProgram(t), "flock", t.TempDir())
	snap := settle(t, p, 2)
	pids := group(snap, p.pid)
	for i := range snap.Objects {
		snap.Objects[i].HoldersComplete = false
	}
	for unreadable, want := range []model.Confidence{model.Possible, model.Likely} {
		snap.Scan.ProcessesUnreadable = unreadable
		diagnose.Run(snap, diagnose.Options{})
		if f := deadlockOf(snap, pids); f == nil || f.Confidence != want || len(f.LoweredBy) == 0 {
			t.Errorf("with %d unreadable processes: %+v, want %s", unreadable, f, want)
		}
	}
	// Without the waits of one of them nothing can be concluded.
	snap.Waits = slices.DeleteFunc(snap.Waits, func(w model.Wait) bool { return w.PID == pids[0] })
	diagnose.Run(snap, diagnose.Options{})
	if f := deadlockOf(snap, pids); f != nil {
		t.Errorf("with what %d does unknown: %+v", pids[0], f)
	}
}

// TestWaitsForOneOther: a program waits for its child, or the child for the program, in
// different system calls that show which process they wait for.
func TestWaitsForOneOther(t *testing.T) {
	skipIfLate(t)
	stuck := stuckProgram(t)
	for _, tt := range []struct {
		what, call string
		child      bool // the child is blocked, not the parent
	}{{"vfork", "vfork", false}, {"clone", "vfork", false}, {"connect", "connect", true}} {
		p := startReal(t, stuck, tt.what, shortDir(t))
		snap := settle(t, p, 2)
		pids := group(snap, p.pid)
		blocked, other := pids[0], pids[1]
		if tt.child {
			blocked, other = other, blocked
		}
		if !slices.ContainsFunc(snap.Waits, func(w model.Wait) bool {
			return w.PID == blocked && w.Call == tt.call && len(w.Blockers) == 1 && w.Blockers[0].PID == other && slices.EqualFunc(w.Clauses, [][]int{{other}}, slices.Equal)
		}) {
			t.Errorf("%s: %d does not wait for %d alone; waits %+v", tt.what, blocked, other, waitsOf(snap, pids))
		}
	}
}

// TestWhyOfRealPrograms asks why one program is stuck, and why another is not.
func TestWhyOfRealPrograms(t *testing.T) {
	skipIfLate(t)
	stuck := stuckProgram(t)
	lock := filepath.Join(t.TempDir(), "L")
	for what, want := range map[string][]string{
		"sh":          {"waits for a signal, perhaps the end of one of its children", "is a child whose end would wake it", "is where the chain began: deadlock"},
		"python3":     {"polls pipe:", "can make ready what it polls", "is where the chain began: deadlock"},
		"posix-flock": {"wants exclusive posix lock on", "wants exclusive flock lock on", "is where the chain began: deadlock", "found: deadlock:", "to end it: kill", "its locks are released"},
		"watch":       {"waits for a signal", "it is idle"},
	} {
		argv := []string{stuck, what, t.TempDir()}
		switch what {
		case "sh":
			argv = []string{"sh", "-c", scriptWaits, "sh", lock}
		case "python3":
			argv = []string{"python3", "-c", setInSet, lock + "2"}
		}
		p := startReal(t, argv...)
		settle(t, p, 2)
		time.Sleep(diagnose.DefaultDeadlockAge) // on some machines no list of holders is known to be complete
		status, stdout, stderr := run(t, "", "why", strconv.Itoa(p.pid))
		if status != exitOK || stderr != "" {
			t.Errorf("%s: status %d, %s", what, status, stderr)
		}
		for _, text := range want {
			if !strings.Contains(strings.Join(strings.Fields(stdout), " "), text) { // lines may be broken anywhere
				t.Errorf("%s: no %q in\n%s", what, text, stdout)
			}
		}
	}
}

// TestWhyOfLoggingScript asks about a script that waits for a command, and for the process
// that logs its output. The two wait for each other, but the command acts.
func TestWhyOfLoggingScript(t *testing.T) {
	p := startReal(t, "bash", "-c", "exec > >(cat >/dev/null); sleep 1000; true")
	settle(t, p, 3)
	if _, stdout, _ := run(t, "", "why", strconv.Itoa(p.pid)); strings.Contains(stdout, "deadlock") || !regexp.MustCompile(`may act: it\s+sleeps`).MatchString(stdout) {
		t.Errorf("why says\n%s", stdout)
	}
}

func deadlockOf(snap *model.Snapshot, pids []int) *model.Finding {
	for i := range snap.Findings {
		f := &snap.Findings[i]
		if f.Rule == "deadlock" && slices.ContainsFunc(f.Victims, func(pid int) bool { return slices.Contains(pids, pid) }) {
			return f
		}
	}
	return nil
}

func waitsOf(snap *model.Snapshot, pids []int) []model.Wait {
	var list []model.Wait
	for _, w := range snap.Waits {
		if slices.Contains(pids, w.PID) {
			list = append(list, w)
		}
	}
	return list
}

// removeIPC removes a System V object at the end of the test.
func removeIPC(t *testing.T, flag, id string) {
	t.Helper()
	t.Cleanup(func() {
		if out, err := exec.Command("ipcrm", flag, id).CombinedOutput(); err != nil {
			t.Errorf("ipcrm %s %s: %v %s", flag, id, err, out)
		}
	})
}
