package waitstate

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
)

// parseSchedstat reads how often a thread has been put on a processor: the third
// number of /proc/PID/task/TID/schedstat (Linux 2.6.23).
func parseSchedstat(b []byte) (uint64, error) {
	f := bytes.Fields(b)
	if len(f) != 3 {
		return 0, fmt.Errorf("schedstat: %w: %q", probe.ErrMalformed, b[:min(len(b), 40)])
	}
	n, err := strconv.ParseUint(string(f[2]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat: %w: run count %q", probe.ErrMalformed, f[2])
	}
	return n, nil
}

// parseSched reads se.exec_start in /proc/PID/task/TID/sched (Linux 2.6.23): the
// scheduler's clock when the thread last ran, in milliseconds with six decimals.
func parseSched(b []byte) (time.Duration, error) {
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, []byte("se.exec_start"))
		if !ok {
			continue
		}
		_, v, _ := bytes.Cut(rest, []byte(":"))
		whole, frac, ok := bytes.Cut(bytes.TrimSpace(v), []byte("."))
		ms, err1 := strconv.ParseInt(string(whole), 10, 64)
		ns, err2 := strconv.ParseUint(string(frac), 10, 32)
		if !ok || err1 != nil || err2 != nil || len(frac) != 6 || ms < 0 || ms > int64(1<<62/time.Millisecond) {
			return 0, fmt.Errorf("sched: %w: se.exec_start is %q", probe.ErrMalformed, v)
		}
		return time.Duration(ms)*time.Millisecond + time.Duration(ns), nil
	}
	return 0, fmt.Errorf("sched: %w: no se.exec_start", probe.ErrMalformed)
}

// schedClock turns values of the scheduler's clock, which no call tells, into
// ages: ipctop's own thread runs now, so its value is the time of day there.
type schedClock struct {
	exec time.Duration
	at   time.Time
}

// readSchedClock calibrates the clock. The value of a running thread is brought
// up to date at every tick and whenever it gives up its processor.
func readSchedClock() (schedClock, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	at := time.Now()
	b, err := os.ReadFile("/proc/thread-self/sched")
	if err != nil {
		return schedClock{}, err
	}
	exec, err := parseSched(b)
	return schedClock{exec, at}, err
}

// age is how long a thread has not run. Clocks of processors differ a little.
func (c schedClock) age(exec time.Duration) time.Duration {
	return max(0, c.exec+time.Since(c.at)-exec)
}
