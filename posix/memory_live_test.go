package posix_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/posix"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

func scanMemory(t *testing.T) *model.Snapshot {
	t.Helper()
	for tries := 0; ; tries++ {
		snap, err := probe.NewScanner(probe.Options{
			Probes: []probe.Probe{pipes.FIFO(), memory.Memfd(), posix.Shm(), posix.Sem(), files.File()},
		}).Scan(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if tries == 100 || !probetest.LocksUnknown(snap) {
			return snap
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// shmFile makes a file on /dev/shm that goes away with the test.
func shmFile(t *testing.T, prefix string, content []byte) (f *os.File, name string) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &st); err != nil || st.Type != unix.TMPFS_MAGIC {
		t.Skip("/dev/shm is not a tmpfs here")
	}
	name = fmt.Sprintf("/dev/shm/%sipctop-test-%d-%s", prefix, os.Getpid(), strings.ToLower(t.Name()))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Skip("/dev/shm cannot be written here: ", err)
	}
	t.Cleanup(func() {
		f.Close()
		_ = os.Remove(name) // some tests have unlinked it already
	})
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return f, name
}

// find returns the object that is the file f, by f's own fstat.
func find(t *testing.T, snap *model.Snapshot, f *os.File) *model.Object {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf(":%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
	for i := range snap.Objects {
		if o := snap.Objects[i]; strings.HasSuffix(o.ID, id) {
			if o.ID != string(o.Kind)+id {
				t.Errorf("%s is a %s", o.ID, o.Kind)
			}
			return o
		}
	}
	t.Fatalf("%s (%s) was not seen", f.Name(), id)
	return nil
}

func mapShared(t *testing.T, f *os.File, size int) []byte {
	t.Helper()
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(b) })
	return b
}

func holds(o *model.Object, via model.Via) int {
	n := 0
	for _, h := range o.Holders {
		if int(h.PID) == os.Getpid() && h.Via == via {
			n++
		}
	}
	return n
}

func TestShm(t *testing.T) {
	f, name := shmFile(t, "", make([]byte, 5000))
	mapShared(t, f, 5000)
	o := find(t, scanMemory(t), f)
	d, _ := o.Detail.(*model.MemoryDetail)
	if o.Kind != model.PosixShm || o.Path != name || o.Name != strings.TrimPrefix(name, "/dev/shm") || o.Mode != "0600" ||
		d == nil || d.Size != model.Some(int64(5000)) || d.Allocated != model.Some(int64(8192)) || o.Deleted {
		t.Errorf("got %+v, %+v", o, d)
	}
	if holds(o, model.ViaFD) != 1 || holds(o, model.ViaMap) != 1 {
		t.Errorf("holders %+v, want one descriptor and one mapping", o.Holders)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	o = find(t, scanMemory(t), f)
	d, _ = o.Detail.(*model.MemoryDetail)
	if o.Kind != model.PosixShm || !o.Deleted || o.Path != name || d == nil || d.Size != model.Some(int64(5000)) {
		t.Errorf("unlinked: got %+v, %+v", o, d)
	}
}

// TestShmOrphan: no process holds it, but it exists.
func TestShmOrphan(t *testing.T) {
	f, name := shmFile(t, "", []byte("x"))
	again, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, o := range scanMemory(t).Objects {
		if o.Path == name {
			if o.Ino != model.Big(st.Ino) || len(o.Holders) != 0 {
				t.Errorf("got %+v", o)
			}
			return
		}
	}
	t.Error("it was not seen")
}

func glibcSem(value, waiters uint32) []byte {
	b := make([]byte, 32)
	binary.NativeEndian.PutUint32(b, value)
	binary.NativeEndian.PutUint32(b[4:], waiters)
	binary.NativeEndian.PutUint32(b[8:], 0x80)
	return b
}

func TestSem(t *testing.T) {
	f, name := shmFile(t, "sem.", glibcSem(3, 2))
	mapShared(t, f, 32)
	check := func(when string) {
		t.Helper()
		o := find(t, scanMemory(t), f)
		d, _ := o.Detail.(*model.PosixSemDetail)
		if o.Kind != model.PosixSem || o.Name != "/"+strings.TrimPrefix(name, "/dev/shm/sem.") || d == nil || d.Libc != "glibc" {
			t.Fatalf("%s: got %+v, %+v", when, o, d)
		}
		if o.Deleted && !d.Value.Known() {
			t.Logf("%s: its value cannot be read without CAP_CHECKPOINT_RESTORE", when)
		} else if d.Value != model.Some(int64(3)) || d.Waiters != model.Some(int64(2)) {
			t.Errorf("%s: got %+v, want 3 and 2", when, d)
		}
		if holds(o, model.ViaMap) != 1 {
			t.Errorf("%s: holders %+v, want one mapping", when, o.Holders)
		}
	}
	check("named")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	check("unlinked")
}

// TestSemIsNotTouched: looking changes no access time and breaks no lease.
func TestSemIsNotTouched(t *testing.T) {
	f, name := shmFile(t, "sem.", glibcSem(1, 0))
	old := []unix.Timespec{{Sec: 1}, {Sec: 2}}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, old, 0); err != nil {
		t.Fatal(err)
	}
	if o := find(t, scanMemory(t), f); o.Detail.(*model.PosixSemDetail).Value != model.Some(int64(1)) {
		t.Fatalf("got %+v", o.Detail)
	}
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil || st.Atim.Sec != 1 {
		t.Errorf("access time %v, %v, want 1 s", st.Atim, err)
	}
	// Another ipctop, for example from a test of another package, may have read the table of
	// locks just before, and open the file now.
	var snap *model.Snapshot
	for tries := 0; ; tries++ {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil && tries == 0 {
			t.Skip("no leases here: ", err)
		}
		snap = scanMemory(t)
		lease, err := unix.FcntlInt(f.Fd(), unix.F_GETLEASE, 0)
		if err == nil && lease == unix.F_WRLCK {
			break
		}
		if tries == 30 {
			t.Fatalf("the lease is %d now, %v", lease, err)
		}
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		time.Sleep(10 * time.Millisecond)
	}
	o := find(t, snap, f)
	if d := o.Detail.(*model.PosixSemDetail); d.Value.Known() {
		t.Errorf("the value of a leased file was read: %+v", d)
	}
	for _, g := range snap.Gaps {
		if g.Probe == "posix-sem" && g.Op == "value" && g.Reason == model.Unsupported {
			return
		}
	}
	t.Error("there is no gap for the value")
}

