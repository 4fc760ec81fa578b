package waitstate

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

// parseSchedstat parses how often a thread has been scheduled on a processor: the third
// number of /proc/PID/task/TID/schedstat (Linux 2.6.23).
func parseSchedstat(b []byte) (uint64, error) {
	var space [4][]byte
	f := proc.AppendFields(space[:0], b)
	if len(f) != 3 {
		return 0, fmt.Errorf("schedstat: %w: %q", proc.ErrMalformed, b[:min(len(b), 40)])
	}
	n, err := strconv.ParseUint(string(f[2]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat: %w: run count %q", proc.ErrMalformed, f[2])
	}
	return n, nil
}

// fair are the policies whose threads share a processor by weight, by their numbers in
// include/uapi/linux/sched.h: SCHED_OTHER, SCHED_BATCH and SCHED_IDLE.
var fair = []string{"0", "3", "5"}

// parseSched parses, from /proc/PID/task/TID/sched (Linux 2.6.23), the value of the clock of
// the thread's processor when the thread last ran; 0 if that is not known.
//
// That value is se.exec_start, but the scheduler sets it to 0 when it moves a thread to another
// processor. On a busy machine this also happens to a thread that has just begun to sleep, because
// it stays queued for a while (since Linux 6.12). Then se.avg.last_update_time is the time when it
// was moved, which is some milliseconds later.
func parseSched(b []byte) (time.Duration, error) {
	last, found := time.Duration(0), false
	var updated, policy string
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		v := string(bytes.TrimSpace(value))
		switch string(bytes.TrimSpace(name)) {
		case "se.exec_start":
			var err error
			if last, err = parseMilliseconds(v); err != nil {
				return 0, fmt.Errorf("sched: %w: se.exec_start is %q", proc.ErrMalformed, v)
			}
			if last > 0 {
				return last, nil
			}
			found = true
		case "se.avg.last_update_time":
			updated = v
		case "policy":
			policy = v
		}
	}
	if !found {
		return 0, fmt.Errorf("sched: %w: no se.exec_start", proc.ErrMalformed)
	}
	if updated == "" || !slices.Contains(fair, policy) {
		return 0, nil
	}
	ns, err := strconv.ParseInt(updated, 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("sched: %w: se.avg.last_update_time is %q", proc.ErrMalformed, updated)
	}
	return time.Duration(ns), nil
}

// parseMilliseconds reads milliseconds with six decimals.
func parseMilliseconds(s string) (time.Duration, error) {
	whole, frac, ok := strings.Cut(s, ".")
	ms, err1 := strconv.ParseInt(whole, 10, 64)
	ns, err2 := strconv.ParseUint(frac, 10, 32)
	if !ok || err1 != nil || err2 != nil || len(frac) != 6 || ms < 0 || ms > int64(1<<62/time.Millisecond) {
		return 0, strconv.ErrSyntax
	}
	return time.Duration(ms)*time.Millisecond + time.Duration(ns), nil
}

// parseProcessor reads on which processor a thread ran last: field 39 of
// /proc/PID/task/TID/stat (proc_pid_stat(5)).
func parseProcessor(b []byte) (int, error) {
	const processor, firstAfterName = 39, 3
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) <= processor-firstAfterName {
		return 0, fmt.Errorf("stat: %w: %d fields", proc.ErrMalformed, len(f))
	}
	n, err := strconv.Atoi(string(f[processor-firstAfterName]))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("stat: %w: processor %q", proc.ErrMalformed, f[processor-firstAfterName])
	}
	return n, nil
}

// schedClocks converts values of the scheduler's clocks into ages. No system call returns
// these clocks. Every processor has its own, which stands still while the processor serves
// interrupts or the hypervisor, so they drift apart by hours over time.
type schedClocks map[int]schedClock

// schedClock is the value of a processor's clock at some time of day.
type schedClock struct {
	exec time.Duration
	at   time.Time
}

// readSchedClocks reads the clocks of some processors by running on each for a moment: the
// kernel updates a running thread's value whenever the thread yields its processor. It
// returns the clocks that could be read, and why others could not.
func readSchedClocks(processors []int) (schedClocks, error) {
	clocks := schedClocks{}
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var allowed unix.CPUSet
		if err := unix.SchedGetaffinity(0, &allowed); err != nil {
			failed = fmt.Errorf("sched_getaffinity: %w", err)
			runtime.UnlockOSThread()
			return
		}
		for _, n := range processors {
			clock, err := readClockOf(n)
			if err != nil {
				failed = err
				continue
			}
			clocks[n] = clock
		}
		// If the affinity cannot be restored, the thread must not be reused: it stays locked, and ends.
		if unix.SchedSetaffinity(0, &allowed) == nil {
			runtime.UnlockOSThread()
		}
	}()
	<-done
	return clocks, failed
}

func readClockOf(processor int) (schedClock, error) {
	var one unix.CPUSet
	one.Set(processor)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return schedClock{}, fmt.Errorf("may not run on processor %d, whose clock is needed to know how long threads have not run: %w", processor, err)
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	at := time.Now()
	b, err := os.ReadFile("/proc/thread-self/sched")
	if err != nil {
		return schedClock{}, err
	}
	exec, err := parseSched(b)
	return schedClock{exec, at}, err
}

// age returns how long a thread has not run that last ran on a processor at exec.
func (c schedClocks) age(processor int, exec time.Duration) (time.Duration, bool) {
	clock, ok := c[processor]
	if !ok || exec == 0 {
		return 0, false
	}
	return max(0, clock.exec+time.Since(clock.at)-exec), true
}
