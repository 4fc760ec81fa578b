package probe

import (
	"context"
	"time"

	"github.com/ipctop/ipctop/model"
)

// detail lets the probes read in detail what [Options].Detail picks from the snapshot. It
// reports whether anything was picked.
func (s *Scan) detail(ctx context.Context, idx *Index, snap *model.Snapshot) bool {
	if s.scanner.opts.Detail == nil {
		return false
	}
	var list []*model.Process
	seen := map[int]bool{}
	pids, objects := s.scanner.opts.Detail(snap)
	for _, pid := range pids {
		if p := idx.Processes[int32(pid)]; p != nil && !p.Kernel && !seen[pid] {
			seen[pid] = true
			list = append(list, p)
		}
	}
	if len(list) == 0 && len(objects) == 0 {
		return false
	}
	idx.wanted = make(map[string]bool, len(objects))
	for _, id := range objects {
		idx.wanted[id] = true
	}
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Detail == nil {
			continue
		}
		out := &Collector{probe: p.Name}
		begin := time.Now()
		if err := s.recovered(func() error { return p.Detail(ctx, idx, list, out) }); err != nil {
			out.Fail("read details", "", err)
		}
		s.addDuration(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
	return true
}

// Wanted reports whether the user wants to see an object in detail. It is for Detail
// hooks.
func (idx *Index) Wanted(e *Entry) bool { return idx.wanted[e.Object.ID] }