// TestNotEveryFileCalledSem: neither the name alone nor the size makes a file a semaphore.
func TestNotEveryFileCalledSem(t *testing.T) {
	f, _ := shmFile(t, "sem.", []byte("thirty-two bytes of something ..."[:32]))
	g, _ := shmFile(t, "", glibcSem(1, 0))
	h, _ := shmFile(t, "count-", append([]byte{5}, make([]byte, 31)...))
	mapShared(t, h, 32)
	snap := scanMemory(t)
	for _, file := range []*os.File{f, g, h} {
		if o := find(t, snap, file); o.Kind != model.PosixShm {
			t.Errorf("%s is a %s", o.Path, o.Kind)
		}
	}
}

// TestSemOfMusl does what musl's sem_open does.
func TestSemOfMusl(t *testing.T) {
	f, name := shmFile(t, "", append([]byte{4}, make([]byte, 31)...))
	temporary := fmt.Sprintf("/dev/shm/tmp-%d", os.Getpid())
	if err := os.Rename(name, temporary); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(temporary)
	g, err := os.OpenFile(temporary, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	mapShared(t, g, 32)
	g.Close()
	if err := os.Link(temporary, name); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(temporary); err != nil {
		t.Fatal(err)
	}
	o := find(t, scanMemory(t), f)
	d, _ := o.Detail.(*model.PosixSemDetail)
	if o.Kind != model.PosixSem || o.Path != name || d == nil || d.Libc != "musl" || d.Value != model.Some(int64(4)) {
		t.Errorf("got %+v, %+v", o, d)
	}
}

// inNewMountNamespace marks the test program that was started again with a
// /dev/shm of its own.
const inNewMountNamespace = "IPCTOP_TEST_MOUNT_NAMESPACE"

func TestShmOfAnotherMountNamespace(t *testing.T) {
	if os.Getenv(inNewMountNamespace) != "" {
		if err := unix.Mount("none", "/dev/shm", "tmpfs", 0, ""); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for name, content := range map[string][]byte{"elsewhere": []byte("x"), "sem.elsewhere": glibcSem(6, 0)} {
			if err := os.WriteFile("/dev/shm/"+name, content, 0o600); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
		var st unix.Stat_t
		_ = unix.Stat("/dev/shm", &st)
		fmt.Printf("ready %d:%d\n", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	if os.Geteuid() != 0 {
		t.Skip("a new mount namespace needs CAP_SYS_ADMIN")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestShmOfAnotherMountNamespace$")
	cmd.Env = append(os.Environ(), inNewMountNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Skip("no new mount namespace here: ", err)
	}
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	dev, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		t.Skip("no /dev/shm of its own: ", line)
	}
	ns, err := proc.ReadNamespace(fmt.Sprintf("/proc/%d/ns/mnt", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, o := range scanMemory(t).Objects {
		if o.Dev != dev {
			continue
		}
		found[o.Path] = true
		if o.Namespace == nil || o.Namespace.Inode != ns || o.Namespace.Type != "mnt" {
			t.Errorf("%s is in namespace %+v, want %d", o.Path, o.Namespace, ns)
		}
		if d, ok := o.Detail.(*model.PosixSemDetail); ok && d.Value != model.Some(int64(6)) {
			t.Errorf("semaphore %+v, want 6", d)
		}
	}
	if len(found) != 2 || !found["/dev/shm/elsewhere"] || !found["/dev/shm/sem.elsewhere"] {
		t.Errorf("found %v", found)
	}
}

// TestSemOfThisLibc lets the C library make a semaphore, to check the layout.
func TestSemOfThisLibc(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: there is no other way to the C library here")
	}
	name := fmt.Sprintf("/ipctop-test-%d-libc", os.Getpid())
	const program = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
name = sys.argv[1].encode()
sem = libc.sem_open(name, os.O_CREAT | os.O_EXCL, 0o600, 9)
print("ready" if sem else os.strerror(ctypes.get_errno()), flush=True)
sys.stdin.read()
libc.sem_unlink(name)
`
	cmd := exec.Command(python, "-c", program, name)
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Skip("sem_open: ", line)
	}
	for _, o := range scanMemory(t).Objects {
		if o.Kind == model.PosixSem && o.Name == name {
			if d := o.Detail.(*model.PosixSemDetail); d.Value != model.Some(int64(9)) || d.Waiters != model.Some(int64(0)) {
				t.Errorf("got %+v, want 9", d)
			}
			if len(o.Holders) != 1 || int(o.Holders[0].PID) != cmd.Process.Pid || o.Holders[0].Via != model.ViaMap {
				t.Errorf("holders %+v, want its creator", o.Holders)
			}
			return
		}
	}
	t.Error("it was not seen")
}
