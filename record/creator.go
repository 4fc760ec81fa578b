package record

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// NameCreators fills in the creator's name and arguments for shared memory whose creator
// has ended, if a recording of the same machine and boot has that process.
func NameCreators(snap *model.Snapshot, rec *Recording) error {
	alive := map[int]*model.Process{}
	for i := range snap.Processes {
		alive[snap.Processes[i].PID] = snap.Processes[i]
	}
	for i := range snap.Objects {
		d, ok := snap.Objects[i].Detail.(*model.SysvShmDetail)
		if !ok || d.ChangeTime.IsZero() {
			continue
		}
		pid := d.CreatorPID.Or(0)
		if p := alive[pid]; pid == 0 || p != nil && livedAt(p, d.ChangeTime) {
			continue
		}
		p, err := rec.processAt(pid, d.ChangeTime, snap.Host.BootID)
		if err != nil {
			return err
		}
		if p != nil {
			d.CreatorComm, d.CreatorCmdline = p.Comm, p.Cmdline
		}
	}
	return nil
}

// livedAt reports whether a process had been started at a time, which is given in whole
// seconds.
func livedAt(p *model.Process, at time.Time) bool { return p.StartTime.Before(at.Add(time.Second)) }

// processAt finds the process that had a pid at a time: in the sample after that time,
// or in the one before. A process that lived only between the two is in neither.
func (rec *Recording) processAt(pid int, at time.Time, boot string) (*model.Process, error) {
	before := rec.At(at)
	for _, i := range []int{before + 1, before} {
		if i < 0 || i >= rec.Len() {
			continue
		}
		s, err := rec.Load(i)
		if err != nil {
			return nil, err
		}
		if s.Host.BootID != boot {
			continue
		}
		k := slices.IndexFunc(s.Processes, func(p *model.Process) bool { return p.PID == pid && livedAt(p, at) })
		if k >= 0 {
			return s.Processes[k], nil
		}
	}
	return nil, nil
}
