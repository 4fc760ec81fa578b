package filelock_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/filelock"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// roleVariable tells the test program, started again as another process, what to
// do with the file that is named after the colon.
const roleVariable = "IPCTOP_TEST_LOCK_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		act(role)
		os.Exit(0)
	}
	os.Exit(probetest.Main(m))
}

// act plays its role, prints that it is ready, and stays until standard input ends.
func act(role string) {
	what, name, _ := strings.Cut(role, ":")
	say := func() { fmt.Println("ready") }
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	open := func(flags int) int {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		check(err)
		return fd
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	switch what {
	case "hold": // the file that it was started with
		say()
	case "flock shared":
		check(unix.Flock(open(unix.O_RDWR), unix.LOCK_SH))
		say()
	case "ofd read 0-9":
		check(unix.FcntlFlock(uintptr(open(unix.O_RDWR)), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Len: 10}))
		say()
	case "wait flock":
		fd := open(unix.O_RDWR)
		say()
		check(unix.Flock(fd, unix.LOCK_EX))
	case "wait posix":
		fd := open(unix.O_RDWR)
		say()
		check(unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &whole))
	case "wait ofd":
		fd := open(unix.O_RDWR)
		say()
		check(unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLKW, &whole))
	case "overlay":
		overlay(name, check)
		return
	case "wait open":
		say()
		open(unix.O_RDWR)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// start runs the test program in a role. It ends with the test.
func start(t *testing.T, role string, inherit ...*os.File) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.ExtraFiles = inherit
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
		_ = cmd.Process.Kill() // it may be waiting for a lock
		_ = cmd.Wait()
	})
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%s: %q", role, line)
	}
	return cmd.Process.Pid
}

func file(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "file"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// id returns the id of a file, from its own fstat. Test directories must be on
// file systems whose stat returns the superblock's device; otherwise the test
// would fail for another reason.
func id(t *testing.T, f *os.File) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("file:%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
}

// scan repeats until the file has the wanted number of locks: waiters print
// that they are about to wait, and then take a moment.
func scan(t *testing.T, id string, want int) *model.Object {
	t.Helper()
	scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{pipes.FIFO(), files.File(), filelock.Locks()}})
	var last *model.Object
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		snap := probetest.Again(t, scanner)
		for i := range snap.Objects {
			o := snap.Objects[i]
			if o.ID != id {
				continue
			}
			last = o
			if d := o.Detail.(*model.FileDetail); len(d.Locks) == want {
				return o
			}
		}
	}
	if last == nil {
		t.Fatalf("%s was not seen", id)
	}
	t.Fatalf("%s: locks %+v, want %d", id, last.Detail.(*model.FileDetail).Locks, want)
	return &model.Object{}
}

