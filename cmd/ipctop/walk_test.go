//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// pythonWalker does one thing for each line it reads, "NAME NUMBER", and sleeps in between.
// The number chooses which of its descriptors or children is concerned.
const pythonWalker = `
import ctypes, fcntl, mmap, os, select, signal, socket, sys, tempfile, threading
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
shared = [int(a) for a in sys.argv[2:]] # pipe read, pipe write, stream, datagram
fds, maps, children, threads = list(shared), [], [], []
own = os.path.join(sys.argv[1], str(os.getpid()))
def stopped(r):
    os.read(r, 1)
def alone(r): # with a descriptor table of its own
    libc.unshare(0x400)
    os.pipe()
    os.read(r, 1)
def namespace(r):
    libc.unshare(0x40000000)
    socket.socket(socket.AF_UNIX).detach()
    os.read(r, 1)
def child(then):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc.prctl(1, 9, 0, 0, 0) # ends with its parent
        os.close(w)
        os.read(r, 1)
        then()
        os.read(r, 1)
        os._exit(0)
    os.close(r)
    children.append((pid, w))
def thread(what):
    r, w = os.pipe()
    t = threading.Thread(target=what, args=(r,), daemon=True)
    t.start()
    threads.append((t, r, w))
def quick(fd):
    try:
        os.write(fd, b"x" * 10)
    except OSError:
        pass
def do(word, n):
    fd = fds[n % len(fds)] if fds else -1
    if len(fds) > 60 and word not in ("close", "read", "write"):
        word = "close"
    if len(children) > 12 and word.startswith("fork"):
        word = "reap"
    if len(threads) > 12 and word == "thread":
        word = "join"
    if word == "pipe":
        fds.extend(os.pipe2(os.O_NONBLOCK))
    elif word == "socketpair":
        kind = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)[n % 3]
        fds.extend(s.detach() for s in socket.socketpair(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK))
    elif word == "bind":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        s.bind(own + "." + str(n))
        fds.append(s.detach())
    elif word == "sendto": # to whoever has bound a path
        names = sorted(os.listdir(sys.argv[1]))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
            s.sendto(b"hello", os.path.join(sys.argv[1], names[n % len(names)]))
    elif word == "listen":
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(2)
        a = socket.create_connection(s.getsockname())
        fds.extend([s.detach(), a.detach()])
    elif word == "eventfd":
        fds.append(libc.eventfd(3, 0o4000))
    elif word == "epoll":
        p = select.epoll()
        p.register(fd)
        fds.append(os.dup(p.fileno()))
        p.close()
    elif word == "file":
        fds.append(os.open(own + ".file", os.O_RDWR | os.O_CREAT))
    elif word == "memfd":
        fds.append(os.memfd_create("walk"))
        os.write(fds[-1], b"x" * (n % 9000))
    elif word == "fifo":
        if not os.path.exists(own + ".fifo"):
            os.mkfifo(own + ".fifo")
        fds.append(os.open(own + ".fifo", os.O_RDWR | os.O_NONBLOCK))
    elif word == "rename":
        os.rename(own + ".fifo", own + ".fifo" + str(n))
    elif word == "dup":
        fds.append(os.dup(fd))
    elif word == "close":
        fds.remove(fd)
        os.close(fd)
    elif word == "replace": # the same number, another open file description
        r, w = os.pipe2(os.O_NONBLOCK)
        os.dup2(r, fd)
        os.close(r)
        fds.append(w)
    elif word == "reopen": # the same number and file, another open file description
        again = os.open("/proc/self/fd/%d" % fd, os.O_RDWR | os.O_NONBLOCK)
        os.dup2(again, fd)
        os.close(again)
    elif word == "write":
        os.set_blocking(fd, False)
        os.write(fd, b"x" * 8 if n % 2 else b"\1" + bytes(7))
    elif word == "read":
        os.set_blocking(fd, False)
        os.read(fd, 8)
    elif word == "size":
        fcntl.fcntl(fd, 1031, 4096 << n % 5)
    elif word == "send": # a descriptor
        with socket.socket(fileno=os.dup(shared[2 + n % 2])) as s:
            s.setblocking(False)
            socket.send_fds(s, [b"f"], [fd])
    elif word == "receive":
        with socket.socket(fileno=os.dup(shared[2 + n % 2])) as s:
            s.setblocking(False)
            fds.extend(socket.recv_fds(s, 8, 4)[1])
    elif word == "shutdown":
        with socket.socket(fileno=os.dup(fd)) as s:
            s.shutdown(n % 3)
    elif word == "flock":
        fcntl.flock(fd, fcntl.LOCK_NB | (fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_UN)[n % 3])
    elif word == "lockf":
        fcntl.lockf(fd, fcntl.LOCK_NB | (fcntl.LOCK_EX, fcntl.LOCK_UN)[n % 2], 10, n % 50)
    elif word == "map":
        maps.append(mmap.mmap(-1, 8192 * (1 + n % 3)))
        if n % 2:
            maps[-1][0] = 1
    elif word == "mapfile":
        maps.append(mmap.mmap(fd, 4096))
    elif word == "unmap":
        maps.pop(n % len(maps)).close()
    elif word == "touch":
        maps[n % len(maps)][4096] = 1
    elif word == "fork":
        child(lambda: None)
    elif word == "forkpipe": # does more when it is told to
        child(lambda: os.pipe())
    elif word == "forkexec":
        for f in fds[:3]:
            os.set_inheritable(f, True)
        child(lambda: os.execvp("sleep", ["sleep", "1000"]))
    elif word == "forkwrite": # and has ended when anybody looks
        pid = os.fork()
        if pid == 0:
            quick(fd)
            os._exit(0)
        os.waitpid(pid, 0)
    elif word == "tell":
        os.write(children[n % len(children)][1], b"x")
    elif word == "reap":
        pid, w = children.pop(n % len(children))
        os.close(w)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    elif word == "zombie":
        pid, w = children.pop(n % len(children))
        os.close(w)
        os.kill(pid, 9)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    elif word == "thread":
        thread((stopped, alone, namespace)[n % 3])
    elif word == "join":
        t, r, w = threads.pop(n % len(threads))
        os.write(w, b"x")
        t.join()
        os.close(r)
        os.close(w)
    elif word == "unshare":
        libc.unshare((0x40000000, 0x08000000)[n % 2]) # net, ipc
    elif word == "chdir":
        os.chdir(("/", "/tmp", sys.argv[1])[n % 3])
    elif word == "name":
        libc.prctl(15, b"walker%d" % (n % 7), 0, 0, 0)
    elif word == "group":
        os.setpgid(children[n % len(children)][0], 0)
print("ready", flush=True)
while True:
    line = b""
    while not line.endswith(b"\n"):
        c = os.read(0, 1)
        if not c:
            sys.exit()
        line += c
    word, n = line.decode().split()
    try:
        do(word, int(n))
        print("done", flush=True)
    except Exception as e:
        print("not done:", repr(e), flush=True)
`

