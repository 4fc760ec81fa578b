package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// stormEnv makes the test scan long enough to see rare events: 60 times in 3 minutes.
const stormEnv = "IPCTOP_TEST_STORM"

// TestQuietOnHealth runs real programs, idle and under load, and scans again and again.
// Programs that work properly must have no finding worse than info. Only the programs that
// the test started count, whatever else runs on the machine.
func TestQuietOnHealth(t *testing.T) {
	skipIfLate(t)
	if testing.Short() {
		t.Skip("starts many programs")
	}
	looks, pause := 5, time.Duration(0)
	if os.Getenv(stormEnv) != "" {
		looks, pause = 30, 2500*time.Millisecond
	}
	q := &quiet{t: t, dir: shortDir(t), pause: pause, said: map[string]bool{}, pids: map[int]bool{}, scanner: probe.NewScanner(probe.Options{Probes: probes(), Helper: "/proc/self/exe", ListDirectories: true})}
	if err := os.Chmod(q.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, start := range []func(*quiet){
		(*quiet).postgres, (*quiet).nginx, (*quiet).redis, (*quiet).tmux, (*quiet).dbus, (*quiet).python, (*quiet).make, (*quiet).parallel, (*quiet).apache,
		(*quiet).pythonIdle, (*quiet).scripts, (*quiet).supervisors, (*quiet).gunicorn, (*quiet).uwsgi, (*quiet).phpFPM, (*quiet).node,
	} {
		start(q)
	}
	if len(q.running) == 0 {
		t.Skip("none of the programs is installed")
	}
	t.Logf("running: %s", strings.Join(q.running, ", "))
	// The rules about slowness consider threads that have not run for a second.
	time.Sleep(diagnose.DefaultMinAge + 500*time.Millisecond)
	defer q.log()()
	q.look("idle", looks)
	ctx, cancel := context.WithCancel(t.Context())
	defer q.load(ctx)()
	defer cancel()
	time.Sleep(500 * time.Millisecond)
	q.look("under load", looks)
}

// quiet are the programs of the test.
type quiet struct {
	t       *testing.T
	dir     string
	scanner *probe.Scanner
	pause   time.Duration // time between two samples
	running []string
	said    map[string]bool          // ids of findings that were reported
	pids    map[int]bool             // of the programs, in any sample
	apart   []int                    // processes that are not descendants of the test
	loads   []func() (argv []string) // commands that put load on them, repeated
}

// have reports whether a program is installed.
func (q *quiet) have(names ...string) bool {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			q.t.Logf("%s is not installed: left out", name)
			return false
		}
	}
	return true
}

// started records that a program runs.
func (q *quiet) started(name string) { q.running = append(q.running, name) }

// look scans and reports findings about the programs.
func (q *quiet) look(when string, times int) {
	q.t.Helper()
	for range times {
		time.Sleep(q.pause)
		snap, err := q.scanner.Scan(q.t.Context())
		if err != nil {
			q.t.Fatal(err)
		}
		diagnose.Run(snap, diagnose.Defaults())
		own := q.own(snap)
		if len(own) < len(q.running) {
			q.t.Fatalf("only %d processes for %d programs: they are not what is looked at", len(own), len(q.running))
		}
		maps.Copy(q.pids, own)
		for i := range snap.Findings {
			f := &snap.Findings[i]
			// One session does wait for a lock of another session; see [quiet.rowLock].
			if f.Severity == model.Info || f.Rule == "database-lock" || q.said[f.ID] || !slices.ContainsFunc(f.PIDs, func(pid int) bool { return own[pid] }) {
				continue
			}
			q.said[f.ID] = true
			q.t.Errorf("%s: %s %s %s: %s\n\t%+v", when, f.Severity, f.Confidence, f.ID, f.Summary, f.Evidence)
		}
	}
}

// log runs ipctop log at the same time. The returned function ends it and reports the
// critical findings about the programs.
func (q *quiet) log() (end func()) {
	ctx, cancel := context.WithCancel(q.t.Context())
	var out, errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		c := command{strings.NewReader(""), &out, &errs}
		ended <- c.main(ctx, []string{"log", "-d", "1", "-o", "jsonl", "--event", "found"})
	}()
	return func() {
		cancel()
		if status := <-ended; status != exitOK {
			q.t.Errorf("log: status %d, %s", status, errs.String())
		}
		for d := json.NewDecoder(&out); d.More(); {
			var e logRecord
			if err := d.Decode(&e); err != nil {
				q.t.Errorf("log: %v", err)
				return
			}
			critical := slices.ContainsFunc(diagnose.Rules(), func(r diagnose.Rule) bool { return r.ID == e.Kind && r.Severity == model.Critical })
			for pid := range q.pids {
				if critical && strings.Contains(e.Text, fmt.Sprintf("(%d)", pid)) {
					q.t.Errorf("log: %s, %s: %s", e.Kind, e.Who, e.Text)
					break
				}
			}
		}
	}
}

