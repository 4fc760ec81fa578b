package probe

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// noteHidden finds out whether the proc file system at hand shows every process of
// the machine. If not, objects that are shared with those outside may have
// holders that nobody here can see: a container often shares the network or IPC
// of its host, and nearly always a pipe for its output.
func (s *Scan) noteHidden(pids []int) {
	why := ""
	switch ns := s.shownPIDNamespace(); {
	case ns != 0 && ns != initialPIDNamespace:
		why = fmt.Sprintf("pid:[%d] shows its own processes only", ns)
	case !slices.Contains(pids, 1):
		// Every pid namespace has a process 1.
		why = "process 1 is not there: the proc file system hides processes (hidepid)"
	default:
		return
	}
	s.hidden = true
	out := &Out{probe: "process"}
	out.Gap(model.Gap{Reason: model.Unsupported, Op: "list", Path: s.ProcRoot, Detail: why})
	s.add(&result{out: out})
}

// shownPIDNamespace is the pid namespace whose processes the proc file system
// shows, 0 if it cannot be told.
func (s *Scan) shownPIDNamespace() uint64 {
	if s.PIDCalls {
		return s.Own["pid"]
	}
	link, err := s.root.Readlink("1/ns/pid")
	if err != nil {
		return 0
	}
	ns, err := parseNamespace(link)
	if err != nil {
		return 0
	}
	return ns
}
