package diagnose

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// listsAll reports whether the snapshot lists all processes there are: a process
// that is not in it has ended.
func listsAll(s *model.Snapshot) bool {
	if s.Scan.PIDNamespaceForeign {
		return false
	}
	for i := range s.Gaps {
		if g := &s.Gaps[i]; g.Probe == "process" && g.Op == "list" {
			return false
		}
	}
	return true
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
