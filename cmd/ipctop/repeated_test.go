//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/testfixtures"
)

// A scanner that scans again reuses what cannot have changed. Its snapshot equals that of a new scanner.
func TestScanAgain(t *testing.T) {
	skipIfLate(t)
	var names []string
	for _, f := range testfixtures.All() {
		names = append(names, f.Name)
	}
	run, err := testfixtures.Start(t.Context(), names...)
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	again := repeatedScanner(t)
	var snap *model.Snapshot
	for range 3 {
		snap = scanWith(t, again)
	}
	kept := 0
	for _, inst := range run.Instances {
		if slices.ContainsFunc(inst.PIDs, again.Cached) {
			kept++
		}
	}
	if kept < len(run.Instances)/2 {
		t.Errorf("of %d fixtures' processes anything was kept; there are %d fixtures", kept, len(run.Instances))
	}
	fresh := scanWith(t, probe.NewScanner(probe.Options{Probes: probes()}))
	sameFixtures(t, run, snap, fresh)
}

// sameFixtures compares what two scanners show of the fixtures.
func sameFixtures(t *testing.T, run *testfixtures.Run, snap, fresh *model.Snapshot) {
	t.Helper()
	got, want := sayingOf(snap), sayingOf(fresh)
	for i := range run.Instances {
		inst := &run.Instances[i]
		for _, d := range got.differences(inst, want) {
			t.Errorf("%s: %s", inst.Fixture, d)
		}
	}
}

// saying is a snapshot with its findings, and its JSON of each object and process.
type saying struct {
	snap  *model.Snapshot
	lines map[string]string
}

func sayingOf(snap *model.Snapshot) saying {
	diagnose.Run(snap, diagnose.Options{})
	return saying{snap, linesOf(snap)}
}

// differences are what it has of a fixture that another saying has not.
func (s saying) differences(inst *testfixtures.Instance, want saying) (differences []string) {
	add := func(format string, a ...any) { differences = append(differences, fmt.Sprintf(format, a...)) }
	if got, want := s.lines[inst.Object], want.lines[inst.Object]; got != want {
		add("%s\nwant\n%s", got, want)
	}
	for _, pid := range inst.PIDs {
		id := fmt.Sprintf("process:%d", pid)
		if got, want := s.lines[id], want.lines[id]; got != want {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			at = max(0, at-40)
			add("…%.200s\nwant …%.200s", got[at:], want[at:])
		}
	}
	if err := testfixtures.Verify(s.snap, inst); err != nil && testfixtures.Verify(want.snap, inst) == nil {
		add("%v", err)
	}
	return differences
}

func repeatedScanner(t *testing.T) *probe.Scanner {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// On a busy machine a scan may take so long that cached facts would be checked, and read again.
	scanner := probe.NewScanner(probe.Options{Probes: probes(), Helper: exe, Repeated: true, Check: time.Hour})
	t.Cleanup(scanner.Close)
	return scanner
}

func scanWith(t *testing.T, scanner *probe.Scanner) *model.Snapshot {
	t.Helper()
	snap := probetest.Again(t, scanner)
	return snap
}

// linesOf are the objects, and the processes with their waits, without fields that grow
// although nothing happens. Threads of a Go program's runtime come and go.
func linesOf(snap *model.Snapshot) map[string]string {
	moving := regexp.MustCompile(`"(last_recv_ns|last_send_ns|remaining|remaining_ns|ticks|blocked_for_ns)":[^,}]*,?`)
	queued := regexp.MustCompile(`"queued":\d+`)
	lines := map[string]string{}
	for i := range snap.Objects {
		o := snap.Objects[i]
		lines[o.ID] = moving.ReplaceAllString(string(model.AppendJSON(nil, o)), "")
	}
	for i := range snap.Processes {
		p := *snap.Processes[i]
		p.ThreadList, p.Threads, p.Timers = nil, 0, model.Opt[int]{}
		if p.State == "R" {
			p.State = "S" // it will be a moment later
		}
		// The number of queued signals is counted for all processes of the user.
		lines[fmt.Sprintf("process:%d", p.PID)] = queued.ReplaceAllString(string(model.AppendJSON(nil, &p)), "")
	}
	for i := range snap.Waits {
		w := snap.Waits[i]
		// A thread that waits with a timeout may run between two scans.
		if w.TID == w.PID && w.Confirmed && !w.Timed.Or(false) {
			w.Clauses, w.Blockers = nil, nil // they include the test's own threads
			lines[fmt.Sprintf("process:%d", w.PID)] += "\n" + moving.ReplaceAllString(string(model.AppendJSON(nil, &w)), "")
		}
	}
	return lines
}

