//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// A pipe and a FIFO are filled and emptied although no process that has them runs: another
// process takes a descriptor for a moment. eBPF shows the change in the next scan.
func TestScanAgainPipe(t *testing.T) {
	sourceOrSkip(t)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	for _, fd := range []int{pipe[0], pipe[1], fifo} {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), "end"))
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	pid := cmd.Process.Pid
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(process)
	through := func(fd int, f func(fd int, b []byte) (int, error), b []byte) {
		t.Helper()
		fd, err := unix.PidfdGetfd(process, fd, 0)
		if err != nil {
			t.Skip(err)
		}
		defer unix.Close(fd)
		if n, err := f(fd, b); err != nil || n != len(b) {
			t.Fatal(n, err)
		}
	}
	again := probe.NewScanner(probe.Options{Probes: probes(), Repeated: true, Check: time.Hour, Source: openSource})
	defer again.Close()
	scan := func(fd int) model.PipeDetail {
		t.Helper()
		for _, o := range scanWith(t, again).Objects {
			d, ok := o.Detail.(*model.PipeDetail)
			if ok && slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == pid && h.FD.Or(-1) == int32(fd) }) {
				return *d
			}
		}
		t.Fatal("the pipe is not in the snapshot")
		return model.PipeDetail{}
	}
	for range 50 {
		if scan(3); again.Cached(pid) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, ends := range [][2]int{{3, 4}, {5, 5}} {
		want := model.PipeDetail{
			Queued: model.Some[int64](0), Capacity: model.Some[int64](64 << 10), Readers: model.Some[int64](1), Writers: model.Some[int64](1),
		}
		expect := func(queued int64) {
			t.Helper()
			want.Queued = model.Some(queued)
			if now := scan(ends[1]); now != want {
				t.Errorf("descriptor %d is %+v, want %+v", ends[1], now, want)
			}
		}
		expect(0)
		through(ends[1], unix.Write, make([]byte, 700))
		expect(700)
		through(ends[1], unix.Write, make([]byte, 9000))
		expect(9700)
		through(ends[0], unix.Read, make([]byte, 500))
		expect(9200)
		expect(9200)
	}
	if !again.Cached(pid) {
		t.Error("its process was read again")
	}
}
