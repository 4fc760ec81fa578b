package fdscan_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/events"
	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func eventProbes() []probe.Probe {
	return []probe.Probe{
		pipes.Pipe(), pipes.FIFO(), files.Pty(), events.Eventfd(), events.Signalfd(), events.Timerfd(), events.Inotify(),
		events.Fanotify(), events.Pidfd(), events.IOUring(), events.Userfaultfd(), sockets.Unix(), events.Epoll(),
	}
}

func scanEvents(t *testing.T) *model.Snapshot {
	t.Helper()
	snap := probetest.ScanWith(t, probe.Options{Probes: eventProbes()})
	for _, g := range snap.Gaps {
		if g.PID == os.Getpid() {
			t.Errorf("gap about this process: %+v", g)
		}
	}
	return snap
}

// behind finds the one object that a descriptor of a process holds.
func behind(t *testing.T, snap *model.Snapshot, pid, fd int) (*model.Object, *model.Holder) {
	t.Helper()
	var object *model.Object
	var holder *model.Holder
	for i := range snap.Objects {
		o := &snap.Objects[i]
		for n := range o.Holders {
			h := &o.Holders[n]
			if int(h.PID) != pid || h.Via != model.ViaFD || h.FD.Or(-1) != int32(fd) {
				continue
			}
			if object != nil {
				t.Fatalf("fd %d of %d is held in %s and in %s", fd, pid, object.ID, o.ID)
			}
			object, holder = o, h
		}
	}
	if object == nil {
		t.Fatalf("fd %d of %d holds no object", fd, pid)
	}
	return object, holder
}

// open takes the result of a system call that makes a descriptor.
func open(t *testing.T, what string) func(fd int, err error) int {
	return func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Skipf("%s: %v", what, err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
}

func call(nr uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	r, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

func dup(t *testing.T, fd int) int {
	return open(t, "dup")(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3))
}

// child starts a process that does nothing and has the descriptors from 3 on.
func child(t *testing.T, fds ...int) int {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	for _, fd := range fds {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) // the file's, which closes it
		if err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(own), ""))
	}
	err := cmd.Start()
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestEventfdLive(t *testing.T) {
	fd := open(t, "eventfd")(unix.Eventfd(7, unix.EFD_CLOEXEC|unix.EFD_SEMAPHORE))
	zero := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	pid := child(t, fd)
	snap := scanEvents(t)
	o, _ := behind(t, snap, os.Getpid(), fd)
	if c, _ := behind(t, snap, pid, 3); c != o {
		t.Errorf("%s and %s are one eventfd", o.ID, c.ID)
	}
	d := o.Detail.(*model.EventfdDetail)
	if d.Count != model.Some(model.Big(7)) || d.Semaphore != model.Some(true) {
		t.Errorf("got %+v", d)
	}
	other, _ := behind(t, snap, os.Getpid(), zero)
	if other == o || other.Detail.(*model.EventfdDetail).Count != model.Some(model.Big(0)) {
		t.Errorf("got %s and %s", o.ID, other.ID)
	}
	if !slices.ContainsFunc(snap.Links, func(l model.Link) bool { return l.Object == o.ID && slices.Contains(l.To, pid) && l.BothWays }) {
		t.Errorf("no link through %s", o.ID)
	}
}

