package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// crowdEnv makes the test binary a process that has very many objects of one sort. Its
// value is which, how many, and a directory for files.
const crowdEnv = "IPCTOP_TEST_CROWD"

func crowd(text string) {
	word := strings.Split(text, ":")
	n, _ := strconv.Atoi(word[1])
	limit := unix.Rlimit{Cur: uint64(3*n + 1000), Max: uint64(3*n + 1000)}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) != nil && unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	makers := map[string]func(n int, dir string) error{"locks": crowdLocks, "lock": crowdWaiters, "watches": crowdWatches, "flight": crowdFlight}
	if err := makers[word[0]](n, word[2]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = unix.Read(0, make([]byte, 1))
	os.Exit(0)
}

const crowdFile = "locked"

// crowdLocks locks every other byte of a file.
func crowdLocks(n int, dir string) error {
	fd, err := unix.Open(filepath.Join(dir, crowdFile), unix.O_RDWR|unix.O_CREAT, 0o600)
	for i := 0; i < n && err == nil; i++ {
		err = unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: int64(2 * i), Len: 1})
	}
	return err
}

// crowdWaiters has n threads wait for all of these locks.
func crowdWaiters(n int, dir string) error {
	fd, err := unix.Open(filepath.Join(dir, crowdFile), unix.O_RDWR, 0)
	for i := 0; i < n && err == nil; i++ {
		go func() {
			err := unix.EINTR
			for errors.Is(err, unix.EINTR) {
				err, _ = unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK}).(unix.Errno)
			}
		}()
	}
	return err
}

// crowdWatches has one epoll instance watch many eventfds, which have no inodes of their own.
func crowdWatches(n int, _ string) error {
	ep, err := unix.EpollCreate1(0)
	for i := 0; i < n && err == nil; i++ {
		var fd int
		if fd, err = unix.Eventfd(0, 0); err == nil {
			err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
		}
	}
	return err
}

// crowdFlight has many descriptors in flight, each in its own message.
func crowdFlight(n int, _ string) error {
	for i := 0; i < n; i++ {
		s, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		var p [2]int
		if err := unix.Pipe(p[:]); err != nil {
			return err
		}
		if err := unix.Sendmsg(s[0], []byte("x"), unix.UnixRights(p[0]), nil, 0); err != nil {
			return err
		}
		unix.Close(p[0])
	}
	return nil
}

// startCrowd starts a process that has n objects of one sort.
func startCrowd(t *testing.T, what string, n int, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(testProgram(t))
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%d:%s", crowdEnv, what, n, dir))
	cmd.Stderr = os.Stderr
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
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Skipf("%s%v", line, err)
	}
	return cmd
}

// crowdSize is how many objects a test makes: enough to notice a cost that grows faster
// than the number, or the full number if the storms are on.
func crowdSize(small, full int) int {
	if os.Getenv("IPCTOP_TEST_STORM") != "" {
		return full
	}
	return small
}

// The cost of explaining a lock that waits for very many others is proportional to their
// number: one process holds them all, so there is one step, and the reasons are counted once.
func TestManyLocksOnOneFile(t *testing.T) {
	dir := t.TempDir()
	n := crowdSize(3000, 20000)
	holder := startCrowd(t, "locks", n, dir)
	waiter := startCrowd(t, "lock", 1, dir)
	await(t, "the waiter is blocked", func() bool {
		text, _ := os.ReadFile("/proc/locks")
		return strings.Contains(string(text), fmt.Sprintf("-> POSIX  ADVISORY  WRITE %d ", waiter.Process.Pid))
	})
	status, out, stderr := run(t, "", "why", strconv.Itoa(waiter.Process.Pid))
	if status != exitOK || !strings.Contains(out, strconv.Itoa(holder.Process.Pid)) {
		t.Errorf("status %d, stderr %s, output %.1000s", status, stderr, out)
	}
	snap := scanNow(t)
	g := graph.New(model.NewIndex(snap))
	for i := range snap.Waits {
		if w := &snap.Waits[i]; w.PID == waiter.Process.Pid {
			if clauses := g.Clauses(w); len(clauses) != 1 {
				t.Errorf("%d clauses for %d locks of one process", len(clauses), n)
			}
		}
	}
}

