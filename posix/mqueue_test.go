package posix

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

func TestState(t *testing.T) {
	for text, want := range map[string]model.MqNotify{
		"QSIZE:8          NOTIFY:0     SIGNO:10    NOTIFY_PID:14455 \n": {PID: model.Some(14455), Method: "signal", Signal: "SIGUSR1"},
		"QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n": {},
		"QSIZE:0          NOTIFY:2     SIGNO:0     NOTIFY_PID:77    \n": {PID: model.Some(77), Method: "thread"},
		"QSIZE:0 NOTIFY:1 SIGNO:0 NOTIFY_PID:78 NEW:1\n":                {PID: model.Some(78), Method: "none"},
		"QSIZE:0 NOTIFY:0 SIGNO:35 NOTIFY_PID:0":                        {Method: "signal", Signal: "SIGRTMIN+1"},
	} {
		s, err := parseState([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := *s.notification(true); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
		if s.notification(false).PID.Known() {
			t.Errorf("%q: the pid is of another namespace", text)
		}
	}
	if s, _ := parseState([]byte("QSIZE:4242 NOTIFY:0 SIGNO:0 NOTIFY_PID:0")); s.bytes != 4242 {
		t.Errorf("%d bytes", s.bytes)
	}
	for _, text := range []string{"", "QSIZE:8", "QSIZE:x NOTIFY:0 SIGNO:0 NOTIFY_PID:0", "QSIZE:-1 NOTIFY:0 SIGNO:0 NOTIFY_PID:0"} {
		if _, err := parseState([]byte(text)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte("QSIZE:8          NOTIFY:0     SIGNO:10    NOTIFY_PID:14455 \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseState(b)
		if err == nil && s.bytes < 0 {
			t.Fatal(s)
		}
		s.notification(true)
	})
}

// queueEnv makes the test binary make a queue and wait for the end of its input.
const queueEnv = "POSIX_TEST_QUEUE"

func TestMain(m *testing.M) {
	name := os.Getenv(queueEnv)
	if name == "" {
		os.Exit(probetest.Main(m))
	}
	if args, ok := strings.CutPrefix(name, "limit "); ok {
		tryQueue(args)
		return
	}
	if _, err := open(name, 3, 16); err != nil {
		fmt.Println(err)
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// open makes a queue; the system call wants the name without its slash.
func open(name string, messages, size int) (int, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	attr := mqAttr{maxMessages: messages, messageSize: size}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC,
		0o600, uintptr(unsafe.Pointer(&attr)), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func unlink(name string) {
	if p, err := unix.BytePtrFromString(name); err == nil {
		_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(p)), 0, 0)
	}
}

func newQueue(t *testing.T) (name string, fd int) {
	t.Helper()
	name = fmt.Sprintf("ipctop-test-%d-%s", os.Getpid(), t.Name())
	fd, err := open(name, 4, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unlink(name); _ = unix.Close(fd) })
	return name, fd
}

func find(t *testing.T, s *model.Snapshot, fd int) *model.Object {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("posix-mq:%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
	for i := range s.Objects {
		if s.Objects[i].ID == want {
			return s.Objects[i]
		}
	}
	t.Fatalf("no %s in %+v; gaps %+v", want, s.Objects, s.Gaps)
	return nil
}

func TestLiveQueue(t *testing.T) {
	name, fd := newQueue(t)
	// sigevent: value, signal, method
	event := struct {
		value          uintptr
		signal, method int32
		_              [12]int32
	}{signal: 35}
	if _, _, errno := unix.Syscall(unix.SYS_MQ_NOTIFY, uintptr(fd), uintptr(unsafe.Pointer(&event)), 0); errno != 0 {
		t.Fatal(errno)
	}
	s := probetest.Scan(t, Mq())
	o := find(t, s, fd)
	d := o.Detail.(*model.PosixMqDetail)
	if o.Name != "/"+name || o.Mode != "0600" || o.UID != model.Some(os.Geteuid()) || o.Deleted {
		t.Errorf("object %+v", o)
	}
	fds, notified := 0, 0
	for _, h := range o.Holders {
		if h.PID != int32(os.Getpid()) || h.Comm == "" {
			t.Errorf("holder %+v", h)
		}
		switch h.Via {
		case model.ViaFD:
			fds++
			if h.FD != model.Some(int32(fd)) || h.Access != model.ReadWrite {
				t.Errorf("holder %+v", h)
			}
		case model.ViaNotify:
			notified++
		}
	}
	if how := s.Scan.Backends["posix-mq"]; how == "" {
		if os.Geteuid() == 0 {
			t.Fatal("root can mount the file system")
		}
		if d.Messages != model.Some[int64](0) || d.Notify != nil || fds != 1 { // a duplicate was asked
			t.Errorf("without any access: %+v, %+v", d, o.Holders)
		}
		for _, g := range s.Gaps {
			if g.Probe == "posix-mq" && g.Reason == model.Denied && strings.Contains(g.Detail, "CAP_SYS_ADMIN") {
				return
			}
		}
		t.Fatalf("no gap says why: %+v", s.Gaps)
	}
	if fds != 1 || notified != 1 {
		t.Errorf("%d descriptors, %d registrations: %+v", fds, notified, o.Holders)
	}
	want := model.MqNotify{PID: model.Some(os.Getpid()), Method: "signal", Signal: "SIGRTMIN+1"}
	if d.Notify == nil || *d.Notify != want {
		t.Errorf("notify %+v", d.Notify)
	}
	if d.Messages != model.Some[int64](0) || d.MaxMessages != model.Some[int64](4) || d.MessageSize != model.Some[int64](64) ||
		d.Bytes != model.Some[int64](0) || o.Fill != model.Some(model.Ratio(0)) {
		t.Errorf("empty queue: %+v %v", d, o.Fill)
	}
	_, _, _ = unix.Syscall(unix.SYS_MQ_NOTIFY, uintptr(fd), 0, 0)
	text := [5]byte{}
	for range 3 {
		if _, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(&text)), 5, 0, 0, 0); errno != 0 {
			t.Fatal(errno)
		}
	}
	o = find(t, probetest.Scan(t, Mq()), fd)
	d = o.Detail.(*model.PosixMqDetail)
	if d.Messages != model.Some[int64](3) || d.Bytes != model.Some[int64](15) || o.Fill != model.Some(model.Ratio(0.75)) ||
		d.Notify == nil || *d.Notify != (model.MqNotify{}) {
		t.Errorf("three messages: %+v %v", d, o.Fill)
	}
	if o.Namespace == nil || o.Namespace.Inode != s.Host.Namespaces["ipc"] {
		t.Errorf("namespace %+v", o.Namespace)
	}

	unlink(name)
	var before, after unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil {
		t.Fatal(err)
	}
	o = find(t, probetest.Scan(t, Mq()), fd)
	d = o.Detail.(*model.PosixMqDetail)
	if !o.Deleted || o.Name != "/"+name || len(o.Holders) != 1 || d.Messages != model.Some[int64](3) || d.MaxMessages != model.Some[int64](4) ||
		o.Fill != model.Some(model.Ratio(0.75)) {
		t.Errorf("unlinked: %+v %+v", o, d)
	}
	if err := unix.Fstat(fd, &after); err != nil || before != after {
		t.Errorf("asking it changed the file: %+v, now %+v (%v)", before, after, err)
	}
}

// TestQueueOfLostNamespace: a queue is reported even if only its descriptor keeps its
// namespace alive.
func TestQueueOfLostNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: an IPC namespace is made")
	}
	var fd int
	var refused error
	proc.OnThread(func() {
		if refused = unix.Unshare(unix.CLONE_NEWIPC); refused != nil {
			return
		}
		name, _ := unix.BytePtrFromString("lost")
		attr := mqAttr{maxMessages: 4, messageSize: 64}
		n, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), unix.O_RDWR|unix.O_CREAT, 0o600, uintptr(unsafe.Pointer(&attr)), 0, 0)
		if errno != 0 {
			refused = errno
			return
		}
		fd = int(n)
	})
	if refused != nil {
		t.Skip(refused)
	}
	defer unix.Close(fd)
	text := [5]byte{}
	if _, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(&text)), 5, 0, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	o := find(t, probetest.Scan(t, Mq()), fd)
	d := o.Detail.(*model.PosixMqDetail)
	if o.Name != "/lost" || d.Messages != model.Some[int64](1) || d.MaxMessages != model.Some[int64](4) || o.Fill != model.Some(model.Ratio(0.25)) {
		t.Errorf("got %+v %+v", o, d)
	}
}

