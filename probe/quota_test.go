package probe

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestThrottled(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/cpu.stat":       "usage_usec 5\nnr_periods 200\nnr_throttled 3\nthrottled_usec 9\n",
		"a/below/x":        "",
		"free/cpu.stat":    "usage_usec 5\nnr_periods 1000\nnr_throttled 2\n",
		"nothing/cpu.stat": "usage_usec 5\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for cgroups, want := range map[string]bool{
		"0::/a\n": true, "0::/a/below\n": true, "0::/free\n": false, "0::/nothing\n": false, "0::/\n": false, "": false,
		"4:memory:/a\n": false, "3:cpu,cpuacct:/a\n": true, "malformed": false,
	} {
		if got := throttledIn([]string{root}, []byte(cgroups)); got != want {
			t.Errorf("%q: %v", cgroups, got)
		}
	}
}

// While f runs, no quota stops the thread; afterwards it is an ordinary thread again.
func TestWithoutQuota(t *testing.T) {
	during := -1
	ran := withoutQuota(func() {
		if a, err := unix.SchedGetAttr(0, 0); err == nil {
			during = int(a.Policy)
		}
	})
	if !ran {
		if during != -1 {
			t.Error("it ran although it may not have the class")
		}
		t.Skip("real-time classes are not allowed here")
	}
	if during != unix.SCHED_FIFO {
		t.Errorf("class %d", during)
	}
}

// If a quota stops ipctop now and then, a descriptor is duplicated by a thread that no
// quota stops, or not at all.
func TestDuplicatesUnderQuota(t *testing.T) {
	set := func(stops bool, until time.Time) {
		quota.mu.Lock()
		defer quota.mu.Unlock()
		quota.stops, quota.until = stops, until
	}
	defer set(false, time.Time{})
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(pidfd)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	for _, stops := range []bool{false, true} {
		set(stops, time.Now().Add(time.Hour))
		class := -1
		err := AskDuplicateOf(pidfd, int32(pipe[0]), func(int) error {
			a, err := unix.SchedGetAttr(0, 0)
			if err == nil {
				class = int(a.Policy)
			}
			return err
		})
		switch {
		case stops && errors.Is(err, ErrQuota):
			if class != -1 {
				t.Error("it was asked although a quota can stop it")
			}
		case err != nil:
			t.Skip(err)
		case stops != (class == unix.SCHED_FIFO):
			t.Errorf("a quota stops it: %v; asked in class %d", stops, class)
		}
	}
}