// walkWords are what a walker can do; some occur twice, to be done more often.
var walkWords = strings.Fields(`pipe pipe socketpair socketpair bind sendto listen eventfd eventfd epoll file memfd fifo rename dup dup close close
	close replace reopen reopen write write write read read size send receive shutdown flock flock lockf map map mapfile unmap touch fork forkpipe forkexec
	forkwrite tell tell reap zombie thread thread join unshare chdir name group kill`)

// walkers are processes that change their descriptors, and share some of them.
type walkers struct {
	t    *testing.T
	list []*interactive

	last     *model.Snapshot
	lastText string
	passing  bool // another process had one of their descriptors, perhaps for a moment
	cut      bool // a new scanner did not compare all descriptors of an object that many have
}

// text is everything that a snapshot says of objects.
func (w *walkers) text(snap *model.Snapshot) string {
	if snap == nil {
		return ""
	}
	return string(model.AppendJSON(nil, &model.Snapshot{Objects: snap.Objects}))
}

func startWalkers(t *testing.T, dir string, n int) *walkers {
	t.Helper()
	var shared [4][2]int // pipe, pipe, stream, datagram
	for i := range shared {
		var err error
		if shared[i], err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM<<(i&1)|unix.SOCK_CLOEXEC, 0); i < 2 {
			_ = unix.Close(shared[i][0])
			_ = unix.Close(shared[i][1])
			err = unix.Pipe2(shared[i][:], unix.O_CLOEXEC)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// With two walkers, each has one end of everything; a third has the ends of the first.
	ends := [2][4]int{{shared[0][0], shared[1][1], shared[2][0], shared[3][0]}, {shared[1][0], shared[0][1], shared[2][1], shared[3][1]}}
	w := &walkers{t: t}
	for i := range n {
		args := []string{"-c", pythonWalker, dir}
		cmd := exec.Command("python3")
		for n, end := range ends[i%2] {
			fd, err := unix.FcntlInt(uintptr(end), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), ""))
			args = append(args, strconv.Itoa(3+n))
		}
		cmd.Args, cmd.Stderr = append(cmd.Args, args...), os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		for _, f := range cmd.ExtraFiles {
			f.Close()
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		h := &interactive{t, cmd.Process.Pid, in, bufio.NewReader(out)}
		h.readLine()
		w.list = append(w.list, h)
	}
	for _, pair := range shared {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
	}
	return w
}