// own are the processes that the test started, and their descendants.
func (q *quiet) own(snap *model.Snapshot) map[int]bool {
	roots := append([]int{os.Getpid()}, q.apart...)
	parent := map[int]int{}
	for i := range snap.Processes {
		parent[snap.Processes[i].PID] = snap.Processes[i].PPID
	}
	own := map[int]bool{}
	for pid := range parent {
		for at, steps := pid, 0; at > 1 && steps < 100; at, steps = parent[at], steps+1 {
			if slices.Contains(roots, at) && (at != os.Getpid() || pid != at) {
				own[pid] = true
			}
		}
	}
	return own
}

// load repeats the load commands until the context ends; the returned function waits for that. They
// leave processor time to the scans, which would take ten seconds each next to a dozen busy clients.
func (q *quiet) load(ctx context.Context) (wait func()) {
	done := make(chan struct{})
	for _, argv := range q.loads {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				words := argv()
				cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10"}, words...)...)
				cmd.Dir = "/"
				if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
					q.t.Errorf("%s: %v %s", strings.Join(words, " "), err, out)
					return
				}
			}
		}()
	}
	return func() {
		for range q.loads {
			<-done
		}
	}
}

func (q *quiet) postgres() {
	if os.Geteuid() != 0 {
		q.t.Log("PostgreSQL needs a user of its own, and root to become it: left out")
		return
	}
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if len(bins) == 0 {
		q.t.Log("PostgreSQL is not installed: left out")
		return
	}
	dir := filepath.Join(q.dir, "postgres")
	if err := os.Mkdir(dir, 0o755); err != nil {
		q.t.Fatal(err)
	}
	port := startPostgres(q.t, dir, func(argv ...string) *exec.Cmd { return q.group(dir, argv...) })
	pgbench := []string{bins[len(bins)-1], "-h", filepath.Join(dir, "pg"), "-p", port, "-U", "postgres"}
	// The socket exists before the server accepts connections.
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		init := exec.Command(pgbench[0], append(pgbench[1:], "-i", "-q", "postgres")...)
		out, err := init.CombinedOutput()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			q.t.Fatalf("pgbench -i: %v %s", err, out)
		}
	}
	q.rowLock(port, filepath.Join(dir, "pg"))
	q.started("PostgreSQL")
	q.loads = append(q.loads, func() []string { return append(slices.Clone(pgbench), "-c", "8", "-j", "2", "-T", "2", "postgres") })
}

// group starts a program as the leader of a process group, which ends with the test: by
// SIGINT, because after SIGTERM PostgreSQL would wait for its clients.
func (q *quiet) group(dir string, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		q.t.Fatalf("start %s: %v", argv[0], err)
	}
	q.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		late := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		late.Stop()
	})
	return cmd
}

func (q *quiet) nginx() {
	if !q.have("nginx") {
		return
	}
	dir := filepath.Join(q.dir, "nginx")
	if err := os.Mkdir(dir, 0o755); err != nil {
		q.t.Fatal(err)
	}
	port := freePort(q.t)
	text := strings.Replace(fmt.Sprintf(nginxConfig, dir, port), "worker_connections 16", "worker_connections 1024", 1)
	writeFile(q.t, filepath.Join(dir, "conf"), text)
	startReal(q.t, "nginx", "-p", dir, "-e", filepath.Join(dir, "errors"), "-c", filepath.Join(dir, "conf"))
	pidFile(q.t, filepath.Join(dir, "pid"))
	q.started("nginx")
	q.bench(port)
}

// bench puts a web server under load.
func (q *quiet) bench(port string) {
	if q.have("ab") {
		q.loads = append(q.loads, func() []string {
			return []string{"ab", "-q", "-n", "2000", "-c", "20", "http://127.0.0.1:" + port + "/"}
		})
	}
}

func (q *quiet) redis() {
	if !q.have("redis-server", "redis-cli", "redis-benchmark") {
		return
	}
	path := filepath.Join(q.dir, "redis.sock")
	startReal(q.t, "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--daemonize", "no", "--dir", q.dir)
	waitFor(q.t, path)
	for range 3 {
		startReal(q.t, "redis-cli", "-s", path, "BLPOP", "nothing", "0")
	}
	q.started("redis")
	q.loads = append(q.loads, func() []string {
		return []string{"redis-benchmark", "-s", path, "-q", "-n", "20000", "-c", "20", "-t", "set,get"}
	})
}