// TestSharedDescriptions: a duplicate and what a child inherited are the same
// object, another instance that looks the same is not.
func TestSharedDescriptions(t *testing.T) {
	mask := [8]byte{0: 2}
	for name, make := range map[string]func() (int, error){
		"epoll":   func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) },
		"timerfd": func() (int, error) { return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC) },
		"inotify": func() (int, error) { return unix.InotifyInit1(unix.IN_CLOEXEC) },
		"signalfd": func() (int, error) {
			return call(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&mask)), 8, unix.SFD_CLOEXEC)
		},
		"fanotify": func() (int, error) { return unix.FanotifyInit(unix.FAN_CLOEXEC|unix.FAN_REPORT_FID, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t, name)(make()), open(t, name)(make())
			a2 := dup(t, a)
			pid := child(t, a, b)
			snap := scanEvents(t)
			self := os.Getpid()
			oa, h := behind(t, snap, self, a)
			ob, _ := behind(t, snap, self, b)
			if oa == ob {
				t.Fatalf("two instances are one object, %s", oa.ID)
			}
			if string(oa.Kind) != name || len(oa.Holders) != 3 || len(ob.Holders) != 2 {
				t.Errorf("%s has %d holders, %s has %d; want 3 and 2", oa.ID, len(oa.Holders), ob.ID, len(ob.Holders))
			}
			first := oa.Holders[0]
			ofd := model.OFD{PID: first.PID, FD: first.FD.Or(-1)}
			if oa.ID != name+":"+ofd.String() {
				t.Errorf("%s is not named after its lowest holder, %s", oa.ID, ofd)
			}
			_, h2 := behind(t, snap, self, a2)
			_, h3 := behind(t, snap, pid, 3)
			if h.OFD != ofd || h2.OFD != ofd || h3.OFD != ofd {
				t.Errorf("descriptions %v, %v, %v; want %v", h.OFD, h2.OFD, h3.OFD, ofd)
			}
		})
	}
}

// TestSharedFIFO: an object with an identity, held through several
// descriptions.
func TestSharedFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	a := open(t, "open")(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	b := open(t, "open")(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	c := open(t, "open")(unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0))
	pid := child(t, a)
	snap := scanEvents(t)
	self := os.Getpid()
	_, ha := behind(t, snap, self, a)
	_, hb := behind(t, snap, self, b)
	_, hc := behind(t, snap, self, c)
	_, child := behind(t, snap, pid, 3)
	if ha.OFD.IsZero() || ha.OFD != child.OFD || !hb.OFD.IsZero() || !hc.OFD.IsZero() {
		t.Errorf("descriptions: %v and %v of a shared one, %v and %v of others", ha.OFD, child.OFD, hb.OFD, hc.OFD)
	}
}

// denyKcmp marks the test program that was started again to run without
// kcmp(2).
const denyKcmp = "IPCTOP_TEST_DENY_KCMP"