// Very many waiters, each for very many locks: the cost is proportional to the sum of both, not
// to the product, and entries that are not listed are mentioned.
func TestManyWaitersForManyLocks(t *testing.T) {
	dir := t.TempDir()
	locks, waiters := crowdSize(2500, 20000), crowdSize(400, 1000)
	holder := startCrowd(t, "locks", locks, dir)
	waiter := startCrowd(t, "lock", waiters, dir)
	await(t, "all wait", func() bool {
		text, _ := os.ReadFile("/proc/locks")
		return strings.Count(string(text), fmt.Sprintf("-> POSIX  ADVISORY  WRITE %d ", waiter.Process.Pid)) == waiters
	})
	snap := scanNow(t)
	told := func() bool {
		return slices.ContainsFunc(snap.Gaps, func(g model.Gap) bool { return g.Op == "compare locks" && g.Count == waiters })
	}
	for range 4 { // on a busy machine one scan may not be enough
		if !told() {
			snap = scanNow(t)
		}
	}
	blocked, listed := 0, 0
	for i := range snap.Waits {
		w := snap.Waits[i]
		if w.PID != waiter.Process.Pid || w.Call != "fcntl" {
			continue
		}
		blocked++
		if len(w.Clauses) != 1 || len(w.Blockers) != 1 || w.Blockers[0].PID != holder.Process.Pid {
			t.Fatalf("a thread that waits for locks of one process has the clauses %v and blockers %v", w.Clauses, w.Blockers)
		}
	}
	for _, o := range snap.Objects {
		d, ok := o.Detail.(*model.FileDetail)
		if !ok || o.Name != filepath.Join(dir, crowdFile) {
			continue
		}
		for _, l := range d.Locks {
			listed += len(l.BlockedOn)
			if l.Blocked && !slices.Equal(l.BlockedBy, []int{holder.Process.Pid}) {
				t.Fatalf("%+v", l)
			}
		}
	}
	if blocked != waiters || listed == 0 || listed > 256*(locks+waiters) {
		t.Errorf("%d threads wait, for %d locks by what is listed", blocked, listed)
	}
	if !told() {
		t.Error("it is not said that not all is listed")
	}
}

// An epoll instance with very many watches is not asked about each: the kernel goes through
// all of them for every question.
func TestManyWatchesOfOneEpoll(t *testing.T) {
	const n = 6000
	holder := startCrowd(t, "watches", n, "-")
	snap := scanNow(t)
	named, watches := 0, 0
	for i := range snap.Objects {
		d, ok := snap.Objects[i].Detail.(*model.EpollDetail)
		if !ok || len(snap.Objects[i].Holders) == 0 || int(snap.Objects[i].Holders[0].PID) != holder.Process.Pid || len(d.Watches) < n {
			continue
		}
		watches = len(d.Watches)
		for _, w := range d.Watches {
			if w.Object != "" {
				named++
			}
		}
	}
	left := 0
	for _, g := range snap.Gaps {
		if g.Op == "compare watches" && g.Reason == model.Truncated {
			left += g.Count
		}
	}
	if watches != n || named == 0 || named == n || named+left != n {
		t.Errorf("%d watches, of which %d are named and %d are said to be left out", watches, named, left)
	}
}

func scanNow(t *testing.T) *model.Snapshot {
	t.Helper()
	snap, err := scanMachine(t.Context(), &options{procRoot: "/proc", ages: diagnose.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// await waits until a condition is true.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after 20 s: %s", what)
		}
	}
}

// Very many descriptors in flight are counted, each at its socket, and lower the confidence
// of findings about their pipes.
func TestManyInFlight(t *testing.T) {
	n := crowdSize(100, 500)
	cmd := startCrowd(t, "flight", n, t.TempDir())
	snap := scanNow(t)
	inFlight, pipes := 0, 0
	for i := range snap.Objects {
		o := snap.Objects[i]
		if !slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == cmd.Process.Pid }) {
			continue
		}
		switch d := o.Detail.(type) {
		case *model.UnixDetail:
			inFlight += int(d.InflightFDs.Or(0))
		case *model.PipeDetail:
			if len(o.Holders) == 1 && o.Holders[0].Access == model.Write {
				pipes++
				if o.HoldersComplete {
					t.Fatalf("%s has all its holders, although its read end is in flight", o.ID)
				}
			}
		}
	}
	if inFlight != n || pipes < n {
		t.Errorf("%d descriptors in flight and %d pipes, not %d", inFlight, pipes, n)
	}
}
