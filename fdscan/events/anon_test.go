package events

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

// TestSharedInodeIsNoIdentity: a kind that has an inode for each instance on
// this kernel shares one on older ones, as timers always do.
func TestSharedInodeIsNoIdentity(t *testing.T) {
	for range 2 {
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	p := anonProbe(newAnonClass(model.Timerfd, true), "anon_inode:[timerfd]", parseTimerfd)
	snap := probetest.Scan(t, p)
	n := 0
	for _, o := range snap.Objects {
		if int(o.Holders[0].PID) == os.Getpid() {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d objects, want 2", n)
	}
}
