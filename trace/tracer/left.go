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

// remains reports whether an object that a process made will outlive it and is there still. Of
// what is in other namespaces that is not known: they may end with the process.
func (n *names) remains(e *trace.Event) bool {
	switch model.Kind(e.Of) {
	case model.SysvShm, model.SysvSem, model.SysvMsg:
		return !strings.Contains(e.Object, "@") // that it was removed would have been told
	case model.PosixShm, model.PosixSem:
		return n.shm != 0 && isThere(e, e.Path, n.shm)
	case model.PosixMq:
		return n.queues != 0 && isThere(e, queueDirectory+e.Path, n.queues)
	}
	return false
}

// isThere reports whether a path leads to an event's object, in a file system of the kernel's own
// memory.
func isThere(e *trace.Event, path string, device uint64) bool {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev)) != device {
		return false
	}
	return strings.HasSuffix(e.Object, fmt.Sprintf(":%s:%d", proc.DevString(device), st.Ino))
}

// madeBefore are the segments of shared memory in ipctop's own IPC namespace that were made by
// processes which are there still: of other objects the kernel does not say who made them
// (/proc/sysvipc/shm, proc_sysvipc(5)).
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
			continue // its number is another's now
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
	made        time.Time // or changed by IPC_SET
}

// parseSegments takes apart /proc/sysvipc/shm. One bad line costs that line.
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
			continue // the headings
		}
		list = append(list, segment{uint32(n[0]), int(n[1]), int(n[4]), time.Unix(n[13], 0)})
	}
	return list
}