// TestWithoutKcmp: as in a container whose seccomp filter refuses it, nothing is
// merged, and that is said once.
func TestWithoutKcmp(t *testing.T) {
	if os.Getenv(denyKcmp) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWithoutKcmp$", "-test.v")
		cmd.Env = append(os.Environ(), denyKcmp+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	a := open(t, "epoll")(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	a2 := dup(t, a)
	e := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	e2 := dup(t, e)
	refuse(t, unix.SYS_KCMP)
	snap := scanEvents(t)
	o, h := behind(t, snap, os.Getpid(), a)
	o2, _ := behind(t, snap, os.Getpid(), a2)
	if o == o2 || !h.OFD.IsZero() || o.HoldersComplete || o2.HoldersComplete {
		t.Errorf("%s and %s, description %v, complete %v", o.ID, o2.ID, h.OFD, o.HoldersComplete)
	}
	oe, _ := behind(t, snap, os.Getpid(), e)
	if oe2, _ := behind(t, snap, os.Getpid(), e2); oe != oe2 {
		t.Errorf("%s and %s are one eventfd, whatever kcmp says", oe.ID, oe2.ID)
	}
	n := 0
	for _, g := range snap.Gaps {
		if g.Probe == "ofd" {
			n++
			if g.Reason != model.Denied {
				t.Errorf("gap %+v", g)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d gaps, want 1", n)
	}
}

// refuse makes a system call fail with EPERM in this process from now on.
func refuse(t *testing.T, nr uint32) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// The filter goes to all threads; the permission to install it is asked of
	// the thread that does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Skip(err)
	}
	if _, err := call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); err != nil {
		t.Skip(err)
	}
}

func TestEpollLive(t *testing.T) {
	ep := open(t, "epoll")(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, _ := open(t, "")(p[0], nil), open(t, "")(p[1], nil)
	event := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	timer := open(t, "timerfd")(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC))
	inner := open(t, "epoll")(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	process := open(t, "pidfd")(unix.PidfdOpen(os.Getpid(), 0))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket, _ := open(t, "")(pair[0], nil), open(t, "")(pair[1], nil)
	watch := func(fd int, events uint32) {
		t.Helper()
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, fd := range []int{r, socket, event, timer, inner, process} {
		watch(fd, unix.EPOLLIN|unix.EPOLLET)
	}
	// One eventfd is watched under a number that another has by now, a second
	// one under a number that has another file of the same kind twice over.
	moved := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	watch(moved, unix.EPOLLOUT)
	elsewhere := dup(t, moved)
	other := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	if err := unix.Dup3(other, moved, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	watch(moved, unix.EPOLLIN) // under the same number, the second

	snap := scanEvents(t)
	self := os.Getpid()
	o, _ := behind(t, snap, self, ep)
	got := map[string]string{}
	for _, w := range o.Detail.(*model.EpollDetail).Watches {
		got[fmt.Sprint(w.FD.Or(-1), w.Events[0])] = w.Object
	}
	want := map[string]string{}
	for _, fd := range []int{r, socket, event, timer, inner, process} {
		to, _ := behind(t, snap, self, fd)
		want[fmt.Sprint(fd, "EPOLLIN")] = to.ID
	}
	to, _ := behind(t, snap, self, other)
	want[fmt.Sprint(moved, "EPOLLIN")] = to.ID
	want[fmt.Sprint(moved, "EPOLLOUT")] = "" // it is elsewhere, which nothing tells
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v (moved to %d)", got, want, elsewhere)
	}
}

func TestTimerfdLive(t *testing.T) {
	fd := open(t, "timerfd")(unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC))
	set := unix.ItimerSpec{Interval: unix.NsecToTimespec(60e9), Value: unix.NsecToTimespec(1)}
	if err := unix.TimerfdSettime(fd, 0, &set, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	idle := open(t, "timerfd")(unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC))
	snap := scanEvents(t)
	o, _ := behind(t, snap, os.Getpid(), fd)
	d := o.Detail.(*model.TimerfdDetail)
	if d.Clock != "CLOCK_BOOTTIME" || d.Ticks != model.Some[int64](1) || d.Interval != model.Some[int64](60e9) || d.Remaining != model.Some[int64](0) {
		t.Errorf("got %+v", d)
	}
	if _, err := unix.Read(fd, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	read, _ := behind(t, scanEvents(t), os.Getpid(), fd)
	d = read.Detail.(*model.TimerfdDetail)
	if left := d.Remaining.Or(0); d.Ticks != model.Some[int64](0) || left > 60e9 || left < 30e9 {
		t.Errorf("once it was read: %+v", d)
	}
	o, _ = behind(t, snap, os.Getpid(), idle)
	d = o.Detail.(*model.TimerfdDetail)
	if d.Clock != "CLOCK_REALTIME" || d.Remaining != model.Some[int64](0) || d.Ticks != model.Some[int64](0) {
		t.Errorf("got %+v", d)
	}
}

func TestSignalfdLive(t *testing.T) {
	var mask [8]byte
	set := uint64(1)<<(unix.SIGUSR1-1) | 1<<(36-1)
	for i := range mask {
		mask[i] = byte(set >> (8 * i))
	}
	fd := open(t, "signalfd")(call(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&mask)), 8, unix.SFD_CLOEXEC))
	o, _ := behind(t, scanEvents(t), os.Getpid(), fd)
	if d := o.Detail.(*model.SignalfdDetail); !slices.Equal(d.Signals, []string{"SIGUSR1", "SIGRTMIN+2"}) {
		t.Errorf("got %q", d.Signals)
	}
}

func TestInotifyLive(t *testing.T) {
	dir := t.TempDir()
	fd := open(t, "inotify")(unix.InotifyInit1(unix.IN_CLOEXEC))
	wd, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_ONLYDIR)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	o, _ := behind(t, scanEvents(t), os.Getpid(), fd)
	w := o.Detail.(*model.InotifyDetail).Watches
	dev := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	if len(w) != 1 || w[0].WD != model.Some(wd) || uint64(w[0].Ino) != st.Ino || w[0].Dev != dev || !slices.Contains(w[0].Events, "IN_CREATE") {
		t.Errorf("got %+v, want wd %d, inode %d of %s", w, wd, st.Ino, dev)
	}
}

