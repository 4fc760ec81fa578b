package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// javaProgram writes a program of one class, which java runs from its source.
func javaProgram(body string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "Stuck.java")
		text := "import java.util.concurrent.*;\npublic class Stuck { public static void main(String[] a) throws Exception {\n" + body + "\n} }\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"java", file}
	}
}

const (
	// A child fills its pipe. Its parent, which should read, waits for the child's end.
	javaDeadlock = `new ProcessBuilder("sh", "-c", "head -c 1000000 /dev/zero; true").start().waitFor();`

	// A child waits for work, and so does its executor; main waits for the end.
	javaIdle = `Process p = new ProcessBuilder("cat").start();
ExecutorService e = Executors.newFixedThreadPool(2);
e.submit(() -> 1); e.submit(() -> p.getInputStream().read());
Runtime.getRuntime().addShutdownHook(new Thread(p::destroy));
new CountDownLatch(1).await();`

	// The child's thread writes more than the pipe holds. The parent reads only after the
	// child has ended.
	queueJoined = `import multiprocessing as mp
def work(q): q.put("x" * 1000000)
mp.set_start_method("fork"); q = mp.Queue(); p = mp.Process(target=work, args=(q,)); p.start(); p.join()`

	// The worker that holds the queue's lock is killed.
	workerKilled = `import multiprocessing as mp, os, signal, time
def work(q, r):
    while True: r.put(q.get())
mp.set_start_method("fork"); q, r = mp.Queue(), mp.Queue()
workers = [mp.Process(target=work, args=(q, r)) for _ in range(3)]
for p in workers: p.start()
def reads(p): return open(f"/proc/{p.pid}/wchan").read() == "anon_pipe_read" or open(f"/proc/{p.pid}/wchan").read() == "pipe_read"
while True:
    time.sleep(0.5); holder = [p for p in workers if reads(p)]
    if holder: break
os.kill(holder[0].pid, signal.SIGKILL); holder[0].join()
for i in range(3): q.put(i)
r.get()`

	poolIdle = `import multiprocessing as mp, signal, threading
def work(x): return x
mp.set_start_method("fork"); p = mp.Pool(3); p.map(work, range(9)); e = threading.Event()
`
	poolInterrupted = poolIdle + "e.wait()"
	poolTerminated  = poolIdle + "signal.signal(signal.SIGTERM, lambda *a: e.set()); e.wait(); p.terminate()"

	executorPaused = `import concurrent.futures as cf, signal
def work(x): return x
e = cf.ProcessPoolExecutor(3); list(e.map(work, range(9))); signal.pause()`

	supervisor = `import subprocess, threading, time
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def beat():
    while True: time.sleep(1000)
threading.Thread(target=beat, daemon=True).start(); p.wait()`

	// The child is a separate process that shares memory (CLONE_VM), not a thread.
	sharedMemory = `import ctypes, os
libc = ctypes.CDLL(None)
stack, word = ctypes.create_string_buffer(1 << 20), ctypes.c_int(0)
top = (ctypes.addressof(stack) + (1 << 20) - 64) & ~15
libc.clone(ctypes.cast(libc.sleep, ctypes.c_void_p), ctypes.c_void_p(top), 0x100 | 17, ctypes.c_void_p(1000))
libc.syscall(98 if os.uname().machine == "aarch64" else 202, ctypes.byref(word), 0x80, 0, None)`
)

// selfDeadlocks are programs of one process that is stuck on itself, with the rule that
// finds it and words of the finding.
var selfDeadlocks = []struct{ what, rule, words string }{
	{"handler", "self-wait", "it is in its handler of SIGUSR1"},
	{"library", "self-wait", "in its handler of SIGUSR1"},
	{"forked", "mutex-owner-dead", "when this process was forked"},
	{"uncollected", "mutex-owner-dead", "has ended"},
}

// TestSelfDeadlocks runs programs in which a handler, or a forked process, wants a lock
// that nobody will unlock, and one whose child ended while it held a mutex.
func TestSelfDeadlocks(t *testing.T) {
	skipIfLate(t)
	stuck := stuckProgram(t)
	for _, tt := range selfDeadlocks {
		t.Run(tt.what, func(t *testing.T) {
			p := startReal(t, stuck, tt.what, t.TempDir())
			said := ""
			for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				snap := newScan(t)
				diagnose.Run(snap, diagnose.Options{})
				pids := group(snap, p.pid)
				for i := range snap.Findings {
					f := &snap.Findings[i]
					if f.Rule == tt.rule && f.Severity == model.Critical && slices.ContainsFunc(f.Victims, func(pid int) bool { return slices.Contains(pids, pid) }) {
						said = f.Summary
					}
				}
				if strings.Contains(said, tt.words) {
					return
				}
			}
			if tt.what == "library" && said == "" {
				t.Skip("no signal came while the C library had its lock, or the frames of this architecture are not known")
			}
			t.Errorf("%s says %q, want %q in it", tt.rule, said, tt.words)
		})
	}
}

