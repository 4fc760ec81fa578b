package probe

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Rlimit is the process's soft limit. Unlimited is a number that [NewLimit] takes
// for no bound.
func (p *Proc) Rlimit(r proc.Resource) (uint64, error) {
	if p.told != nil && r.Number == unix.RLIMIT_NOFILE {
		return p.told.FileLimit, nil
	}
	if p.Scan.PIDCalls {
		// One call instead of three. It is for processes of the same user and for
		// CAP_SYS_RESOURCE; the file is for everyone.
		var l unix.Rlimit
		if err := unix.Prlimit(p.Model.PID, r.Number, nil, &l); err == nil {
			return l.Cur, nil
		}
	}
	return proc.ReadRlimit(p.Dir, r)
}

// Rlimit is the soft limit of a process that was read before. Its error says
// that it is gone if its pid is another's now.
func (s *Scan) Rlimit(p *model.Process, r proc.Resource) (uint64, error) {
	if dir, ok := s.scanner.handles.Get(p.PID, p.StartTicks); ok {
		n, err := (&Proc{Dir: dir, Model: p, Scan: s}).Rlimit(r)
		if err == nil {
			err = dir.Alive() // else the pid may be another's
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

// limitDescriptors emits how many of the descriptors it may have a process has.
// The kernel bounds the highest number, not how many there are; who does not
// leave holes runs out at the same time.
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
