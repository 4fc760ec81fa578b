package waitstate

import (
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe/probetest"
)

// TestAgeByProcessor: how long a thread has not run is computed with the clock of the
// processor on which it ran last: the clocks of others may differ by hours.
func TestAgeByProcessor(t *testing.T) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Skip(err)
	}
	began := map[int]time.Time{} // by pid
	for n := range 1024 {
		if !allowed.IsSet(n) || len(began) == 8 {
			continue
		}
		cmd := exec.Command("taskset", "-c", strconv.Itoa(n), "sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		defer func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}()
		began[cmd.Process.Pid] = time.Now()
	}
	time.Sleep(1500 * time.Millisecond)
	snap := probetest.Scan(t, Probe())
	found := 0
	for _, w := range snap.Waits {
		start, ours := began[w.PID]
		if !ours {
			continue
		}
		found++
		age, ok := w.BlockedFor.Get()
		late := time.Since(start) - time.Duration(age)
		if !ok || late < -100*time.Millisecond || late > 700*time.Millisecond {
			t.Errorf("of %v since it began it has not run for %v (%v)", time.Since(start), time.Duration(age), ok)
		}
	}
	if found != len(began) {
		t.Errorf("%d of %d are seen to sleep: %+v", found, len(began), snap.Gaps)
	}
}