// pids are the walkers and their children.
func (w *walkers) pids() []int {
	var pids []int
	for _, h := range w.list {
		pids = append(pids, h.pid)
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", h.pid))
		for _, name := range tasks {
			text, _ := os.ReadFile(name)
			for _, f := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(f); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	slices.Sort(pids)
	return pids
}

// settle waits until all of them sleep or have ended.
func (w *walkers) settle() {
	w.t.Helper()
	for range 5000 {
		asleep := true
		for _, pid := range w.pids() {
			tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
			for _, name := range tasks {
				b, _ := os.ReadFile(name)
				_, rest, _ := strings.Cut(string(b), ") ")
				asleep = asleep && (strings.HasPrefix(rest, "S") || strings.HasPrefix(rest, "Z"))
			}
		}
		if asleep {
			return
		}
		unix.Select(0, nil, nil, nil, &unix.Timeval{Usec: 1000})
	}
	w.t.Skip("they do not come to rest")
}

// view is what a snapshot shows of them: each process, and each object that only they, and
// the test, hold.
//
// others are the holders because of which an object was left out.
func (w *walkers) view(snap *model.Snapshot) (list []string, others []model.Holder) {
	own := map[int32]bool{}
	for _, pid := range w.pids() {
		own[int32(pid)] = true
	}
	lines := linesOf(snap)
	for pid := range own {
		list = append(list, lines[fmt.Sprintf("process:%d", pid)])
	}
	has := func(h model.Holder) bool { return own[h.PID] }
	other := func(h model.Holder) bool { return !own[h.PID] && int(h.PID) != os.Getpid() }
	for i := range snap.Objects {
		o := snap.Objects[i]
		switch i := slices.IndexFunc(o.Holders, other); {
		case !slices.ContainsFunc(o.Holders, has):
		case i >= 0:
			others = append(others, o.Holders[i])
		default:
			list = append(list, countedEnds.ReplaceAllString(lines[o.ID], ""))
		}
	}
	slices.Sort(list)
	return list, others
}

// countedEnds matches the kernel's counts of a pipe's ends, which only eBPF shows.
var countedEnds = regexp.MustCompile(`,"readers":\d+|,"writers":\d+`)

// compared are lines without the results of comparing descriptors, for objects with so many
// descriptors that a new scanner may not have compared all of them. A scanner that scanned
// when there were fewer, or that used the eBPF source, knows more.
func (w *walkers) compared(list []string) []string {
	if !w.cut {
		return list
	}
	list = slices.Clone(list)
	for i, line := range list {
		if strings.Count(line, `"fd":`) > kcmp.MaxSorted {
			list[i] = descriptions.ReplaceAllString(line, "")
		}
	}
	return list
}

// descriptions says which holders share an open file description.
var descriptions = regexp.MustCompile(`,"ofd":"\d+\.\d+"`)

// compare compares the snapshots of scanners that have scanned before with that of a new one.
func (w *walkers) compare(again ...*probe.Scanner) (more, less []string) {
	w.t.Helper()
	for tries := range 20 {
		w.settle()
		snap := scanWith(w.t, again[0])
		if text := w.text(w.last); text != w.lastText {
			w.t.Fatalf("a snapshot was changed by the next scan: it was\n%s\nand is\n%s", w.lastText, text)
		}
		w.last, w.lastText = snap, w.text(snap)
		got, others := w.view(snap)
		fresh := func() []string {
			snap := scanWith(w.t, probe.NewScanner(probe.Options{Probes: probes()}))
			list, others := w.view(snap)
			w.passing = w.passing || len(others) > 0
			w.cut = slices.ContainsFunc(snap.Gaps, func(g model.Gap) bool { return g.Op == "compare descriptors" && g.Reason == model.Truncated })
			return w.compared(list)
		}
		w.passing = len(others) > 0
		want := fresh()
		for _, other := range again[1:] {
			if slices.Equal(w.compared(got), want) {
				got, others = w.view(scanWith(w.t, other))
				w.passing = w.passing || len(others) > 0
			}
		}
		if got = w.compared(got); slices.Equal(got, want) {
			return nil, nil
		}
		if other := fresh(); slices.Equal(other, want) { // otherwise the walkers are not at rest yet
			missing := func(from, in []string) []string {
				return slices.DeleteFunc(slices.Clone(from), func(line string) bool { return slices.Contains(in, line) })
			}
			more, less = missing(got, want), missing(want, got)
			// Another ipctop, perhaps one started by a test of another package, has a duplicate for a moment.
			if w.passing && tries < 19 {
				continue
			}
			// TCP takes some time to end a connection.
			if tries == 19 || slices.ContainsFunc(append(less, more...), func(line string) bool { return !strings.Contains(line, `"kind":"tcp"`) }) {
				for _, h := range others {
					more = append(more, fmt.Sprintf("(and something that %s(%d) has as well)", h.Comm, h.PID))
				}
				return more, less
			}
		}
	}
	w.t.Skip("the machine does not come to rest")
	return nil, nil
}

// A scanner that scans again shows the same as a new one, whatever processes do in between.
func TestScanAgainWalk(t *testing.T) {
	skipIfLate(t)
	operations, each := 200, 8
	if os.Getenv(stormEnv) != "" {
		operations, each = 10000, 3
	} else if !apartIfCan(t) { // each step must be repeated while other processes examine the walkers
		return
	}
	seed := rand.Uint64()
	if text := os.Getenv("IPCTOP_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("IPCTOP_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := startWalkers(t, t.TempDir(), 3)
	// One process does nothing: whether the others stand still between two scans is chance.
	idle := exec.Command("sleep", "100000")
	if err := idle.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = idle.Process.Kill(); _ = idle.Wait() }()
	again := repeatedScanner(t)
	// This one reads everything again each time, and compares it with what is cached.
	checking := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Check: 1})
	defer checking.Close()
	scanners := []*probe.Scanner{again}
	if _, err := openSource(); err == nil {
		source := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Source: openSource})
		defer source.Close()
		scanners = append(scanners, source)
	}
	var done []string
	worked, kept, told := map[string]int{}, 0, 0
	for n := 0; n < operations; {
		for range 1 + random.IntN(2*each-1) {
			word, who, number := walkWords[random.IntN(len(walkWords))], w.list[random.IntN(len(w.list))], random.IntN(1000)
			answer := ""
			if word == "kill" {
				answer = fmt.Sprint("done ", unix.Kill(who.pid, unix.SIGUSR1))
			} else {
				answer = who.do(fmt.Sprint(word, " ", number))
			}
			done = append(done, fmt.Sprintf("%d %s %d: %s", who.pid, word, number, answer))
			if strings.HasPrefix(answer, "done") {
				worked[word]++
			}
			n++
		}
		if more, less := w.compare(scanners...); len(more)+len(less) > 0 {
			t.Fatalf("after %d operations, the last of which were\n%s\nthe scanner that scanned before says\n%s\nand one that did not says\n%s\ngaps of the first: %+v",
				n, strings.Join(done[max(0, len(done)-20):], "\n"), strings.Join(more, "\n"), strings.Join(less, "\n"), w.last.Gaps)
		}
		checked := scanWith(t, checking)
		for _, g := range checked.Gaps {
			if g.Op == "check" {
				who := slices.IndexFunc(checked.Processes, func(p *model.Process) bool { return p.PID == g.PID })
				t.Errorf("after %s: %+v: %+v", done[len(done)-1], g, checked.Processes[who])
			}
		}
		if again.Cached(idle.Process.Pid) {
			kept++
		}
		if n/1000 > told {
			told = n / 1000
			t.Logf("%d operations", n)
		}
	}
	for _, word := range walkWords {
		if worked[word] == 0 && operations > 1000 && word != "unshare" {
			t.Errorf("%s never worked", word)
		}
	}
	if kept == 0 {
		t.Error("nothing was taken from an earlier scan")
	}
}