// pythonInteractive does what it is told, and sleeps in between.
const pythonInteractive = `
import ctypes, mmap, os, platform, signal, sys, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
libc = ctypes.CDLL(None)
def clone(flags):
    nr = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    return libc.syscall(nr, flags | 17, 0, 0, 0, 0)
kept = []
print("ready", flush=True)
while True:
    line = b""
    while not line.endswith(b"\n"):
        c = os.read(0, 1)
        if not c:
            sys.exit()
        line += c
    word = line.decode().split()
    if word[0] == "pipe":
        kept.append(os.pipe())
    elif word[0] == "close":
        for fd in kept.pop():
            os.close(fd)
    elif word[0] == "thread":
        threading.Thread(target=lambda: os.read(kept[-1][0], 1), daemon=True).start()
    elif word[0] == "map":
        kept.append(mmap.mmap(-1, 4096))
    elif word[0] == "open":
        os.open(word[1], os.O_RDWR)
    elif word[0] == "reopen": # under the same number
        fd = os.open(word[1], os.O_RDWR)
        os.dup2(fd, 100)
        os.close(fd)
    elif word[0] == "fork":
        if os.fork() == 0:
            libc.prctl(1, 9, 0, 0, 0) # ends with its parent
            signal.pause()
    elif word[0] == "share": # a process with the same descriptor table, which opens a pipe when it is told to
        r, w = os.pipe()
        if clone(0x400) == 0:
            libc.prctl(1, 9, 0, 0, 0) # ends with its parent
            os.read(r, 1)
            os.pipe()
            os.read(r, 1)
            os._exit(0)
        sys.stdout.write(str(w) + " ")
    print("done", flush=True)
`

// interactive is a process that runs the commands it is given.
type interactive struct {
	t   *testing.T
	pid int
	in  io.Writer
	out *bufio.Reader
}

func startInteractive(t *testing.T) *interactive {
	cmd, in, out := startPython(t, pythonInteractive)
	// A process that shares its descriptors keeps its input open.
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	h := &interactive{t, cmd.Process.Pid, in, out}
	h.readLine()
	return h
}

func (h *interactive) readLine() string {
	h.t.Helper()
	line, err := h.out.ReadString('\n')
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (h *interactive) do(words string) string {
	h.t.Helper()
	if _, err := fmt.Fprintln(h.in, words); err != nil {
		h.t.Fatal(err)
	}
	return h.readLine()
}

// A change by the process itself since the last scan is seen, and also a change by others
// while the process slept.
func TestScanAgainAfterChange(t *testing.T) {
	h := startInteractive(t)
	again := repeatedScanner(t)
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		do   func()
		kept bool // the process itself did nothing
		same bool // nothing visible changed
	}{
		{"at first", func() {}, false, false},
		{"asleep", func() {}, true, true},
		{"a pipe more", func() { h.do("pipe") }, false, false},
		{"one less", func() { h.do("close") }, false, true},
		{"another one", func() { h.do("pipe") }, false, false},
		{"a thread", func() { h.do("thread") }, false, false},
		{"two threads asleep", func() {}, true, true},
		{"a FIFO", func() { h.do("open " + path) }, false, false},
		{"asleep with it", func() {}, true, true},
		{"the FIFO renamed", func() {
			if err := os.Rename(path, path+"2"); err != nil {
				t.Fatal(err)
			}
		}, true, false},
		{"a signal pending", func() {
			if err := unix.Kill(h.pid, unix.SIGUSR1); err != nil {
				t.Fatal(err)
			}
		}, true, false},
	}
	seen := map[string]bool{}
	for _, step := range steps {
		step.do()
		h.settle()
		snap := scanWith(t, again)
		if again.Cached(h.pid) != step.kept {
			t.Errorf("%s: whether what was read before was taken: %v", step.name, !step.kept)
		}
		fresh := scanWith(t, probe.NewScanner(probe.Options{Probes: probes()}))
		got, want := h.view(snap), h.view(fresh)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", step.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if text := strings.Join(want, "\n"); seen[text] != step.same {
			t.Errorf("%s: seen before: %v", step.name, seen[text])
		} else {
			seen[text] = true
		}
	}
}

