package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

// containerEnv makes the test binary the first process of a container. Its value is what
// the container does: "live", or "look" to be replaced by the command in the arguments. The
// first argument is a directory for mounts.
const containerEnv = "IPCTOP_TEST_CONTAINER"

const containerFlags = syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS

// contents lists what is in a container.
type contents struct {
	Shm, Sem, Msg           int
	FIFOs                   [2]uint64 // inode numbers
	Pipe, Unix, TCP         uint64
	IPC, Net, Mnt, PID, UTS uint64
}

func container(what string) {
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	dir := os.Args[1]
	check(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	check(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	for _, name := range []string{"a", "b", "pts", "proc"} {
		check(os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	if what == "look" {
		check(unix.Mount("/proc", filepath.Join(dir, "proc"), "", unix.MS_BIND|unix.MS_REC, ""))
		check(unix.Mount("proc", "/proc", "proc", 0, ""))
		os.Unsetenv(containerEnv)
		check(unix.Exec(os.Args[2], os.Args[2:], os.Environ()))
	}
	check(unix.Mount("proc", "/proc", "proc", 0, ""))
	check(unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m"))
	check(unix.Mount("devpts", filepath.Join(dir, "pts"), "devpts", 0, "newinstance,ptmxmode=0666"))
	var c contents
	for i, name := range []string{"a", "b"} {
		at := filepath.Join(dir, name)
		check(unix.Mount("tmpfs", at, "tmpfs", 0, "size=1m"))
		check(unix.Mkfifo(filepath.Join(at, "fifo"), 0o600))
		fd, err := unix.Open(filepath.Join(at, "fifo"), unix.O_RDWR|unix.O_CLOEXEC, 0)
		check(err)
		c.FIFOs[i] = inodeOf(fd)
	}
	_, err := unix.Open(filepath.Join(dir, "pts", "ptmx"), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check(err)
	c.Shm, err = unix.SysvShmGet(0, 4096, 0o600)
	check(err)
	_, err = unix.SysvShmAttach(c.Shm, 0, 0)
	check(err)
	for nr, id := range map[uintptr]*int{unix.SYS_SEMGET: &c.Sem, unix.SYS_MSGGET: &c.Msg} {
		flags := [2]uintptr{1, 0o600}
		if nr == unix.SYS_MSGGET {
			flags = [2]uintptr{0o600}
		}
		r, _, errno := unix.Syscall(nr, 0, flags[0], flags[1])
		if errno != 0 {
			check(errno)
		}
		*id = int(r)
	}
	var pipe [2]int
	check(unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	c.Pipe = inodeOf(pipe[0])
	l, err := net.Listen("unix", "@container")
	check(err)
	defer l.Close()
	c.Unix = inodeOfFile(l.(*net.UnixListener).File())
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	check(unix.Listen(s, 1))
	c.TCP = inodeOf(s)
	for name, n := range map[string]*uint64{"ipc": &c.IPC, "net": &c.Net, "mnt": &c.Mnt, "pid": &c.PID, "uts": &c.UTS} {
		*n, err = proc.ReadNamespace("/proc/self/ns/" + name)
		check(err)
	}
	b, err := json.Marshal(c)
	check(err)
	fmt.Println(string(b))
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

func inodeOf(fd int) uint64 {
	var st unix.Stat_t
	_ = unix.Fstat(fd, &st)
	return st.Ino
}

func inodeOfFile(f *os.File, err error) uint64 {
	if err != nil {
		return 0
	}
	return inodeOf(int(f.Fd())) // stays open, as a second descriptor of the same object
}

// startContainer starts a container; stop ends it.
func startContainer(t *testing.T) (pid int, c contents, stop func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, t.TempDir())
	cmd.Env = append(os.Environ(), containerEnv+"=live")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: containerFlags}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("no namespaces here: %v", err)
	}
	stop = sync.OnceFunc(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		t.Fatalf("the container says %q", line)
	}
	return cmd.Process.Pid, c, stop
}

// From outside, everything in two containers is shown, each object in its namespace and
// none confused with one in the other container. When the containers end, so do their
// namespaces, even while scans go on.
func TestContainersFromOutside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making namespaces needs CAP_SYS_ADMIN")
	}
	scanner := probe.NewScanner(probe.Options{Probes: probes()})
	var alive []uint64
	var stops []func()
	var all []contents
	var pids []int
	for range 2 {
		pid, c, stop := startContainer(t)
		pids, all, stops = append(pids, pid), append(all, c), append(stops, stop)
		alive = append(alive, c.IPC, c.Net, c.Mnt, c.PID, c.UTS)
	}
	snap := probetest.Again(t, scanner)
	if all[0].Shm != all[1].Shm {
		t.Errorf("the segments have ids %d and %d: that they are distinguished proves nothing", all[0].Shm, all[1].Shm)
	}
	for i, c := range all {
		checkContents(t, snap, pids[i], c)
	}
	if a, b := firstPTY(t, snap, pids[0]), firstPTY(t, snap, pids[1]); a.ID == b.ID {
		t.Errorf("both containers have the terminal %s", a.ID)
	}
	_, stopHammer := hammer(t)
	for _, stop := range stops {
		stop()
	}
	var still []string
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if still = whoKeeps(alive); len(still) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("after the end namespaces are kept by %v", still)
			break
		}
	}
	stopHammer()
}

func checkContents(t *testing.T, snap *model.Snapshot, pid int, c contents) {
	t.Helper()
	p := processOf(t, snap, pid)
	if p.Namespaces["ipc"] != c.IPC || p.Namespaces["mnt"] != c.Mnt || len(p.NSPIDs) < 2 || p.NSPIDs[len(p.NSPIDs)-1] != 1 {
		t.Errorf("process %+v", p)
	}
	ipc := &model.Namespace{Type: "ipc", Inode: c.IPC}
	network := &model.Namespace{Type: "net", Inode: c.Net}
	at := fmt.Sprintf("@%d", c.IPC)
	for _, want := range []struct {
		id     string
		ns     *model.Namespace
		holder bool
	}{
		{fmt.Sprintf("sysv-shm:%d%s", c.Shm, at), ipc, true},
		{fmt.Sprintf("sysv-sem:%d%s", c.Sem, at), ipc, false},
		{fmt.Sprintf("sysv-msg:%d%s", c.Msg, at), ipc, false},
		{fmt.Sprintf("pipe:%d", c.Pipe), nil, true},
		{fmt.Sprintf("unix:%d", c.Unix), network, true},
		{fmt.Sprintf("tcp:%d", c.TCP), network, true},
	} {
		id := func(o *model.Object) bool { return o.ID == want.id || o.ID == fmt.Sprintf("%s@%d", want.id, c.Net) }
		i := slices.IndexFunc(snap.Objects, id)
		if i < 0 {
			t.Errorf("%s is not shown", want.id)
			continue
		}
		o := snap.Objects[i]
		if want.ns != nil && (o.Namespace == nil || *o.Namespace != *want.ns) {
			t.Errorf("%s is in namespace %+v, want %+v", o.ID, o.Namespace, want.ns)
		}
		for _, h := range o.Holders {
			if int(h.PID) != pid {
				t.Errorf("%s is held by %+v, not by %d alone", o.ID, h, pid)
			}
		}
		if want.holder && len(o.Holders) == 0 {
			t.Errorf("%s has no holder", o.ID)
		}
	}
	fifos := map[string]bool{}
	for _, o := range snap.Objects {
		if o.Kind == model.FIFO && slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == pid }) {
			fifos[o.ID] = true
			if len(o.Holders) != 1 {
				t.Errorf("%s has holders %+v", o.ID, o.Holders)
			}
		}
	}
	if len(fifos) != 2 || c.FIFOs[0] != c.FIFOs[1] {
		t.Errorf("FIFOs %v with inode numbers %v, want two of the same number", fifos, c.FIFOs)
	}
}