// TestOwnerEndedInPIDNamespace: a process of a pid namespace waits for a mutex whose owner has ended.
// The mutex names the owner by its pid inside.
func TestOwnerEndedInPIDNamespace(t *testing.T) {
	p := startReal(t, inPIDNamespace(t, stuckProgram(t), "abandoned", t.TempDir())...)
	snap := settle(t, p, 3)
	pids := group(snap, p.pid)
	for i := range snap.Findings {
		f := &snap.Findings[i]
		if slices.ContainsFunc(f.Victims, func(pid int) bool { return slices.Contains(pids, pid) }) {
			if f.Rule != "mutex-owner-dead" || !strings.Contains(f.Summary, "of their pid namespace, has ended") {
				t.Errorf("%s: %s", f.Rule, f.Summary)
			}
			return
		}
	}
	t.Errorf("nothing of %v; waits %+v", pids, waitsOf(snap, pids))
}

// TestWhyOfADeadlockedWaiter: the chain does not end at a process that waits on a semaphore and is part
// of a deadlock.
func TestWhyOfADeadlockedWaiter(t *testing.T) {
	p := startReal(t, stuckProgram(t), "posts-blocked", t.TempDir())
	settle(t, p, 2)
	_, text, _ := run(t, "", "why", strconv.Itoa(p.pid))
	if !strings.Contains(text, "is where the chain began: deadlock") || strings.Contains(text, "idle") {
		t.Errorf("why does not follow the circle:\n%s", text)
	}
}

// TestHandlerPosts: a thread waits for a semaphore that a signal handler of its process posts, or
// polls a pipe to which the handler writes. Such a deadlock is at most possible.
func TestHandlerPosts(t *testing.T) {
	stuck := stuckProgram(t)
	for _, what := range []string{"posts", "posts-polled"} {
		p := startReal(t, stuck, what, t.TempDir())
		snap := settle(t, p, 2)
		if f := deadlockOf(snap, []int{p.pid}); f != nil && (f.Confidence != model.Possible || f.Severity != model.Warning) {
			t.Errorf("%s: %s, %s: %s", what, f.Severity, f.Confidence, f.Summary)
		}
	}
}

// TestDeadlockAdviceReleases carries out the advice, and checks that the named processes go on.
func TestDeadlockAdviceReleases(t *testing.T) {
	skipIfLate(t)
	stuck := stuckProgram(t)
	for _, what := range []string{"flock", "posix-flock", "pipes", "sockets", "robust"} {
		p := startReal(t, stuck, what, t.TempDir())
		snap := settle(t, p, 2)
		pids := group(snap, p.pid)
		f := deadlockOf(snap, pids)
		if f == nil || len(f.Actions) == 0 {
			t.Errorf("%s: no advice in %+v", what, f)
			continue
		}
		ends, err := strconv.Atoi(f.Actions[0].Argv[1])
		if err != nil || !slices.Contains(pids, ends) {
			t.Fatalf("%s: %v", what, f.Actions[0].Argv)
		}
		other := pids[0] + pids[1] - ends
		if !strings.Contains(f.Actions[0].Effect, "stuck("+strconv.Itoa(other)+") goes on") {
			t.Errorf("%s: %s does not name %d", what, f.Actions[0].Effect, other)
		}
		before := blockedIn(snap, other)
		terminate(t, ends)
		released := false
		for end := time.Now().Add(time.Minute); !released && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			released = blockedIn(newScan(t), other) != before
		}
		if !released {
			t.Errorf("%s: %d is still in %s", what, other, before)
		}
	}
}

// blockedIn is the wait of a process's main thread.
func blockedIn(snap *model.Snapshot, pid int) string {
	for i := range snap.Waits {
		if w := &snap.Waits[i]; w.TID == pid {
			return w.Call + " " + w.Object
		}
	}
	return ""
}

// terminate ends a process that the test started, in the way that is advised.
func terminate(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(os.Kill)
	}
	if err != nil {
		t.Fatal(err)
	}
}
