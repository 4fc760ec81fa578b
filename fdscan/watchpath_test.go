package fdscan_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// A watched file has a path if a process holds it, works in it, or has it
// mounted. A path that no longer leads anywhere, or that no process shows, is
// left out.
func TestWatchedPaths(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return path
	}
	mkdir := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fd := open(t, "inotify")(unix.InotifyInit1(unix.IN_CLOEXEC))
	want := map[int]string{}
	watch := func(path, shown string) {
		t.Helper()
		wd, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY)
		if err != nil {
			t.Fatal(err)
		}
		want[wd] = shown
	}
	work, held, deleted := mkdir("work"), file("held"), file("deleted")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	watch(held, held)
	watch(deleted, "")
	watch(mkdir("nobody's"), "")
	watch(work, work)
	watch("/", "/")
	watch(exe, exe)
	if err := os.Remove(deleted); err != nil {
		t.Fatal(err)
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) // the original belongs to an os.File, which closes it
	if err != nil {
		t.Fatal(err)
	}
	inherited := os.NewFile(uintptr(copied), "inotify")
	defer inherited.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.Dir, cmd.ExtraFiles = work, []*os.File{inherited}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()

	snap := probetest.ScanWith(t, probe.Options{Probes: append(eventProbes(), files.File())})
	o, _ := behind(t, snap, os.Getpid(), fd)
	for _, w := range o.Detail.(*model.InotifyDetail).Watches {
		if shown, ok := want[w.WD.Or(-1)]; !ok || w.Path != shown {
			t.Errorf("watch %+v has the path %q, want %q", w, w.Path, shown)
		}
		delete(want, w.WD.Or(-1))
	}
	if len(want) != 0 {
		t.Errorf("%d watches are not shown", len(want))
	}
}