// firstPTY is the first pseudoterminal of a container's devpts.
func firstPTY(t *testing.T, snap *model.Snapshot, pid int) *model.Object {
	t.Helper()
	o := the(t, snap, model.Pty, fmt.Sprintf("terminals of container %d", pid), func(o *model.Object) bool {
		return slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == pid })
	})
	heldBy(t, o, model.ViaFD, pid)
	if o.Detail.(*model.PtyDetail).Index != model.Some(0) {
		t.Errorf("%s is %+v, not the first of its instance", o.ID, o.Detail)
	}
	return o
}

// whoKeeps lists the processes, threads and descriptors that keep namespaces alive.
func whoKeeps(namespaces []uint64) []string {
	var list []string
	for _, pattern := range []string{"/proc/[0-9]*/task/[0-9]*/ns/*", "/proc/self/task/*/fd/*", "/proc/[0-9]*/fd/*"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if n, err := proc.ReadNamespace(f); err == nil && slices.Contains(namespaces, n) {
				list = append(list, f)
			}
		}
	}
	return list
}

// In a container, the host's processes can be shown through the host's proc file system.
// But its pids mean other processes inside: no call may use them.
func TestForeignProcFromInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making namespaces needs CAP_SYS_ADMIN")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(t.TempDir(), "log")
	cmd := exec.Command(exe, dir, strace, "-f", "-o", log, exe, "--procfs", filepath.Join(dir, "proc"), "dump", "--json")
	cmd.Env = append(os.Environ(), containerEnv+"=look", mainEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: containerFlags}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %.300s %.300s", err, out, stderr.String())
	}
	snap, err := model.Decode(strings.NewReader(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	if !snap.Scan.PIDNamespaceForeign {
		t.Error("the dump does not say pid_namespace_foreign")
	}
	processOf(t, snap, os.Getpid())
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "readlinkat(") {
		t.Fatal("strace did not see what ipctop does")
	}
	for line := range strings.Lines(string(text)) {
		for _, call := range []string{"pidfd_open(", "pidfd_getfd(", "kcmp(", "kill(", "process_vm_readv(", "get_robust_list(", "ptrace(", "prlimit64(1"} {
			if _, made, _ := strings.Cut(line, " "); strings.HasPrefix(strings.TrimSpace(made), call) && !strings.HasPrefix(strings.TrimSpace(made), "tgkill") {
				t.Errorf("a call that takes a pid: %s", line)
			}
		}
	}
}
