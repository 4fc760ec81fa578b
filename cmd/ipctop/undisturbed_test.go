package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/testfixtures"
)

// hammer scans without a pause until stop is called; stop returns how often.
func hammer(t *testing.T) (scans func() int, stop func() int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	scanner := probe.NewScanner(probe.Options{Probes: probes(), Helper: exe})
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	n, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, err := scanner.Scan(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("scan: %v", err)
				return
			}
			mu.Lock()
			n++
			mu.Unlock()
		}
	}()
	scans = func() int { mu.Lock(); defer mu.Unlock(); return n }
	stop = sync.OnceValue(func() int { cancel(); <-done; return scans() })
	t.Cleanup(func() { stop() })
	return scans, stop
}

// awaitScans waits for n more scans.
func awaitScans(t *testing.T, scans func() int, n int) {
	t.Helper()
	for first, end := scans(), time.Now().Add(time.Minute); scans() < first+n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d scans in a minute", scans()-first)
		}
	}
}

// A reader gets end of file when the only writer closes the pipe, not later, when ipctop
// closes its duplicate.
func TestEndOfFileIsNotDelayed(t *testing.T) {
	const rounds = 1000
	// Another program may have the processor at the end of file. That happens now and then;
	// a duplicate that is held would delay it every time.
	for attempt := 1; ; attempt++ {
		scans, stop := hammer(t)
		// Each pipe is older than one scan when its writer closes it, so that scans know
		// the pipe and ask it meanwhile.
		var pipes [][2]int
		for range 100 {
			pipes = append(pipes, pipeWithLowWriter(t))
		}
		var slowest time.Duration
		for range rounds {
			pipes = append(pipes, pipeWithLowWriter(t))
			slowest = max(slowest, endOfFile(t, pipes[0]))
			pipes = pipes[1:]
		}
		for end := time.Now().Add(3 * time.Second); scans() < 10 && time.Now().Before(end); {
			pipes = append(pipes, pipeWithLowWriter(t))
			slowest = max(slowest, endOfFile(t, pipes[0]))
			pipes = pipes[1:]
		}
		n := stop()
		for _, p := range pipes {
			_ = unix.Close(p[0])
			_ = unix.Close(p[1])
		}
		t.Logf("%d ends of file, the slowest after %v; %d scans", rounds, slowest, n)
		if slowest <= 100*time.Millisecond {
			return
		}
		if attempt == 3 {
			t.Fatalf("the slowest of %d ends of file came after %v, with %d scans", rounds, slowest, n)
		}
	}
}

// pipeWithLowWriter makes a pipe whose write end has the lower descriptor number: ipctop
// duplicates that one.
func pipeWithLowWriter(t *testing.T) [2]int {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	high, err := unix.FcntlInt(uintptr(fds[0]), unix.F_DUPFD_CLOEXEC, max(fds[1], fds[0])+1)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fds[0])
	return [2]int{high, fds[1]}
}

// endOfFile is how long a pipe's reader waits for end of file after the only writer has closed.
func endOfFile(t *testing.T, pipe [2]int) time.Duration {
	t.Helper()
	defer unix.Close(pipe[0])
	time.Sleep(time.Millisecond)
	closed := time.Now()
	_ = unix.Close(pipe[1])
	for time.Since(closed) < 5*time.Second {
		var b [1]byte
		switch n, err := unix.Read(pipe[0], b[:]); {
		case err == nil && n == 0:
			return time.Since(closed)
		case err != unix.EAGAIN && err != unix.EINTR:
			t.Fatalf("read %d bytes: %v", n, err)
		}
		time.Sleep(20 * time.Microsecond)
	}
	t.Fatal("no end of file within 5 s")
	return 0
}