// A program that is renamed or removed while it runs is shown so, although it sleeps. The same
// holds if a directory above it is renamed.
func TestScanAgainProgramMoved(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]func() (probe.Source, error){"procfs": nil, "bpf": openSource} {
		t.Run(name, func(t *testing.T) {
			if source != nil {
				sourceOrSkip(t)
			}
			top := t.TempDir()
			dir := filepath.Join(top, "above", "below")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "sleep")
			if err := os.WriteFile(path, program, 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "1000")
			if err := cmd.Start(); err != nil {
				t.Skip(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}()
			again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Check: time.Hour, Source: source})
			defer again.Close()
			expect := func(want string) {
				t.Helper()
				snap := scanWith(t, again)
				i := slices.IndexFunc(snap.Processes, func(p *model.Process) bool { return p.PID == cmd.Process.Pid })
				if i < 0 {
					t.Fatal("it is not there")
				}
				if got := snap.Processes[i].Exe; got != want {
					t.Errorf("its program is %q, want %q", got, want)
				}
			}
			for range 50 {
				if expect(path); again.Cached(cmd.Process.Pid) {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			rename := func(from, to string) {
				t.Helper()
				if err := os.Rename(filepath.Join(top, from), filepath.Join(top, to)); err != nil {
					t.Fatal(err)
				}
				expect(filepath.Join(top, to[:strings.Index(to+"/", "/")], "below", filepath.Base(path)))
			}
			path = "slumber"
			rename("above/below/sleep", "above/below/slumber")
			rename("above", "higher")
			rename("higher", "other")
			path = filepath.Join(top, "other/below/slumber")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			expect(path + " (deleted)")
			if !again.Cached(cmd.Process.Pid) {
				t.Error("its process was read again")
			}
		})
	}
}

// A process about which the eBPF source says the same as before has the same record in the next
// snapshot. It gets another record as soon as something changes that does not need the process to run.
func TestScanAgainIdleRecord(t *testing.T) {
	skipIfLate(t)
	// Other processes of the same user may have signals queued in one scan and not in the
	// next, which changes the record.
	if !apart(t) {
		return
	}
	sourceOrSkip(t)
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	pid := cmd.Process.Pid
	again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Source: openSource})
	defer again.Close()
	record := func(what string) *model.Process {
		t.Helper()
		for _, p := range scanWith(t, again).Processes {
			if p.PID == pid {
				return p
			}
		}
		t.Fatalf("%s: it is not in the snapshot", what)
		return nil
	}
	settle := func(what string) *model.Process {
		t.Helper()
		last := record(what)
		for range 50 {
			now := record(what)
			if now == last {
				return now
			}
			last = now
		}
		t.Fatalf("%s: it has a new record in each snapshot", what)
		return nil
	}
	settle("asleep")
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for settle("stopped").State != "T" { // it must run to stop
		time.Sleep(10 * time.Millisecond)
	}
	if err := unix.Kill(pid, unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if p := record("stopped, with a signal"); p.Signals == nil || !slices.Equal(p.Signals.SharedPending, []string{"SIGUSR1"}) {
		t.Errorf("what waits for it is %+v", p.Signals)
	}
	limit := func(snap *model.Snapshot) int64 {
		for _, l := range snap.Limits {
			if l.Name == "RLIMIT_NOFILE" && l.Scope != nil && l.Scope.PID == pid {
				return l.Max.Or(0)
			}
		}
		return -1
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 77, Max: 77}, nil); err != nil {
		t.Skip(err)
	}
	if n := limit(scanWith(t, again)); n != 77 {
		t.Errorf("its limit of descriptors is %d, want 77", n)
	}
}

// The number of queued signals of a user is shown for all processes of the user, but is read
// from only one of them.
func TestScanAgainQueuedSignals(t *testing.T) {
	sourceOrSkip(t)
	if os.Geteuid() != 0 {
		t.Skip("needs a user of its own, and root to start its processes")
	}
	const user = 54321
	var pids []int
	for range 3 {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		pids = append(pids, cmd.Process.Pid)
	}
	again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Check: time.Hour, Source: openSource})
	defer again.Close()
	expect := func(want int64) {
		t.Helper()
		snap := scanWith(t, again)
		for _, pid := range pids {
			i := slices.IndexFunc(snap.Processes, func(p *model.Process) bool { return p.PID == pid })
			if i < 0 {
				t.Fatalf("process %d is not there", pid)
			}
			if s := snap.Processes[i].Signals; s == nil || s.Queued != model.Some(want) {
				t.Errorf("signals of %d: %+v, want %d queued", pid, s, want)
			}
		}
		at := slices.IndexFunc(snap.Limits, func(l model.Limit) bool {
			return l.Name == "RLIMIT_SIGPENDING" && l.Scope != nil && l.Scope.UID == model.Some(user)
		})
		if at < 0 || snap.Limits[at].Used != model.Some(want) {
			t.Errorf("the user's limit is limit %d of %+v, want %d used", at, snap.Limits, want)
		}
	}
	if err := unix.Kill(pids[1], unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// Until the process has stopped, its SIGSTOP is queued like any other signal.
	var stopped unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pids[1], &stopped, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		expect(0)
		if !slices.ContainsFunc(pids, func(pid int) bool { return !again.Cached(pid) }) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for n := range int64(3) {
		if err := unix.Kill(pids[1], unix.SIGUSR1+unix.Signal(n)*2); err != nil { // SIGUSR1, SIGUSR2, SIGALRM
			t.Fatal(err)
		}
		expect(n + 1)
	}
	if !again.Cached(pids[0]) || !again.Cached(pids[2]) {
		t.Error("who slept was read again")
	}
}

