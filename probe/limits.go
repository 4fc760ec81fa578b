package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// limits emits the bounds on what the walk itself reads: processes and open
// files.
func (s *Scan) limits() {
	out := &Collector{probe: "process"}
	defer func() { s.add(&result{out: out}) }()

	// "2149 0 2466177": allocated, free, maximum. In use are the allocated ones
	// less the free ones; since Linux 2.6 the second number is always 0.
	if n := s.Sysctl(out, "fs.file-nr"); len(n) == 3 {
		l := NewLimit("", "fs.file-max", "open files", n[2])
		l.Used = model.Some(int64(n[0] - min(n[1], n[0])))
		out.Limit(l)
	}
	s.SysctlLimit(out, "", "fs.nr_open", "descriptors per process", nil, model.Opt[int64]{})

	var threads model.Opt[int64]
	if text, err := s.root.ReadFile("loadavg", nil); err == nil {
		if threads, err = proc.ParseThreads(text); err != nil {
			out.Fail("read limit", s.ProcRoot+"/loadavg", fmt.Errorf("%s/loadavg: %w", s.ProcRoot, err))
		}
	}
	s.SysctlLimit(out, "", "kernel.threads-max", "threads", nil, threads)
	// A thread takes one pid. A number also stays in use while a process group or
	// session has it, hence "estimated". In a pid namespace other than the initial
	// one, which since Linux 6.14 has its own maximum, the number of the machine's
	// threads is not the right count.
	if n := s.Sysctl(out, "kernel.pid_max"); len(n) > 0 {
		l := NewLimit("", "kernel.pid_max", "pids", n[0])
		if s.Own["pid"] == initialPIDNamespace && threads.Known() {
			l.Used, l.Estimated = threads, true
		}
		out.Limit(l)
	}
}

// initialPIDNamespace is PROC_PID_INIT_INO of include/linux/proc_ns.h.
const initialPIDNamespace = 0xEFFFFFFC

// sortLimits puts limits into the order of the document. If several have the
// same name and scope, it keeps the worst.
func sortLimits(limits []model.Limit) []model.Limit {
	scope := func(l *model.Limit) model.LimitScope {
		if l.Scope == nil {
			return model.LimitScope{}
		}
		return *l.Scope
	}
	same := func(a, b *model.Limit) int {
		x, y := scope(a), scope(b)
		return cmp.Or(model.CompareKinds(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), cmp.Compare(x.NS, y.NS),
			cmp.Compare(x.UID.Or(-1), y.UID.Or(-1)), x.PID-y.PID)
	}
	slices.SortFunc(limits, func(a, b model.Limit) int {
		return cmp.Or(same(&a, &b), cmp.Compare(b.Share().Or(-1), a.Share().Or(-1)), cmp.Compare(b.Used.Or(-1), a.Used.Or(-1)))
	})
	return slices.CompactFunc(limits, func(a, b model.Limit) bool { return same(&a, &b) == 0 })
}
