package events

import (
	"bytes"
	"context"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

var pidfdClass = newAnonClass(model.Pidfd, true)

// Pidfd reads process descriptors. Since 6.9 all pidfds of one process have the
// same inode, and it never belongs to another process.
func Pidfd() probe.Probe {
	p := anonProbe(pidfdClass, "anon_inode:[pidfd]", parsePidfd)
	p.Complete = func(_ context.Context, idx *probe.Index, _ *probe.Collector) {
		threads := owners(idx)
		for _, space := range []*probe.KeySpace{pidfdClass.byInode, pidfdClass.byDescription} {
			for _, e := range idx.In(space) {
				namePidfd(idx, e.Object, threads)
			}
		}
	}
	return p
}

// namePidfd adds the name of the process, or that of the thread and its process.
func namePidfd(idx *probe.Index, o *model.Object, threads func(tid int) *model.Process) {
	d, ok := o.Detail.(*model.PidfdDetail)
	if !ok {
		return
	}
	if tid, ok := d.TID.Get(); ok {
		p := threads(tid)
		if p == nil {
			return
		}
		d.PID, d.Comm = model.Some(p.PID), p.Comm
		for _, t := range p.ThreadList {
			if t.TID == tid {
				d.Comm = t.Comm
			}
		}
		return
	}
	if pid, ok := d.PID.Get(); ok && idx.Processes[int32(pid)] != nil {
		d.Comm = idx.Processes[int32(pid)].Comm
	}
}

// owners returns a function that finds a thread's process. It lists all threads on its first call.
func owners(idx *probe.Index) func(tid int) *model.Process {
	var owner map[int]*model.Process
	return func(tid int) *model.Process {
		if owner == nil {
			owner = map[int]*model.Process{}
			for _, p := range idx.Processes {
				for _, t := range p.AllThreads() {
					owner[t.TID] = p
				}
			}
		}
		return owner[tid]
	}
}

// pidfdThread is the flag of a pidfd that was made for a thread (PIDFD_THREAD, which
// is O_EXCL; Linux 6.9).
const pidfdThread = unix.O_EXCL

// parsePidfd reads the /proc/PID/fdinfo text of a pidfd (Pid 5.3, NSpid 5.5).
// The pids are those of the proc file system's pid namespace: -1 is a process
// that was waited for, 0 is one that has no pid there.
func parsePidfd(text []byte) (model.Detail, error) {
	d := new(model.PidfdDetail)
	thread := false
	err := fdinfo.EachField(text, func(key string, v []byte) error {
		switch key {
		case "flags":
			flags, err := strconv.ParseUint(string(v), 8, 32)
			thread = flags&pidfdThread != 0
			return err
		case "Pid":
			n, err := fdinfo.Decimal(v)
			if err != nil {
				return err
			}
			d.Ended = model.Some(n == -1)
			switch {
			case n > 0 && thread:
				d.TID = model.Some(int(n))
			case n > 0:
				d.PID = model.Some(int(n))
			}
		case "NSpid":
			var pids []int
			for word := range bytes.FieldsSeq(v) {
				n, err := fdinfo.Decimal(word)
				if err != nil {
					return err
				}
				pids = append(pids, int(n))
			}
			if len(pids) > 1 { // the first is Pid again
				d.NSPIDs = pids[1:]
			}
		}
		return nil
	})
	return d, err
}
