package diagnose

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// listed reports whether the snapshot lists all processes of the pid namespace, so that a
// pid which is missing has ended; and whether it lists all processes of the machine. A
// process outside the pid namespace has no pid here; where the kernel records a pid, 0
// stands for such a process.
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

// fate says whether a process whose pid the kernel has recorded still lives.
type fate int

const (
	unknownFate fate = iota // it may be one outside this pid namespace, or hidden
	alive                   // there is a process with that pid, and it may be the same
	ended
)

// fateOf returns what became of the process that had a pid at some time. Pids are reused:
// a process that started later is another one. Times of System V objects are whole
// seconds, and the boot time is no more precise.
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

// latest returns the latest of the times; zero if none is known.
func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
