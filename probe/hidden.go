package probe

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// noteHidden finds out whether the scanned proc file system shows every process of
// the machine. If not, objects that are shared with hidden processes may have
// holders that ipctop cannot see: a container often shares the network or IPC
// namespace of its host, and nearly always a pipe for its output.
func (s *Scan) noteHidden(pids []int) {
	out := &Collector{probe: "process"}
	hide := func(reason model.Reason, why string) {
		s.hidden = true
		out.Gap(model.Gap{Reason: reason, Op: "list", Path: s.ProcRoot, Detail: why})
	}
	if ns := s.shownPIDNamespace(); ns != 0 && ns != initialPIDNamespace {
		hide(model.Unsupported, fmt.Sprintf("pid:[%d] shows its own processes only", ns))
	}
	if !slices.Contains(pids, 1) {
		// Every pid namespace has a process 1. Others of the namespace are hidden, too.
		hide(model.Denied, "process 1 is not there: the proc file system hides processes (hidepid)")
	}
	if s.hidden {
		s.add(&result{out: out})
	}
}

// noteHiddenRan finds out whether a process may have run since the last scan whose
// descriptors or mappings are not all known. Every user may read how often a process has
// run, so a process that sleeps causes no new look at what it may have.
func (s *Scan) noteHiddenRan() {
	now := map[processKey][]stamp{}
	ran := s.hidden || s.number == 1
	for _, r := range s.results {
		switch {
		case !r.unreadable && !r.partialFDs && !r.out.unknownHolders:
		case r.process == nil:
			ran = true
		default:
			k := processKey{r.process.PID, r.process.StartTicks}
			now[k] = r.stamps
			ran = ran || !slices.Equal(s.scanner.hiddenStamps[k], r.stamps) || slices.ContainsFunc(r.stamps, func(t stamp) bool { return t.runs == "" })
		}
	}
	for k := range s.scanner.hiddenStamps {
		ran = ran || now[k] == nil // it has ended, so it must have run
	}
	s.scanner.hiddenStamps, s.hiddenRan = now, ran
}

// shownPIDNamespace is the pid namespace whose processes the proc file system
// shows, 0 if it is not known.
func (s *Scan) shownPIDNamespace() uint64 {
	if s.PIDCalls {
		return s.Own["pid"]
	}
	link, err := s.root.Readlink("1/ns/pid")
	if err != nil {
		return 0
	}
	ns, err := proc.ParseNamespace(link)
	if err != nil {
		return 0
	}
	return ns
}
