package diagnose

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// listed tells whether the snapshot lists all processes that have a pid here, so
// that one that is not in it has ended; and whether those are all of the machine:
// processes outside the pid namespace have no pid here, and stand as 0 where the
// kernel has noted them.
func listed(s *model.Snapshot) (here, machine bool) {
	here, machine = !s.Scan.PIDNamespaceForeign, !s.Scan.PIDNamespaceForeign
	for i := range s.Gaps {
		if g := &s.Gaps[i]; g.Probe == "process" && g.Op == "list" {
			machine = false
			if g.Reason != model.Unsupported { // the proc file system hides some of the namespace
				here = false
			}
		}
	}
	return here, machine
}

// fate is what became of a process that the kernel has noted somewhere.
type fate int

const (
	unknownFate fate = iota // it may be one outside this pid namespace, or hidden
	alive                   // there is a process of that pid, and it may be that one
	ended
)

// fateOf tells what became of the process that had a pid at some time. A pid is
// used again: one that started later is another process. Times of System V
// objects are whole seconds, and the time of the boot is no better.
func (v *view) fateOf(pid int, at time.Time) fate {
	if pid == 0 {
		return unknownFate
	}
	p := v.processes[pid]
	switch {
	case p == nil && v.allListed:
		return ended
	case p == nil:
		return unknownFate
	case dead(p), !at.IsZero() && p.StartTime.After(at.Add(2*time.Second)):
		return ended
	}
	return alive
}

// dead reports whether a process has ended, all its threads included.
func dead(p *model.Process) bool { return (p.State == "Z" || p.State == "X") && p.Threads <= 1 }

// latest is the latest of some times, zero if none is known.
func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
