package tracer

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
)

const queueDirectory = "/dev/mqueue"

// remains reports whether an object that a process created will outlive it and still exists.
// For objects in other namespaces it returns false: they may end with the process.
func (n *names) remains(e *trace.Event) bool {
	switch model.Kind(e.Of) {
	case model.SysvShm, model.SysvSem, model.SysvMsg:
		return !strings.Contains(e.Object, "@") // a removal would have been traced
	case model.PosixShm, model.PosixSem:
		return n.shm != 0 && isThere(e, e.Path, n.shm)
	case model.PosixMq:
		return n.queues != 0 && isThere(e, queueDirectory+e.Path, n.queues)
	}
	return false
}

// isThere reports whether a path leads to an event's object. The path must be on the given file
// system, which is in the kernel's memory.
func isThere(e *trace.Event, path string, device uint64) bool {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev)) != device {
		return false
	}
	return strings.HasSuffix(e.Object, fmt.Sprintf(":%s:%d", proc.DevString(device), st.Ino))
}

// madeBefore are the shared memory segments in ipctop's own IPC namespace whose creators still run.
// For other objects the kernel does not record the creator (/proc/sysvipc/shm, proc_sysvipc(5)).
func (n *names) madeBefore(snap *model.Snapshot) (list []*trace.Event) {
	if snap == nil {
		return nil
	}
	dir, err := proc.OpenDir("/proc/sysvipc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	text, err := dir.ReadFile("shm", nil)
	if err != nil {
		return nil
	}
	started := map[int]*model.Process{}
	for _, p := range snap.Processes {
		started[p.PID] = p
	}
	for _, s := range parseSegments(text) {
		p := started[s.creator]
		if p == nil || s.made.Before(p.StartTime.Truncate(time.Second)) {
			continue // another process has this pid now
		}
		maker := n.party(&bpf.Party{PID: p.PID, StartTicks: p.StartTicks, Comm: p.Comm, InnerPID: p.PID})
		e := &trace.Event{Event: trace.CreatedEvent, Sender: maker, Object: n.systemV(model.SysvShm, s.id, n.ipc)}
		e.Existence = &trace.Existence{Of: string(model.SysvShm), Key: fmt.Sprintf("0x%08x", s.key)}
		list = append(list, e)
	}
	return list
}

// segment is a line of /proc/sysvipc/shm.
type segment struct {
	key         uint32
	id, creator int
	made        time.Time // or the time of the last IPC_SET
}

// parseSegments parses /proc/sysvipc/shm. A malformed line is skipped.
func parseSegments(text []byte) (list []segment) {
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		if len(f) < 14 {
			continue
		}
		var n [14]int64
		bad := false
		for i := range n {
			var err error
			n[i], err = strconv.ParseInt(f[i], 10, 64)
			bad = bad || err != nil
		}
		if bad {
			continue // the header line, or malformed
		}
		list = append(list, segment{uint32(n[0]), int(n[1]), int(n[4]), time.Unix(n[13], 0)})
	}
	return list
}
