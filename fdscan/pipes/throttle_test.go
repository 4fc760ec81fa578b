package pipes

import (
	"os"
	"path/filepath"
	"testing"

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

// While it asks, no quota stops the thread; afterwards it is an ordinary one again.
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
