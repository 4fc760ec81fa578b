package probe

import (
	"context"
	"time"

	"github.com/ipctop/ipctop/model"
)

// detail has the probes read in detail the processes that [Options].Detail picks from
// the snapshot, and reports whether there are any.
func (s *Scan) detail(ctx context.Context, idx *Index, snap *model.Snapshot) bool {
	if s.scanner.opts.Detail == nil {
		return false
	}
	var list []*model.Process
	seen := map[int]bool{}
	for _, pid := range s.scanner.opts.Detail(snap) {
		if p := idx.Processes[int32(pid)]; p != nil && !p.Kernel && !seen[pid] {
			seen[pid] = true
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return false
	}
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Detail == nil {
			continue
		}
		out := &Collector{probe: p.Name}
		begin := time.Now()
		if err := s.recovered(func() error { return p.Detail(ctx, idx, list, out) }); err != nil {
			out.Fail("look closer", "", err)
		}
		s.addDuration(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
	return true
}
