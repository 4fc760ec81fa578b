package pipes

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// sleeper is a process with a pipe, whose mutex it holds while it sleeps.
type sleeper struct {
	pid  int
	ino  uint64
	wake func() // ends it
}

func startSleeper(t *testing.T, how, wchan string) *sleeper {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), sleeperEnv+"="+how)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &sleeper{pid: cmd.Process.Pid}
	s.wake = sync.OnceFunc(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the sleeper: %v", err)
		}
	})
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if s.ino, err = strconv.ParseUint(strings.TrimSpace(line), 10, 64); err != nil {
		stdin.Close()
		_ = cmd.Wait()
		t.Skipf("cannot be made here: %s", line)
	}
	t.Cleanup(s.wake)
	within(t, 5*time.Second, "asleep in "+wchan, func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", s.pid))
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && string(b) == "0" {
				continue
			} else if err == nil && strings.HasPrefix(string(b), wchan) {
				return true
			}
		}
		return false
	})
	return s
}

func within(t *testing.T, d time.Duration, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// question is about the sleeper's pipe; the sleeper holds both ends.
func (s *sleeper) question(t *testing.T) pipeQuestion {
	t.Helper()
	q := pipeQuestion{num: s.ino}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.pid))
	for _, l := range links {
		if to, _ := os.Readlink(l); to == fmt.Sprintf("pipe:[%d]", s.ino) {
			fd, _ := strconv.Atoi(filepath.Base(l))
			q.holders = append(q.holders, descriptor{int32(s.pid), int32(fd)})
		}
	}
	if len(q.holders) == 0 {
		t.Fatalf("process %d does not hold pipe %d", s.pid, s.ino)
	}
	return q
}

// ownPipe is a pipe of the test's with three bytes in it.
func ownPipe(t *testing.T) (ino uint64, fd int) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]); _ = unix.Close(fds[1]) })
	if _, err := unix.Write(fds[1], []byte("abc")); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fds[0], &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino, fds[0]
}

// stuckThreads counts the test's threads that no signal can reach.
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

var sleepers = []struct{ how, wchan string }{{"splice", "unix_stream_data_wait"}, {"userfaultfd", "handle_userfault"}}

// If a thread sleeps while it holds a pipe's mutex, that is noticed, and the pipe is not asked.
func TestBusyPipeIsNotAsked(t *testing.T) {
	for _, c := range sleepers {
		t.Run(c.how, func(t *testing.T) {
			wchan := c.wchan
			if c.how == "splice" {
				wchan = "unix_stream" // the kernel may have inlined the wait
			}
			scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{Pipe()}})
			s := startSleeper(t, c.how, wchan)
			own, _ := ownPipe(t)
			snap := scanPipes(t, scanner)
			if d := quickest(t, scanner); d > guard.Deadline*4/5 {
				t.Errorf("it takes %v to ask the pipes", d)
			}
			if n := stuckThreads(); n != 0 {
				t.Errorf("%d threads are stuck", n)
			}
			checkHung(t, snap, s.ino, "may hold the pipe's mutex")
			checkAsked(t, snap, own)
			s.wake()
		})
	}
}

// quickest is how long it takes to ask the pipes when no other process wants
// the processor.
func quickest(t *testing.T, scanner *probe.Scanner) time.Duration {
	t.Helper()
	least := time.Hour
	for range 5 {
		least = min(least, time.Duration(scanPipes(t, scanner).Scan.Probes["pipe"].Duration))
		if least < guard.Deadline/2 {
			break
		}
	}
	return least
}

func scanPipes(t *testing.T, scanner *probe.Scanner) *model.Snapshot {
	t.Helper()
	snap := probetest.Again(t, scanner)
	return snap
}

func pipeOf(t *testing.T, snap *model.Snapshot, ino uint64) *model.Object {
	t.Helper()
	for i := range snap.Objects {
		if o := snap.Objects[i]; o.ID == fmt.Sprintf("pipe:%d", ino) {
			return o
		}
	}
	t.Fatalf("pipe:%d is not in the snapshot", ino)
	return nil
}