func TestLiveMountIsSeenByNobody(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	newQueue(t)
	probetest.Scan(t, Mq())
	after, _ := os.ReadFile("/proc/self/mountinfo")
	if string(before) != string(after) {
		t.Error("the scan changed the mounts")
	}
}

func TestLiveNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making an IPC namespace needs CAP_SYS_ADMIN")
	}
	for range 2 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), queueEnv+"=inner", "GORACE=atexit_sleep_ms=0")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWIPC}
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
		buf := make([]byte, 64)
		if n, err := out.Read(buf); err != nil || string(buf[:n]) != "ready\n" {
			t.Fatalf("%s, %v", buf[:n], err)
		}
	}
	s := probetest.Scan(t, Mq())
	namespaces := map[uint64]bool{}
	for _, o := range s.Objects {
		if o.Name != "/inner" {
			continue
		}
		d := o.Detail.(*model.PosixMqDetail)
		if o.Namespace == nil || len(o.Holders) != 1 || d.MaxMessages != model.Some[int64](3) || d.MessageSize != model.Some[int64](16) {
			t.Fatalf("%+v %+v", o, d)
		}
		namespaces[o.Namespace.Inode] = true
	}
	if len(namespaces) != 2 {
		t.Errorf("queues in %d namespaces, want 2: %+v", len(namespaces), s.Gaps)
	}
}
