package sysv

import (
	"context"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// sets is the table of semaphore sets of each IPC namespace.
var sets = &probe.KeySpace{Name: "sysv-sem"}

var semMechanism = &mechanism{
	kind: model.SysvSem, space: sets, listing: semListing, call: "semctl", file: "sem",
	words: map[string]column{
		"key": colKey, "semid": colID, "perms": colMode, "nsems": colSems, "uid": colUID, "gid": colGID, "cuid": colCreatorUID,
		"otime": colOperated, "ctime": colChanged,
	},
}

// Sem reads System V semaphore sets, and the single semaphores of those sets
// that may be read.
func Sem() probe.Probe {
	return probe.Probe{
		Name:  string(model.SysvSem),
		Scope: "ipc",
		Table: func(ctx context.Context, ns probe.NS, out *probe.Collector) error {
			records, err := semMechanism.records(ns, out)
			for i := range records {
				if ctx.Err() != nil {
					break
				}
				r := &records[i]
				d := &model.SysvSemDetail{
					Key: r.key(), CreatorUID: r.num(colCreatorUID), Count: r.num(colSems), OpTime: r.time(colOperated), ChangeTime: r.time(colChanged),
				}
				o := r.object(ns, model.SysvSem, d)
				sems, errno := readSems(r.id(), int(r.opt(colSems).Or(0)), ns.Scan.PIDCalls)
				switch errno {
				case 0:
					d.Sems = sems
				case unix.EINVAL, unix.EIDRM:
					continue // removed meanwhile
				default:
					out.Gap(model.Gap{
						Reason: proc.ReasonOf(errno), Object: o.ID, Op: "semctl",
						Detail: fmt.Sprintf("values and waiters of semaphore set %d: %v", r.id(), errno),
					})
				}
				out.Object(semMechanism.keyOf(ns, r.id()), o)
			}
			return err
		},
		Limits:   semLimits,
		Complete: semMechanism.untracked,
	}
}

// readSems reads the n semaphores of a set (semctl(2)). All values are of one
// instant; the counts and pids are read one by one after it. A set never changes
// its size, and if its slot is used again the id differs, so the kernel writes
// exactly n values.
func readSems(id, n int, pids bool) ([]model.Sem, unix.Errno) {
	if n <= 0 {
		return nil, 0
	}
	values := make([]uint16, n)
	if _, errno := semctl(id, 0, semGetAll, unsafe.Pointer(&values[0])); errno != 0 {
		return nil, errno
	}
	sems := make([]model.Sem, n)
	for i := range sems {
		s := &sems[i]
		s.Value = model.Some(int(values[i]))
		for _, q := range [...]struct {
			cmd int
			to  *model.Opt[int]
		}{{semGetNCnt, &s.NCount}, {semGetZCnt, &s.ZCount}, {semGetPID, &s.LastPID}} {
			if q.cmd == semGetPID && !pids {
				continue
			}
			v, errno := semctl(id, i, q.cmd, nil)
			if errno != 0 {
				return nil, errno
			}
			*q.to = model.Some(v)
		}
	}
	return sems, 0
}
