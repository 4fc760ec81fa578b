package probe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A process that has used up the CPU quota of its control group is stopped between any
// two calls, for a tenth of a second or more. ipctop must not hold a duplicate of
// another process's descriptor at that time.

// ErrQuota is the error where a descriptor is not duplicated because a quota may stop
// ipctop while it has the duplicate.
var ErrQuota = fmt.Errorf("%w: the control group's CPU quota stops ipctop now and then, and it would hold a duplicate meanwhile", errors.ErrUnsupported)

// quotaCheck caches for a short time whether a quota stops this process.
type quotaCheck struct {
	mu    sync.Mutex
	until time.Time
	stops bool
}

// quotaValid is for how long that is cached.
const quotaValid = time.Second

var quota quotaCheck

func (q *quotaCheck) stopsNow() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); now.After(q.until) {
		q.stops, q.until = throttled(), now.Add(quotaValid)
	}
	return q.stops
}

// cgroupRoots are the usual mount points of control groups: version 2, and the cpu controller of
// version 1.
var cgroupRoots = []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"}

// throttled reports whether a quota stops this process now and then: that of its control
// group, or of one above it.
func throttled() bool {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	return throttledIn(cgroupRoots, text)
}

func throttledIn(roots []string, cgroups []byte) bool {
	for line := range bytes.Lines(cgroups) {
		field := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(field) != 3 || field[1] != "" && !strings.Contains(","+field[1]+",", ",cpu,") {
			continue
		}
		for at := field[2]; ; at = path.Dir(at) {
			for _, root := range roots {
				if stat, err := os.ReadFile(path.Join(root, at, "cpu.stat")); err == nil && oftenThrottled(stat) {
					return true
				}
			}
			if at == "/" || at == "." {
				break
			}
		}
	}
	return false
}

// oftenThrottled reports from the cpu.stat of a control group (Documentation/admin-guide/cgroup-v2.rst) whether it was
// throttled in more than one of a hundred periods.
func oftenThrottled(stat []byte) bool {
	var periods, stopped int64
	for line := range bytes.Lines(stat) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "nr_periods":
			periods = n
		case "nr_throttled":
			stopped = n
		}
	}
	return stopped*100 > periods
}

// withoutQuota runs f on a thread that no quota stops: quotas apply to ordinary threads,
// not to threads of the real-time classes (sched(7)). It reports false, without running f,
// if that is not allowed.
func withoutQuota(f func()) bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return false
	}
	first := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	if unix.SchedSetAttr(0, &first, 0) != nil {
		return false
	}
	defer func() { _ = unix.SchedSetAttr(0, before, 0) }()
	f()
	return true
}
