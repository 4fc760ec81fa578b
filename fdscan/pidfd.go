package fdscan

import (
	"bytes"
	"context"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

var pidfdClass = newAnonClass(model.Pidfd, true)

// Pidfd reads process descriptors. All that stand for one process have one
// inode since 6.9, and that inode is the process's for good.
func Pidfd() probe.Probe {
	p := anonProbe(pidfdClass, "anon_inode:[pidfd]", parsePidfd)
	p.Complete = func(_ context.Context, idx *probe.Index, _ *probe.Collector) {
		for _, space := range []*probe.KeySpace{pidfdClass.byInode, pidfdClass.byDescription} {
			for _, e := range idx.In(space) {
				namePidfd(idx, e.Object)
			}
		}
	}
	return p
}

// namePidfd adds the name of the process, or of the thread if it was made for
// one (PIDFD_THREAD, 6.9).
func namePidfd(idx *probe.Index, o *model.Object) {
	d, ok := o.Detail.(*model.PidfdDetail)
	pid, known := d.PID.Get()
	if !ok || !known {
		return
	}
	if p := idx.Processes[int32(pid)]; p != nil {
		d.Comm = p.Comm
		return
	}
	for _, p := range idx.Processes {
		for i := range p.ThreadList {
			if p.ThreadList[i].TID == pid {
				d.Comm = p.ThreadList[i].Comm
				return
			}
		}
	}
}

// parsePidfd reads the /proc/PID/fdinfo text of a pidfd (Pid 5.3, NSpid 5.5).
// The pids are those of the proc file system's pid namespace: -1 is a process
// that was waited for, 0 one that has no pid in there.
func parsePidfd(text []byte) (model.Detail, error) {
	d := new(model.PidfdDetail)
	err := eachField(text, func(key string, v []byte) error {
		switch key {
		case "Pid":
			n, err := decimal(v)
			if err != nil {
				return err
			}
			d.Ended = model.Some(n == -1)
			if n > 0 {
				d.PID = model.Some(int(n))
			}
		case "NSpid":
			var pids []int
			for word := range bytes.FieldsSeq(v) {
				n, err := decimal(word)
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