func (q *quiet) tmux() {
	if !q.have("tmux") {
		return
	}
	socket := filepath.Join(q.dir, "tmux")
	tmux := func(args ...string) string {
		out, err := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
		if err != nil {
			q.t.Fatalf("tmux %v: %v %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	tmux("new-session", "-d", "cat >/dev/null")
	tmux("split-window", "-d", "cat | cat")
	q.t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
	server, err := strconv.Atoi(tmux("display-message", "-p", "#{pid}"))
	if err != nil {
		q.t.Fatal(err)
	}
	q.apart = append(q.apart, server)
	q.started("tmux")
	q.loads = append(q.loads, func() []string { return []string{"tmux", "-S", socket, "new-window", "-d", "seq 20000; sleep 0.1"} })
}

func (q *quiet) dbus() {
	if !q.have("dbus-daemon") {
		return
	}
	path, config := filepath.Join(q.dir, "bus"), filepath.Join(q.dir, "bus.conf")
	writeFile(q.t, config, fmt.Sprintf(busConfig, path, filepath.Join(q.dir, "bus.pid")))
	startReal(q.t, "dbus-daemon", "--config-file="+config, "--nofork", "--nosyslog")
	waitFor(q.t, path)
	q.started("dbus-daemon")
	if q.have("python3") {
		for range 2 {
			startReal(q.t, "python3", "-c", busClient, path).line(q.t)
		}
	}
}

func (q *quiet) python() {
	if !q.have("python3") {
		return
	}
	for _, program := range []string{poolsProgram, shapesProgram} {
		p := startReal(q.t, "python3", "-c", program)
		if line := p.line(q.t); line != "ready" {
			q.t.Fatalf("python3 says %q", line)
		}
	}
	q.started("Python's pools and healthy shapes")
}

// poolsProgram has pools of processes and threads that wait for work, and gives them some now and then.
const poolsProgram = `
import concurrent.futures, multiprocessing as mp, sys, threading, time
def work(n):
    time.sleep(n % 7 / 100)
    return bytes(100000)
if __name__ == "__main__":
    fork = mp.get_context("fork")
    pool = fork.Pool(4)
    executor = concurrent.futures.ProcessPoolExecutor(3, mp_context=fork)
    threads = concurrent.futures.ThreadPoolExecutor(3)
    manager = fork.Manager(); shared = manager.dict()
    lock, event = fork.Lock(), fork.Event()
    def use(): 
        event.wait(); 
        with lock: time.sleep(1000)
    waiting = fork.Process(target=use, daemon=True); waiting.start()
    def loop():
        while True:
            pool.map(work, range(20)); list(executor.map(work, range(10))); list(threads.map(work, range(10))); shared["n"] = time.time()
            time.sleep(2)
    threading.Thread(target=loop, daemon=True).start()
    time.sleep(1)
    print("ready", flush=True)
    sys.stdin.read()
    import os, signal
    os.killpg(0, signal.SIGKILL)
`

// shapesProgram has what looks like trouble but is not: a pipe that tells a child of its
// parent's death, a pipe of tokens, several workers at one queue, listeners that master and
// workers share, memory that is unlinked while in use, a parent that waits for a working child.
const shapesProgram = `
import ctypes, mmap, os, signal, socket, sys, tempfile, time
def child(f):
    pid = os.fork()
    if pid == 0:
        try: f()
        finally: os._exit(0)
    return pid
death, alive = os.pipe()
def watch(): os.close(alive); os.read(death, 1)
child(watch); child(watch); os.close(death)
tokens_r, tokens_w = os.pipe(); os.write(tokens_w, b"++")
def worker():
    while True:
        token = os.read(tokens_r, 1); time.sleep(0.3); os.write(tokens_w, token)
for _ in range(4): child(worker)
jobs_r, jobs_w = os.pipe()
def taker():
    os.close(jobs_w)
    while os.read(jobs_r, 8): time.sleep(0.01)
for _ in range(3): child(taker)
tcp = socket.create_server(("127.0.0.1", 0)); local = socket.socket(socket.AF_UNIX); local.bind("\0ipctop-test-%d" % os.getpid()); local.listen(5)
def accepting(s):
    while True:
        c, _ = s.accept(); c.close()
for _ in range(3): child(lambda: accepting(tcp))
child(lambda: accepting(local))
name = "/dev/shm/ipctop-test-%d" % os.getpid()
fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600); os.ftruncate(fd, 8192)
memory = mmap.mmap(fd, 8192); os.unlink(name); os.close(fd)
child(lambda: time.sleep(1000))
child(lambda: os.waitpid(child(lambda: time.sleep(1000)), 0))
a, b = socket.socketpair()
child(lambda: (a.close(), b.recv(10)))
b.close()
libc = ctypes.CDLL(None)
segment = libc.shmget(0, 4096, 0o1600); libc.shmat.restype = ctypes.c_void_p; libc.shmat(segment, None, 0); libc.shmctl(segment, 0, None)
with tempfile.TemporaryFile() as lock:
    import fcntl
    fcntl.flock(lock, fcntl.LOCK_EX)
    child(lambda: time.sleep(1000))
    fcntl.flock(lock, fcntl.LOCK_UN)
print("ready", flush=True)
sys.stdin.read()
os.killpg(0, signal.SIGKILL)
`