// checkHung checks that the pipe is there with its holders, and that there is a gap for its fill.
func checkHung(t *testing.T, snap *model.Snapshot, ino uint64, why string) {
	t.Helper()
	o := pipeOf(t, snap, ino)
	if d := o.Detail.(*model.PipeDetail); d.Queued.Known() || o.Fill.Known() || len(o.Holders) < 2 {
		t.Errorf("got %+v with %+v", o, d)
	}
	for _, g := range snap.Gaps {
		if g.Object == o.ID && g.Reason == model.Timeout && strings.Contains(g.Detail, why) {
			return
		}
	}
	t.Errorf("no gap says %q: %+v", why, snap.Gaps)
}

func checkAsked(t *testing.T, snap *model.Snapshot, ino uint64) {
	t.Helper()
	if d := pipeOf(t, snap, ino).Detail.(*model.PipeDetail); d.Queued.Or(-1) != 3 {
		t.Errorf("a pipe with three bytes: %+v", d)
	}
}

// rashPipe reads pipes as [Pipe] does, but asks all of them.
func rashPipe() probe.Probe {
	helper := new(helperCache)
	p := pipe(helper)
	p.Complete = func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
		f := &pipeFills{index: idx, out: out, helper: helper}
		for _, e := range idx.In(Space) {
			if idx.Skips(e, fillOp) {
				f.settle(e, pipeAnswer{}, guard.ErrGivenUp)
				continue
			}
			f.questions, f.asked = append(f.questions, newPipeQuestion(idx, e, new([]descriptor))), append(f.asked, e)
		}
		if !f.askHelper(ctx) {
			f.askHere(ctx)
		}
	}
	return p
}

// If asking gets stuck nevertheless, that costs the deadline once; then the
// pipe is skipped. With a helper process, no thread of ipctop is stuck.
func TestPipeThatHangsIsGivenUp(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, aside := range []string{"", exe} {
		t.Run("aside="+filepath.Base(aside), func(t *testing.T) {
			scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{rashPipe()}, Helper: aside})
			s := startSleeper(t, "splice", "unix_stream")
			own, _ := ownPipe(t)
			begin := time.Now()
			snap := scanPipes(t, scanner)
			if d := time.Since(begin); d < guard.Deadline {
				t.Errorf("was not given the time to answer: %v", d)
			}
			for range 2 {
				checkHung(t, snap, s.ino, "skipped")
				checkAsked(t, snap, own)
				if n := stuckThreads(); aside != "" && n != 0 || aside == "" && n != 1 {
					t.Errorf("%d threads of this process are stuck", n)
				}
				snap = scanPipes(t, scanner)
			}
			if d := quickest(t, scanner); d > guard.Deadline*4/5 {
				t.Errorf("it takes %v to ask the pipes the next time", d)
			}
			s.wake()
			within(t, 5*time.Second, "unstuck", func() bool { return stuckThreads() == 0 })
		})
	}
}

// The helper process answers what can be answered, and reports what got stuck.
// No process waits for its end.
func TestHelper(t *testing.T) {
	s := startSleeper(t, "splice", "unix_stream")
	own, fd := ownPipe(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h, err := startHelper(exe)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]pipeAnswer{}
	h.ask(t.Context(), []pipeQuestion{
		s.question(t),
		{num: own, holders: []descriptor{{int32(os.Getpid()), 9999}, {int32(os.Getpid()), int32(fd)}}},
		{num: own + 1, holders: []descriptor{{int32(os.Getpid()), int32(fd)}}},
	}, func(i int, answer pipeAnswer) { got[i] = answer })
	if len(got) != 3 || got[0].status != statusStuck || got[1].err() != nil || got[1].queued != 3 || got[1].capacity < 4096 ||
		got[2].status != int32(unix.EBADF) {
		t.Errorf("answers %+v", got)
	}
	back := make(chan struct{})
	h.whenGone(func() { close(back) })
	h.end()
	select {
	case <-back:
		t.Error("the process has ended, so it was not stuck")
	case <-time.After(100 * time.Millisecond):
	}
	s.wake()
	select {
	case <-back:
	case <-time.After(5 * time.Second):
		t.Error("the process does not end although nothing holds it")
	}
}