// A process that opens a FIFO waits for the other end, and ipctop does not provide it.
func TestFIFOOpenerStaysBlocked(t *testing.T) {
	scans, stop := hammer(t)
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	opened, eof := make(chan struct{}), make(chan error, 1)
	go func() {
		f, err := os.Open(path)
		close(opened)
		if err == nil {
			_, err = f.Read(make([]byte, 1))
			f.Close()
		}
		eof <- err
	}()
	awaitScans(t, scans, 4)
	select {
	case <-opened:
		t.Fatal("the opener was woken")
	default:
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	<-opened
	awaitScans(t, scans, 2)
	w.Close()
	select {
	case err := <-eof:
		if err == nil || err.Error() != "EOF" {
			t.Errorf("got %v, want the end of file", err)
		}
	case <-time.After(time.Second):
		t.Error("no end of file within a second")
	}
	stop()
}

// ipctop makes no blocked call return, with EINTR or otherwise.
func TestBlockedCallsStayBlocked(t *testing.T) {
	skipIfLate(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), waitersEnv+"=1", "GODEBUG=asyncpreemptoff=1", "GOGC=off")
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
	defer func() { stdin.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(stdout)
	if lines.Scan(); lines.Text() != "ready" {
		t.Fatalf("the waiters say %q", lines.Text())
	}
	scans, stop := hammer(t)
	awaitScans(t, scans, 8)
	stop()
	stdin.Close()
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
	}
	if want := []string{
		"read 0", "epoll 0", "msgrcv 0", "semop 0", "futex 0", "epoll_pwait2 0", "ppoll 0", "recvfrom 0", "flock 0", "mq_timedreceive 0",
		"rt_sigtimedwait 0",
	}; !slices.Equal(got, want) {
		t.Errorf("the calls returned %q, want %q", got, want)
	}
}

// The kernel's counters and times of objects are the same after many scans.
func TestNothingIsCounted(t *testing.T) {
	skipIfLate(t)
	ownHome(t)
	fixtures, err := testfixtures.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer fixtures.Close()
	dir, err := os.MkdirTemp("/dev/shm", "ipctop-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	shm, err := os.OpenFile(filepath.Join(dir, "shm"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer shm.Close()
	if err := shm.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	untouched, err := unix.Mmap(int(shm.Fd()), 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(untouched)
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(filepath.Join(dir, "fifo"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}); err != nil {
		t.Fatal(err)
	}
	inotify, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inotify)
	if _, err := unix.InotifyAddWatch(inotify, dir, unix.IN_ALL_EVENTS); err != nil {
		t.Fatal(err)
	}

	own := map[string]bool{}
	for _, i := range fixtures.Instances {
		if _, id, ok := strings.Cut(i.Object, ":"); ok && strings.HasPrefix(i.Kind, "sysv-") {
			own[strings.TrimPrefix(i.Kind, "sysv-")+" "+id] = true
		}
	}
	log := kernelLog(t)
	before := counted(t, dir, untouched, own)
	scans, stop := hammer(t)
	awaitScans(t, scans, 8)
	stop()
	after := counted(t, dir, untouched, own)
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if before[what] != after[what] {
			t.Errorf("%s: %s before, %s after", what, before[what], after[what])
		}
	}
	if log != nil {
		for _, line := range log() {
			t.Errorf("the kernel says: %s", line)
		}
	}
	var events [4096]byte
	if n, err := unix.Read(inotify, events[:]); err != unix.EAGAIN {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		t.Errorf("%d bytes of inotify events (%v), the first of mask %#x about %q", n, err, e.Mask, events[16:min(n, 48)])
	}
	if len(before) < 6 {
		t.Errorf("only %v", before)
	}
}

// counted is what the kernel reports about System V objects, files, and memory.
func counted(t *testing.T, dir string, mapped []byte, own map[string]bool) map[string]string {
	t.Helper()
	facts := map[string]string{}
	for _, file := range []string{"shm", "sem", "msg"} {
		b, err := os.ReadFile("/proc/sysvipc/" + file)
		if err != nil {
			continue // not in this kernel
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && own[file+" "+f[1]] {
				facts[file+" "+f[1]] = line // nattch, times, last pids, rss
			}
		}
	}
	for _, name := range []string{"", "shm", "fifo", "socket"} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
			t.Fatal(err)
		}
		facts["times of "+name] = fmt.Sprint(st.Atim, st.Mtim, st.Ctim, st.Blocks)
	}
	present := make([]byte, len(mapped)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped)), uintptr(unsafe.Pointer(&present[0]))); errno != 0 {
		t.Fatal(errno)
	}
	facts["pages present"] = fmt.Sprint(present)
	return facts
}