// A process that shares its descriptor table with another gets new descriptors although it sleeps.
func TestScanAgainSharedTable(t *testing.T) {
	skipIfLate(t)
	h := startInteractive(t)
	word, _, ok := strings.Cut(h.do("share"), " ")
	end, err := strconv.Atoi(word)
	if !ok || err != nil {
		t.Skip("no such process: ", word)
	}
	again := repeatedScanner(t)
	for range 3 {
		h.settle()
		scanWith(t, again)
	}
	before := h.view(scanWith(t, again))
	// Write a byte into the pipe from which the other process reads.
	w, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", h.pid, end), os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	_, err = w.Write([]byte{0})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for range 50 {
		unix.Select(0, nil, nil, nil, &unix.Timeval{Usec: 20000})
		scanWith(t, again)
		if want = h.view(scanWith(t, probe.NewScanner(probe.Options{Probes: probes()}))); !slices.Equal(want, before) {
			break
		}
	}
	got := h.view(scanWith(t, again))
	if slices.Equal(want, before) {
		t.Fatal("the other process did nothing")
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// settle waits until all threads of the process sleep.
func (h *interactive) settle() {
	h.t.Helper()
	for range 500 {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", h.pid))
		asleep := len(tasks) > 0
		for _, name := range tasks {
			b, _ := os.ReadFile(name)
			asleep = asleep && strings.HasPrefix(string(b), "0 ")
		}
		if asleep {
			return
		}
		unix.Select(0, nil, nil, nil, &unix.Timeval{Usec: 2000})
	}
	h.t.Skip("it does not come to rest, or nothing may be seen of it")
}

// view is what a snapshot shows of the process: the process and everything that it holds.
func (h *interactive) view(snap *model.Snapshot) []string {
	var list []string
	for id, line := range linesOf(snap) {
		if id == fmt.Sprintf("process:%d", h.pid) {
			list = append(list, line)
		}
	}
	for i := range snap.Objects {
		o := snap.Objects[i]
		for _, holder := range o.Holders {
			if int(holder.PID) == h.pid {
				list = append(list, fmt.Sprintf("%s %s: %s", o.ID, o.Path, model.AppendJSON(nil, &holder)))
			}
		}
	}
	slices.Sort(list)
	return list
}

// An event counter changes although no process that has it runs: here another process takes
// a descriptor of it for a moment; in other cases the kernel counts.
func TestScanAgainCounter(t *testing.T) {
	skipIfLate(t)
	sourceOrSkip(t)
	counter, err := unix.Eventfd(5, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(counter), "counter")}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	_ = cmd.ExtraFiles[0].Close()
	pid := cmd.Process.Pid
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(process)
	through := func(call func(fd int, b []byte) (int, error), n model.Big) {
		t.Helper()
		fd, err := unix.PidfdGetfd(process, 3, 0)
		if err != nil {
			t.Skip(err)
		}
		defer unix.Close(fd)
		if _, err := call(fd, binary.NativeEndian.AppendUint64(nil, uint64(n))); err != nil {
			t.Fatal(err)
		}
	}
	add := func(n model.Big) { through(unix.Write, n) }
	for _, source := range []func() (probe.Source, error){openSource, nil} {
		again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Check: time.Hour, Source: source})
		defer again.Close()
		count := func() model.Big {
			t.Helper()
			for _, o := range scanWith(t, again).Objects {
				d, ok := o.Detail.(*model.EventfdDetail)
				if ok && slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == pid && h.FD.Or(-1) == 3 }) {
					return d.Count.Or(0)
				}
			}
			t.Fatal("the counter is not in the snapshot")
			return 0
		}
		for range 50 {
			if count(); again.Cached(pid) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		first := count()
		for range 3 {
			before := count()
			add(7)
			if now := count(); now != before+7 {
				t.Errorf("the count is %d after %d and 7 more", now, before)
			}
		}
		through(unix.Read, 0)
		add(first) // what was cached about it
		for range 2 {
			if now := count(); now != first {
				t.Errorf("the count is %d, and is %d again", now, first)
			}
		}
		if !again.Cached(pid) {
			t.Error("its process was read again")
		}
	}
}