func TestFanotifyLive(t *testing.T) {
	dir := t.TempDir()
	fd := open(t, "fanotify")(unix.FanotifyInit(unix.FAN_CLOEXEC|unix.FAN_CLASS_CONTENT, 0))
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_ONLYDIR, unix.FAN_OPEN|unix.FAN_ONDIR, unix.AT_FDCWD, dir); err != nil {
		t.Fatal(err)
	}
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_MOUNT, unix.FAN_MODIFY, unix.AT_FDCWD, "/proc"); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	o, _ := behind(t, scanEvents(t), os.Getpid(), fd)
	d := o.Detail.(*model.FanotifyDetail)
	if d.Class != "content" || len(d.Watches) != 2 {
		t.Fatalf("got %+v", d)
	}
	for _, w := range d.Watches {
		ok := w.Type == "inode" && uint64(w.Ino) == st.Ino && slices.Equal(w.Events, []string{"FAN_OPEN", "FAN_ONDIR"}) ||
			w.Type == "mount" && w.Path == "/proc" && slices.Equal(w.Events, []string{"FAN_MODIFY"})
		if !ok {
			t.Errorf("got %+v", w)
		}
	}
}

func TestPidfdLive(t *testing.T) {
	pid := child(t)
	a := open(t, "pidfd_open")(unix.PidfdOpen(pid, 0))
	b := open(t, "pidfd_open")(unix.PidfdOpen(pid, 0))
	gone := exec.Command("true")
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	c := open(t, "pidfd_open")(unix.PidfdOpen(gone.Process.Pid, 0))
	if err := gone.Wait(); err != nil {
		t.Fatal(err)
	}
	snap := scanEvents(t)
	oa, _ := behind(t, snap, os.Getpid(), a)
	ob, _ := behind(t, snap, os.Getpid(), b)
	var sa, anon unix.Stat_t
	if err := unix.Fstat(a, &sa); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fstat(open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC)), &anon); err != nil {
		t.Fatal(err)
	}
	pidfs := sa.Ino != anon.Ino || sa.Dev != anon.Dev
	if pidfs && (oa != ob || oa.ID != fmt.Sprint("pidfd:", sa.Ino)) || !pidfs && oa == ob {
		t.Errorf("got %s and %s, inode %d", oa.ID, ob.ID, sa.Ino)
	}
	if d := oa.Detail.(*model.PidfdDetail); d.PID != model.Some(pid) || d.Comm != "sleep" || d.Ended != model.Some(false) {
		t.Errorf("got %+v", d)
	}
	oc, _ := behind(t, snap, os.Getpid(), c)
	if d := oc.Detail.(*model.PidfdDetail); d.PID.Known() || d.Ended != model.Some(true) {
		t.Errorf("of a process that was waited for: %+v", d)
	}
}

// TestPidfdOfThread: the kernel tells the number of the thread, which is no process's.
func TestPidfdOfThread(t *testing.T) {
	tids, done := make(chan int), make(chan struct{})
	defer close(done)
	go func() {
		runtime.LockOSThread() // and ends with the goroutine
		if unix.Gettid() == os.Getpid() {
			go func() { runtime.LockOSThread(); tids <- unix.Gettid(); <-done }()
			<-done
			return
		}
		tids <- unix.Gettid()
		<-done
	}()
	tid := <-tids
	fd := open(t, "pidfd_open of a thread")(unix.PidfdOpen(tid, unix.PIDFD_THREAD))
	o, _ := behind(t, scanEvents(t), os.Getpid(), fd)
	if d := o.Detail.(*model.PidfdDetail); d.PID != model.Some(os.Getpid()) || d.TID != model.Some(tid) || d.Comm == "" || d.Ended != model.Some(false) {
		t.Errorf("got %+v, want thread %d of %d", d, tid, os.Getpid())
	}
}

