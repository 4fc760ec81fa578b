package probe

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Rlimit returns the process's soft limit. For "unlimited" it returns a number
// that [NewLimit] treats as no bound.
func (p *Proc) Rlimit(r proc.Resource) (uint64, error) {
	if p.fromSource != nil && r.Number == unix.RLIMIT_NOFILE {
		return p.fromSource.FileLimit, nil
	}
	if p.Scan.PIDCalls {
		// One call instead of three. It is allowed for processes of the same user and
		// with CAP_SYS_RESOURCE; everyone may read the file.
		var l unix.Rlimit
		if err := unix.Prlimit(p.Model.PID, r.Number, nil, &l); err == nil {
			return l.Cur, nil
		}
	}
	return proc.ReadRlimit(p.Dir, r)
}

// Rlimit returns the soft limit of a process that was read before. It fails if
// another process has the pid now.
func (s *Scan) Rlimit(p *model.Process, r proc.Resource) (uint64, error) {
	if dir, ok := s.scanner.handles.Get(p.PID, p.StartTicks); ok {
		n, err := (&Proc{Dir: dir, Model: p, Scan: s}).Rlimit(r)
		if err == nil {
			err = dir.Alive() // else another process may have the pid
		}
		return n, err
	}
	dir, err := s.open(nil, p)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	return proc.ReadRlimit(dir, r)
}

// limitDescriptors emits how many of its allowed descriptors a process has. The
// kernel bounds the highest number, not the count; for a process that leaves no
// holes, both are reached at the same time.
func (p *Proc) limitDescriptors(out *Collector) {
	used, ok := p.Model.FDs.Get()
	if !ok || p.Model.Kernel || p.Model.State == "Z" && used == 0 {
		return
	}
	n, err := p.Rlimit(proc.LimitFiles)
	if err != nil {
		if !proc.Gone(err) {
			out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: p.Model.PID, Op: "read limit", Detail: err.Error()})
		}
		return
	}
	l := NewLimit("", proc.LimitFiles.Name, "descriptors", n)
	l.Scope, l.Used = &model.LimitScope{PID: p.Model.PID}, model.Some(int64(used))
	out.Limit(l)
}
