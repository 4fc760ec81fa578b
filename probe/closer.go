package probe

import (
	"context"
	"time"

	"github.com/ipctop/ipctop/model"
)

// closer has the probes look more closely at the processes that [Options].Closer
// picks from the snapshot, and reports whether there are any.
func (s *Scan) closer(ctx context.Context, j *Joined, snap *model.Snapshot) bool {
	if s.scanner.opts.Closer == nil {
		return false
	}
	var list []*model.Process
	seen := map[int]bool{}
	for _, pid := range s.scanner.opts.Closer(snap) {
		if p := j.Processes[int32(pid)]; p != nil && !p.Kernel && !seen[pid] {
			seen[pid] = true
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return false
	}
	j.returnShelf(snap.Objects)
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Closer == nil {
			continue
		}
		out := &Out{probe: p.Name}
		begin := time.Now()
		if err := recovered(func() error { return p.Closer(ctx, j, list, out) }); err != nil {
			out.Fail("look closer", "", err)
		}
		s.spend(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
	return true
}
