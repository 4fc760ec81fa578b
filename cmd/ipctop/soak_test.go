package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/testfixtures"
)

// churnPython starts and ends threads, children, sockets, pipes and, as root, network and
// IPC namespaces, until its standard input ends.
const churnPython = `
import ctypes, os, select, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWIPC, CLONE_NEWNET = 0x08000000, 0x40000000
n = 0
while not select.select([sys.stdin], [], [], 0.01)[0]:
    n += 1
    t = [threading.Thread(target=time.sleep, args=(0.05,)) for _ in range(3)]
    for x in t: x.start()
    a, b = socket.socketpair(); r, w = os.pipe()
    l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(); c = socket.create_connection(l.getsockname())
    pid = os.fork()
    if pid == 0:
        if os.geteuid() == 0 and n % 4 == 0:
            libc.unshare(CLONE_NEWIPC | CLONE_NEWNET)
        time.sleep(0.05); os._exit(0)
    for x in t: x.join()
    os.waitpid(pid, 0)
    for s in (a, b, l, c): s.close()
    os.close(r); os.close(w)
`

// soakEnv is how long to scan, such as 30m.
const soakEnv = "IPCTOP_TEST_SOAK"

// usage are the resources of a scanner's process that must not grow.
type usage struct {
	files, threads int
	memory         uint64 // bytes in use on the heap
	machine        int    // processes on the machine: files are kept open for each
}

func (u usage) String() string {
	return fmt.Sprintf("%d files, %d threads, %d kB, %d processes on the machine", u.files, u.threads, u.memory>>10, u.machine)
}

func useNow(t *testing.T) (u usage) {
	t.Helper()
	debug.FreeOSMemory()
	for dir, n := range map[string]*int{"/proc/self/fd": &u.files, "/proc/self/task": &u.threads, "/proc": &u.machine} {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		*n = len(list)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.memory = m.HeapAlloc
	return u
}

// A scanner that scans for long, while processes, threads, sockets and namespaces come and
// go, has no more files, threads and memory at the end than after warming up. At the end
// its snapshot equals that of a new scanner.
func TestSoak(t *testing.T) {
	length := 8 * time.Second
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", soakEnv, err)
		}
	}
	run, err := testfixtures.Start(t.Context(), "pipe", "fifo", "unix", "tcp", "eventfd", "sysv-shm", "posix-shm", "futex")
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	churn := exec.Command(python, "-c", churnPython)
	churn.Stderr = os.Stderr
	churn.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	input, err := churn.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := churn.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { input.Close(); _ = churn.Wait() }
	defer end()

	scanner := repeatedScanner(t)
	scans := 0
	scanUntil := func(end time.Time) {
		for time.Now().Before(end) {
			scanWith(t, scanner)
			scans++
		}
	}
	begin := time.Now()
	scanUntil(begin.Add(length / 4))
	warm := useNow(t)
	scanUntil(begin.Add(length))
	const filesPerProcess = 12         // its directories, and files that are read in every scan
	const memoryPerProcess = 256 << 10 // with a hundred descriptors
	grown := func(late usage) bool {
		more := max(0, late.machine-warm.machine)
		return late.files > warm.files+16+filesPerProcess*more || late.threads > warm.threads+16 ||
			late.memory > warm.memory+warm.memory/2+16<<20+memoryPerProcess*uint64(more)
	}
	late := useNow(t)
	for range 5 { // the next scan drops what is cached of a process that ended between the last scan and the count
		if grown(late) {
			scanUntil(time.Now().Add(time.Millisecond))
			late = useNow(t)
		}
	}
	t.Logf("%d scans: %v, then %v", scans, warm, late)
	if grown(late) {
		t.Errorf("after %d scans: %v, when it was warm %v", scans, late, warm)
	}

	end()
	again := linesOf(scanWith(t, scanner))
	fresh := linesOf(scanWith(t, repeatedScanner(t)))
	for _, inst := range run.Instances {
		ids := []string{inst.Object}
		for _, pid := range inst.PIDs {
			ids = append(ids, fmt.Sprintf("process:%d", pid))
		}
		for _, id := range slices.Compact(ids) {
			if fresh[id] == "" || again[id] != fresh[id] {
				t.Errorf("%s %s:\n%s\na new scanner says\n%s", inst.Fixture, id, again[id], fresh[id])
			}
		}
	}
}