func compare(t *testing.T, o *model.Object, want []model.Lock) {
	t.Helper()
	got := o.Detail.(*model.FileDetail).Locks
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("lock %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func lockHolders(o *model.Object) map[int]string {
	m := map[int]string{}
	for _, h := range o.Holders {
		if h.Via == model.ViaLock {
			m[int(h.PID)] = h.LockMode + " " + h.Range
		}
	}
	return m
}

// TestInheritedFlock: the process that inherited the description holds the lock as
// much as the process that took it.
func TestInheritedFlock(t *testing.T) {
	f := file(t)
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	inheritor := start(t, "hold", f)
	waiter := start(t, "wait flock:"+f.Name())
	self := os.Getpid()
	o := scan(t, id(t, f), 2)
	both := []int{min(self, inheritor), max(self, inheritor)}
	compare(t, o, []model.Lock{
		{Type: "flock", Mode: "WRITE", PID: model.Some(self), Holders: both},
		{Type: "flock", Mode: "WRITE", PID: model.Some(waiter), Blocked: true, BlockedBy: both, BlockedOn: []int{0}},
	})
	if want := map[int]string{self: "WRITE 0-EOF", inheritor: "WRITE 0-EOF"}; !reflect.DeepEqual(lockHolders(o), want) {
		t.Errorf("holders %v, want %v", lockHolders(o), want)
	}
	if o.Path != f.Name() || o.Mode != "0640" || o.Deleted {
		t.Errorf("path %q, mode %s, deleted %v", o.Path, o.Mode, o.Deleted)
	}
}

// TestAllReadersBlock: /proc/locks shows the waiter below one of the two.
func TestAllReadersBlock(t *testing.T) {
	f := file(t)
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	reader := start(t, "flock shared:"+f.Name())
	start(t, "wait flock:"+f.Name())
	self := os.Getpid()
	got := scan(t, id(t, f), 3).Detail.(*model.FileDetail).Locks[2]
	if want := []int{min(self, reader), max(self, reader)}; !reflect.DeepEqual(got.BlockedBy, want) || len(got.BlockedOn) != 2 {
		t.Errorf("blocked by %v on %v, want %v", got.BlockedBy, got.BlockedOn, want)
	}
}

func TestPosixRange(t *testing.T) {
	f := file(t)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: 5, Len: 10}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	start(t, "hold", f) // having the descriptor does not make it a holder of the lock
	waiter := start(t, "wait posix:"+f.Name())
	self := os.Getpid()
	o := scan(t, id(t, f), 2)
	compare(t, o, []model.Lock{
		{Type: "posix", Mode: "WRITE", Start: 5, End: model.Some(int64(14)), PID: model.Some(self), Holders: []int{self}},
		{Type: "posix", Mode: "WRITE", PID: model.Some(waiter), Blocked: true, BlockedBy: []int{self}, BlockedOn: []int{0}},
	})
	if want := map[int]string{self: "WRITE 5-14"}; !reflect.DeepEqual(lockHolders(o), want) {
		t.Errorf("holders %v, want %v", lockHolders(o), want)
	}
}

// TestEqualOFDLocks: two descriptions with the same lock show the same text in
// /proc/locks and in fdinfo.
func TestEqualOFDLocks(t *testing.T) {
	f := file(t)
	lock := unix.Flock_t{Type: unix.F_RDLCK, Len: 10}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	other := start(t, "ofd read 0-9:"+f.Name())
	start(t, "wait ofd:"+f.Name())
	self := os.Getpid()
	locks := scan(t, id(t, f), 3).Detail.(*model.FileDetail).Locks
	held := map[int]bool{}
	for _, l := range locks[:2] {
		if len(l.Holders) != 1 || l.Blocked || l.PID.Known() {
			t.Fatalf("%+v, want one holder each", l)
		}
		held[l.Holders[0]] = true
	}
	if !held[self] || !held[other] {
		t.Errorf("held by %v, want %d and %d", held, self, other)
	}
	if w := locks[2]; !w.Blocked || len(w.BlockedBy) != 2 || w.Type != "ofd" {
		t.Errorf("%+v, want blocked by both", w)
	}
}

func TestLeaseBreaker(t *testing.T) {
	f := file(t)
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	// The kernel asks the holder by SIGIO, which Go programs ignore by default.
	waiter := start(t, "wait open:"+f.Name())
	self := os.Getpid()
	o := scan(t, id(t, f), 2)
	got := o.Detail.(*model.FileDetail).Locks
	if l := got[0]; l.Type != "lease" || l.Blocked || !l.Breaking || !reflect.DeepEqual(l.Holders, []int{self}) {
		t.Errorf("%+v, want a lease of %d that is being broken", l, self)
	}
	if l := got[1]; !l.Blocked || l.PID != model.Some(waiter) || !reflect.DeepEqual(l.BlockedBy, []int{self}) {
		t.Errorf("%+v, want %d blocked by %d", l, waiter, self)
	}
}

// TestLockedDirectory: locks are put on directories, too.
func TestLockedDirectory(t *testing.T) {
	d, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	o := scan(t, id(t, d), 1)
	if o.Path != d.Name() || o.Detail.(*model.FileDetail).Type != "directory" {
		t.Errorf("%s is %+v", o.Path, o.Detail)
	}
}
