package proc

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if n := Open(); n != 0 {
		fmt.Fprintf(os.Stderr, "%d directories or files of /proc were not closed\n", n)
		status = 1
	}
	os.Exit(status)
}

func openSelf(t *testing.T) *Dir {
	t.Helper()
	dir, err := OpenDir("/proc/self")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(dir.Close)
	return dir
}

// A closed directory is not used any more, even if its number belongs to another file now.
func TestUseAfterClose(t *testing.T) {
	dir := openSelf(t)
	number := dir.own.fd
	dir.Close()
	other, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	if other != number {
		t.Logf("the number %d was not given again, but %d", number, other)
	}
	dir.Close() // once more: this must not close the file that has the number now
	if _, err := unix.FcntlInt(uintptr(other), unix.F_GETFD, 0); err != nil {
		t.Errorf("another file was closed: %v", err)
	}
	var st unix.Statx_t
	name := []byte("exe\x00")
	for what, err := range map[string]error{
		"alive":     dir.Alive(),
		"read":      func() error { _, err := dir.ReadFile("stat", nil); return err }(),
		"read more": func() error { _, err := dir.ReadOften("stat", nil); return err }(),
		"readlink":  func() error { _, err := dir.Readlink("exe"); return err }(),
		"list":      dir.Each(make([]byte, 4096), func(Entry) bool { return true }),
		"open":      func() error { _, err := dir.Open("fd"); return err }(),
		"statx":     dir.Statx("exe", 0, 0, &st),
		"use":       dir.Use(func(int) error { return nil }),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v, want %v", what, err, os.ErrClosed)
		}
	}
	if _, errno := dir.ReadlinkC(&name[0], make([]byte, 64)); errno != unix.EBADF {
		t.Errorf("readlink without a string: %v", errno)
	}
	if _, ok := dir.LinkMode(&name[0]); ok {
		t.Error("a link has a mode")
	}
}

// A call that is under way when the directory is closed still has the directory, which
// is closed afterwards.
func TestCloseDuringUse(t *testing.T) {
	dir, before := openSelf(t), Open()
	err := dir.Use(func(fd int) error {
		dir.Close()
		if Open() != before {
			t.Error("closed while it is used")
		}
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if Open() != before-1 {
		t.Errorf("%d open after the call, want %d", Open(), before-1)
	}
}

// Directories that a scanner keeps are closed only by the scanner, with the files below them.
func TestHandlesClose(t *testing.T) {
	before := Open()
	h := NewHandles(true)
	dir, err := OpenDir("/proc/self")
	if err != nil {
		t.Skip(err)
	}
	if !h.Put(os.Getpid(), 1, dir) {
		t.Fatal("not taken over")
	}
	dir.Close()
	if _, err := dir.ReadOften("stat", make([]byte, 0, 4096)); err != nil {
		t.Error(err)
	}
	if n := Open() - before; n != 2 {
		t.Errorf("%d open, want the directory and a file", n)
	}
	h.Drop(func(int) bool { return false })
	if n := Open() - before; n != 0 {
		t.Errorf("%d still open", n)
	}
	if _, err := dir.ReadOften("stat", nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read afterwards: %v", err)
	}
}

// Files of a thread that are kept open are closed when the thread has ended.
func TestHandlesForgetThreads(t *testing.T) {
	h := NewHandles(true)
	dir, err := OpenDir("/proc/self")
	if err != nil {
		t.Skip(err)
	}
	if !h.Put(os.Getpid(), 1, dir) {
		t.Fatal("not taken over")
	}
	defer h.Drop(func(int) bool { return false })
	buf := make([]byte, 0, 4096)
	ended := make(chan int)
	go OnThread(func() {
		tid := unix.Gettid()
		if _, err := dir.ReadOften(fmt.Sprintf("task/%d/schedstat", tid), buf); err != nil {
			t.Error(err)
		}
		ended <- tid
	})
	tid := <-ended
	if _, err := dir.ReadOften("stat", buf); err != nil {
		t.Error(err)
	}
	before := len(h.fds)
	dir.ForgetThreads(func(other int) bool { return other == tid })
	if len(h.fds) != before {
		t.Error("a file of a thread that lives was closed")
	}
	dir.ForgetThreads(func(int) bool { return false })
	if got := len(h.fds); got != before-1 {
		t.Errorf("%d files are open after %d, want the thread's to be closed", got, before)
	}
}

// All Handles of a program share one bound: two scanners do not use up its files.
func TestHandlesShareABound(t *testing.T) {
	one, two := NewHandles(false), NewHandles(false)
	bound := int(kept.Load()) + 2
	one.most, two.most = bound, bound
	put := func(h *Handles, pid int) bool {
		dir, err := OpenDir("/proc/self")
		if err != nil {
			t.Fatal(err)
		}
		ok := h.Put(pid, 1, dir)
		if !ok {
			dir.Close()
		}
		return ok
	}
	if !put(one, 1) || !put(two, 1) || put(two, 2) {
		t.Error("two are not what may stay open")
	}
	one.Drop(func(int) bool { return false })
	if !put(two, 2) {
		t.Error("what one gave up the other does not get")
	}
	two.Drop(func(int) bool { return false })
	if n := int(kept.Load()); n != bound-2 {
		t.Errorf("%d are counted in the end", n-bound+2)
	}
}

// A directory that is opened only when needed gives files before that. It is closed if it was
// opened.
func TestOpenedWhenNeeded(t *testing.T) {
	root, err := OpenDir("/proc")
	if err != nil {
		t.Skip(err)
	}
	defer root.Close()
	dir := root.Below("self")
	defer dir.Close()
	if _, err := dir.ReadRecord("stat", nil); err != nil || dir.IsOpen() {
		t.Errorf("reading a file gives %v, and the directory is open: %t", err, dir.IsOpen())
	}
	if _, err := dir.Readlink("exe"); err != nil || dir.IsOpen() {
		t.Errorf("reading a link gives %v, and the directory is open: %t", err, dir.IsOpen())
	}
	if err := dir.Alive(); err != nil || !dir.IsOpen() {
		t.Errorf("alive: %v, and the directory is open: %t", err, dir.IsOpen())
	}
	if err := root.Below("no such").Alive(); !Gone(err) {
		t.Errorf("of what is not there: %v", err)
	}
}

// A directory that is checked when it is opened is not used if the check fails.
func TestCheckedWhenOpened(t *testing.T) {
	root, err := OpenDir("/proc")
	if err != nil {
		t.Skip(err)
	}
	defer root.Close()
	checks := 0
	right := root.Later("self", func(dir *Dir) error {
		checks++
		_, err := dir.ReadRecord("stat", nil)
		return err
	})
	defer right.Close()
	if checks != 0 {
		t.Error("it was opened although nobody needs it")
	}
	for range 2 {
		if err := right.Alive(); err != nil {
			t.Error(err)
		}
	}
	if checks != 1 {
		t.Errorf("it was checked %d times", checks)
	}
	wrong := root.Later("self", func(*Dir) error { return ErrVanished })
	if _, err := wrong.ReadRecord("stat", nil); !errors.Is(err, ErrVanished) {
		t.Errorf("reading a file of the wrong one gives %v", err)
	}
	wrong.Close()
}