func TestIOUringLive(t *testing.T) {
	var params [120]byte // struct io_uring_params
	fd := open(t, "io_uring_setup")(call(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params))))
	unix.CloseOnExec(fd)
	other := open(t, "dup")(dup(t, fd), nil)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	w := open(t, "")(p[1], nil)
	files := []int32{-1, int32(p[0])}
	const registerFiles = 2
	_, err := call(unix.SYS_IO_URING_REGISTER, uintptr(fd), registerFiles, uintptr(unsafe.Pointer(&files[0])), 2)
	_ = unix.Close(p[0]) // the ring alone holds the read end now
	if err != nil {
		t.Fatal(err)
	}
	snap := scanEvents(t)
	o, _ := behind(t, snap, os.Getpid(), fd)
	if o2, h := behind(t, snap, os.Getpid(), other); o2 != o || h.OFD.IsZero() {
		t.Errorf("%s and %s (%v) are one ring", o.ID, o2.ID, h.OFD)
	}
	pipe, _ := behind(t, snap, os.Getpid(), w)
	d := o.Detail.(*model.IOUringDetail)
	if d.SQEntries != model.Some[int64](8) || d.CQEntries != model.Some[int64](16) || d.RegisteredFiles != model.Some[int64](2) ||
		d.CQPending != model.Some[int64](0) || len(d.Files) != 1 || d.Files[0].Slot != 1 || d.Files[0].Object != pipe.ID {
		t.Errorf("got %+v", d)
	}
	if !slices.ContainsFunc(pipe.Holders, func(h model.Holder) bool {
		return h.Via == model.ViaRegistered && int(h.PID) == os.Getpid() && !h.FD.Known() && h.Object == o.ID
	}) {
		t.Errorf("the ring is not a holder of %s: %+v", pipe.ID, pipe.Holders)
	}
}

func TestUserfaultfdLive(t *testing.T) {
	const userModeOnly = 1
	fd := open(t, "userfaultfd")(call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly))
	api := [3]uint64{0xaa}
	const uffdioAPI = 0xc018aa3f
	if _, err := call(unix.SYS_IOCTL, uintptr(fd), uffdioAPI, uintptr(unsafe.Pointer(&api))); err != nil {
		t.Fatal(err)
	}
	second := open(t, "userfaultfd")(call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly))
	snap := scanEvents(t)
	o, _ := behind(t, snap, os.Getpid(), fd)
	if d := o.Detail.(*model.UserfaultfdDetail); d.Pending != model.Some[int64](0) || d.Total != model.Some[int64](0) || d.API != "0xaa" {
		t.Errorf("got %+v", d)
	}
	if o2, _ := behind(t, snap, os.Getpid(), second); o2 == o {
		t.Errorf("two are one object, %s", o.ID)
	}
}