// However many pipes of one user hang, the pipes of other users are asked.
func TestHelperAsksOthers(t *testing.T) {
	var questions []pipeQuestion
	for range 6 {
		q := startSleeper(t, "splice", "unix_stream").question(t)
		q.owner = guard.Owner{UID: 4242}
		questions = append(questions, q)
	}
	ino, fd := ownPipe(t)
	child := exec.Command("sleep", "600") // its pid is higher than theirs, so it is asked last
	child.Stdin = os.NewFile(uintptr(dup(t, fd)), "pipe")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	questions = append(questions, pipeQuestion{num: ino, owner: guard.Owner{UID: 4243}, holders: []descriptor{{int32(child.Process.Pid), 0}}})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h, err := startHelper(exe)
	if err != nil {
		t.Fatal(err)
	}
	h.whenGone(func() {}) // the test does not wait for its end
	defer h.end()
	got := map[int]pipeAnswer{}
	h.ask(t.Context(), questions, func(i int, answer pipeAnswer) { got[i] = answer })
	if last := got[6]; len(got) != 7 || last.err() != nil || last.queued != 3 {
		t.Errorf("answers %+v", got)
	}
	if i, j := got[0].status, got[5].status; i != statusStuck || j != statusSkipped {
		t.Errorf("of the pipes that hang the first and last: %d, %d", i, j)
	}
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPipesInCall(t *testing.T) {
	for text, want := range map[string]string{
		fmt.Sprintf("%d 0x1 0x7ff 0x64 0x0 0x0 0x0 0x7ff 0x7f", unix.SYS_WRITE):     "[{1 true}]",
		fmt.Sprintf("%d 0x3 0x0 0x5 0x0 0x64 0x0 0x7ff 0x7f", unix.SYS_SPLICE):      "[{3 false} {5 true}]",
		fmt.Sprintf("%d 0xffffffff 0x0 0x5 0x0 0x64 0x0 0x7ff 0x7f", unix.SYS_TEE):  "[{-1 false} {0 true}]",
		fmt.Sprintf("%d 0x3 0x0 0x5 0x0 0x64 0x0 0x7ff 0x7f", unix.SYS_EPOLL_PWAIT): "[]",
		"running\n": "[]", "-1 0x0 0x0\n": "[]", "": "[]", "x 1 2 3 4 5 6 7 8": "[]",
	} {
		if got := fmt.Sprint(pipesInCall([]byte(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := string(proc.PlainSymbol([]byte("pipe_wait.constprop.0"))); got != "pipe_wait" {
		t.Error(got)
	}
}

// TestHelperStays: a scanner uses one helper for pipes and FIFOs, and the same one when it
// scans again. It starts another one if the helper was ended, and ends it when it is
// closed.
func TestHelperStays(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own, _ := ownPipe(t)
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	scanner := probe.NewScanner(probe.Options{Probes: Probes(), Helper: exe, Repeated: true})
	defer scanner.Close()
	asides := func() []int {
		var pids []int
		var children []byte
		tasks, _ := filepath.Glob("/proc/self/task/*/children")
		if len(tasks) == 0 {
			t.Skip("this kernel does not list children")
		}
		for _, name := range tasks {
			more, _ := os.ReadFile(name)
			children = append(append(children, ' '), more...)
		}
		for _, f := range strings.Fields(string(children)) {
			line, _ := os.ReadFile("/proc/" + f + "/cmdline")
			if pid, err := strconv.Atoi(f); err == nil && strings.HasPrefix(string(line), "ipctop-helper") && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
		return pids
	}
	snap := scanPipes(t, scanner)
	checkAsked(t, snap, own)
	if !slices.ContainsFunc(snap.Objects, func(o *model.Object) bool {
		d, ok := o.Detail.(*model.PipeDetail)
		return ok && o.Name == name && d.Queued.Known()
	}) {
		t.Error("the FIFO was not asked")
	}
	first := asides()
	checkAsked(t, scanPipes(t, scanner), own)
	if again := asides(); len(first) != 1 || !slices.Equal(first, again) {
		t.Fatalf("asked by processes %v, then by %v", first, again)
	}
	if err := unix.Kill(first[0], unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	checkAsked(t, scanPipes(t, scanner), own)
	within(t, 5*time.Second, "replaced", func() bool { now := asides(); return len(now) == 1 && now[0] != first[0] })
	scanner.Close()
	within(t, 5*time.Second, "ended", func() bool { return len(asides()) == 0 })
}
