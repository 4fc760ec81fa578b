package fdscan_test

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
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
	"github.com/ipctop/ipctop/proc"
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
		o := snap.Objects[i]
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

// child starts a process that does nothing and has the given descriptors from 3 on.
func child(t *testing.T, fds ...int) int {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	for _, fd := range fds {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) // the original belongs to an os.File, which closes it
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
	if !slices.ContainsFunc(snap.Links, func(l *model.Link) bool { return l.Object == o.ID && slices.Contains(l.To, pid) && l.BothWays }) {
		t.Errorf("no link through %s", o.ID)
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
	// One eventfd is watched under a number that belongs to another one by now. A
	// second one is watched under a number for which there are two watches of
	// files of the same kind.
	moved := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	watch(moved, unix.EPOLLOUT)
	elsewhere := dup(t, moved)
	other := open(t, "eventfd")(unix.Eventfd(0, unix.EFD_CLOEXEC))
	if err := unix.Dup3(other, moved, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	watch(moved, unix.EPOLLIN) // the second one under the same number

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
	want[fmt.Sprint(moved, "EPOLLOUT")] = "" // no information tells where it is now
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

// TestPidfdOfThread: the kernel tells the number of the thread, which is not that of a process.
func TestPidfdOfThread(t *testing.T) {
	tids, done := make(chan int), make(chan struct{})
	defer close(done)
	go proc.OnThread(func() {
		tids <- unix.Gettid()
		<-done
	})
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
	_ = unix.Close(p[0]) // only the ring holds the read end now
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