// openPty opens a pseudoterminal through a ptmx and returns both ends and the
// index.
func openPty(ptmx, pts string) (master, slave, index int, err error) {
	if master, err = unix.Open(ptmx, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		return 0, 0, 0, err
	}
	if index, err = unix.IoctlGetInt(master, unix.TIOCGPTN); err == nil {
		if err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err == nil {
			slave, err = unix.Open(fmt.Sprintf("%s/%d", pts, index), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		}
	}
	return master, slave, index, err
}

func TestPtyLive(t *testing.T) {
	for _, ptmx := range []string{"/dev/ptmx", "/dev/pts/ptmx"} {
		t.Run(filepath.Base(filepath.Dir(ptmx)), func(t *testing.T) {
			master, slave, index, err := openPty(ptmx, "/dev/pts")
			if err != nil {
				t.Skip(err)
			}
			open(t, "")(master, nil)
			open(t, "")(slave, nil)
			if _, err := unix.Write(slave, []byte("not read")); err != nil {
				t.Fatal(err)
			}
			queued := 0
			for queued == 0 { // a worker of the kernel carries it over
				if queued, err = unix.IoctlGetInt(master, unix.TIOCINQ); err != nil {
					t.Fatal(err)
				}
			}
			pid := child(t, slave)
			snap := scanEvents(t)
			o, hm := behind(t, snap, os.Getpid(), master)
			os2, hs := behind(t, snap, os.Getpid(), slave)
			var st unix.Stat_t
			if err := unix.Fstat(slave, &st); err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprintf("pty:%d:%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), index)
			if o != os2 || o.ID != id {
				t.Fatalf("master is %s, slave is %s, want %s", o.ID, os2.ID, id)
			}
			if hm.Extent == nil || hs.Extent == nil || !slices.Equal(hm.Flags, []string{"master"}) || !slices.Equal(hs.Flags, []string{"slave"}) {
				t.Errorf("holders %+v, %+v", hm, hs)
			}
			d := o.Detail.(*model.PtyDetail)
			if d.Index != model.Some(index) || d.Queued != model.Some(int64(queued)) || d.Session != model.Some(0) || d.Foreground != model.Some(0) {
				t.Errorf("got %+v, want %d queued", d, queued)
			}
			if !slices.ContainsFunc(snap.Links, func(l model.Link) bool {
				return l.Object == id && slices.Equal(l.From, []int{os.Getpid()}) && slices.Contains(l.To, pid)
			}) {
				t.Errorf("no link from master to slave of %s", id)
			}
		})
	}
}

// TestPtyHungUp: a slave without its master.
func TestPtyHungUp(t *testing.T) {
	master, slave, index, err := openPty("/dev/pts/ptmx", "/dev/pts")
	if err != nil {
		t.Skip(err)
	}
	open(t, "")(slave, nil)
	_ = unix.Close(master)
	o, h := behind(t, scanEvents(t), os.Getpid(), slave)
	if d := o.Detail.(*model.PtyDetail); d.Index != model.Some(index) || d.Queued.Known() || len(o.Holders) != 1 || !slices.Equal(h.Flags, []string{"slave"}) {
		t.Errorf("got %s, %+v", o.ID, d)
	}
}

// inNewDevpts marks the test program that was started again with a devpts
// instance of its own.
const inNewDevpts = "IPCTOP_TEST_DEVPTS"

// TestTwoDevpts: /dev/pts/N of two devpts instances, and their masters, are two
// pairs.
func TestTwoDevpts(t *testing.T) {
	if os.Getenv(inNewDevpts) != "" {
		ownDevpts(t, os.Getenv(inNewDevpts))
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("a new mount namespace needs CAP_SYS_ADMIN")
	}
	for _, ptmx := range []string{"/dev/ptmx", "/dev/pts/ptmx"} {
		master, slave, index, err := openPty(ptmx, "/dev/pts")
		if err != nil {
			t.Skip(err)
		}
		open(t, "")(master, nil)
		open(t, "")(slave, nil)
		cmd := exec.Command(os.Args[0], "-test.run=^TestTwoDevpts$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", inNewDevpts, ptmx, index))
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		stdin, err1 := cmd.StdinPipe()
		stdout, err2 := cmd.StdoutPipe()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var m, s int
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if n, _ := fmt.Sscanf(line, "ready %d %d", &m, &s); n != 2 {
			t.Fatalf("%v: %q", err, line)
		}
		snap := scanEvents(t)
		mine, _ := behind(t, snap, os.Getpid(), master)
		mine2, _ := behind(t, snap, os.Getpid(), slave)
		theirs, _ := behind(t, snap, cmd.Process.Pid, m)
		theirs2, _ := behind(t, snap, cmd.Process.Pid, s)
		if mine != mine2 || theirs != theirs2 || mine == theirs {
			t.Errorf("%s: mine is %s and %s, theirs is %s and %s", ptmx, mine.ID, mine2.ID, theirs.ID, theirs2.ID)
		}
		a, b := mine.Detail.(*model.PtyDetail).Index, theirs.Detail.(*model.PtyDetail).Index
		if a != b || a != model.Some(index) {
			t.Errorf("%s: indexes %v and %v, want %d for both", ptmx, a, b, index)
		}
		_ = stdin.Close()
		_ = cmd.Wait()
	}
}

// ownDevpts opens the pseudoterminal with the wanted index in a new instance.
func ownDevpts(t *testing.T, want string) {
	var ptmx string
	var wanted int
	if _, err := fmt.Sscan(want, &ptmx, &wanted); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		t.Fatal(err)
	}
	for {
		m, s, index, err := openPty(ptmx, "/dev/pts")
		if err != nil || index > wanted {
			t.Fatalf("index %d, want %d: %v", index, wanted, err)
		}
		if index == wanted {
			fmt.Printf("ready %d %d\n", m, s)
			_, _ = io.ReadAll(os.Stdin)
			return
		}
	}
}