// The system calls that ipctop makes, recorded with strace: none stops, reads, polls or
// opens objects of others, and no mount is visible to anyone.
func TestSystemCalls(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	ownHome(t)
	fixtures, err := testfixtures.Start(t.Context(), "pipe", "fifo", "unix")
	if err != nil {
		t.Fatal(err)
	}
	defer fixtures.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log") // below another directory than the fixtures'
	cmd := exec.Command(strace, "-f", "-y", "-o", log, exe, "dump", "--json")
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v: %.200s", err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[string]bool{}   // threads of ipctop
	netlink := map[string]bool{} // sockets for requests to the kernel
	for line := range strings.Lines(string(text)) {
		pid, _, _ := strings.Cut(line, " ")
		tasks[pid] = true
		if strings.Contains(line, "sa_family=AF_NETLINK") {
			netlink[ownSocket.FindString(line)] = true
		}
	}
	asked := 0
	for line := range strings.Lines(string(text)) {
		_, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		if strings.HasPrefix(call, "pidfd_getfd(") {
			asked++
		}
		if socket := ownSocket.FindString(call); socket != "" && netlink[socket] {
			continue
		}
		if why := disturbs(call, tasks); why != "" {
			t.Errorf("%s: %s", why, call)
		}
	}
	if asked == 0 {
		t.Error("no pipe was asked: strace did not see what ipctop does")
	}
}

var (
	ownSocket   = regexp.MustCompile(`\d+<socket:\[\d+\]>`)
	forbidden   = regexp.MustCompile(`^(ptrace|process_vm_writev|mount|umount2|move_mount|open_tree|mount_setattr|pivot_root|flock|poll|ppoll|select|pselect6|msgrcv|msgsnd|semop|semtimedop|shmat|mq_timedreceive|mq_timedsend|splice|tee|vmsplice)\(`)
	signals     = regexp.MustCompile(`^(?:kill|tkill|tgkill)\((\d+)`)
	opens       = regexp.MustCompile(`^openat\(([^,]*), "([^"]*)", ([A-Z_|]+)`)
	othersFD    = regexp.MustCompile(`(^|/)fd/\d+$`)
	reads       = regexp.MustCompile(`^(?:read|pread64|readv|write|recvfrom|recvmsg)\(\d+<(pipe|socket|UNIX|TCP|UDP|/dev/pts|[^>]*fifo)`)
	ownChannels = regexp.MustCompile(`^(?:read|write)\([0-9]+<(?:pipe|socket):|^recvmsg\(\d+<(?:NETLINK|socket:)`)
)

// disturbs says what is wrong with a system call; "" if it is allowed.
func disturbs(call string, own map[string]bool) string {
	if forbidden.MatchString(call) {
		return "not a call that ipctop has a use for"
	}
	if m := signals.FindStringSubmatch(call); m != nil && !own[m[1]] {
		return "a signal to another process"
	}
	if m := opens.FindStringSubmatch(call); m != nil {
		path := m[2]
		if othersFD.MatchString(path) && !strings.Contains(m[3], "O_PATH") && !strings.HasPrefix(path, "/proc/self/") {
			return "opens again what another process has open"
		}
		if strings.HasSuffix(path, "fifo") || strings.HasPrefix(path, "/dev/pts/") || strings.HasPrefix(path, "/dev/tty") {
			return "opens what another process waits at"
		}
	}
	if reads.MatchString(call) && !ownChannels.MatchString(call) {
		return "takes what may be for another process"
	}
	return ""
}

// The check of system calls recognises forbidden ones.
func TestDisturbs(t *testing.T) {
	skipIfLate(t)
	own := map[string]bool{"7": true}
	for call, bad := range map[string]bool{
		`ptrace(PTRACE_SEIZE, 12, NULL, 0) = 0`:                                      true,
		`kill(12, SIGSTOP) = 0`:                                                      true,
		`tgkill(7, 9, SIGURG) = 0`:                                                   false,
		`openat(5</proc/12>, "fd/3", O_RDONLY|O_CLOEXEC) = 6`:                        true,
		`openat(5</proc/12>, "fd/3", O_PATH|O_CLOEXEC) = 6`:                          false,
		`openat(AT_FDCWD</>, "/proc/12/fd/3", O_RDONLY) = 6`:                         true,
		`openat(5</proc/12>, "fd", O_RDONLY|O_CLOEXEC|O_DIRECTORY) = 6</proc/12/fd>`: false,
		`openat(AT_FDCWD</>, "/tmp/x/fifo", O_RDONLY|O_NONBLOCK) = 6`:                true,
		`recvfrom(6<UNIX:[77]>, "x", 1, MSG_PEEK, NULL, NULL) = 1`:                   true,
		`recvmsg(6<NETLINK:[77]>, {msg_name=NULL}, 0) = 1`:                           false,
		`poll([{fd=6<pipe:[77]>, events=POLLIN}], 1, 0) = 0`:                         true,
		`mount("none", "/mnt", "tmpfs", 0, NULL) = 0`:                                true,
	} {
		if why := disturbs(call, own); (why != "") != bad {
			t.Errorf("%s: %q", call, why)
		}
	}
}
