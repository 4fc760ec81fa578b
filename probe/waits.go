package probe

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// waits calls the probes' Waits hooks.
func (s *Scan) waits(ctx context.Context, idx *Index) {
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Waits == nil {
			continue
		}
		out := &Collector{probe: p.Name}
		begin := time.Now()
		if err := s.recovered(func() error { return p.Waits(ctx, idx, out) }); err != nil {
			out.Fail("waits", "", err)
		} else {
			s.waited = true
		}
		idx.connect(out)
		s.addDuration(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
	if s.WaitsOnly() {
		s.dropUnwaited(idx)
	}
}

// dropUnwaited drops objects at which no thread waits, in the spaces that keep
// only waited objects. For the others it asks for the access of their
// descriptors.
func (s *Scan) dropUnwaited(idx *Index) {
	waited := map[string]bool{}
	for _, r := range s.results {
		for i := range r.out.waits {
			w := &r.out.waits[i]
			waited[w.Object] = true
			for _, id := range w.Objects {
				waited[id] = true
			}
		}
	}
	waitedInSets(idx, waited)
	for e := range idx.All() {
		switch {
		case !e.Key.Space.OnlyWaited:
		case !waited[e.Object.ID]:
			e.excluded = true
			e.touch()
		default:
			e.OwnHolders()
			for i := range e.Holders {
				if h := &e.Holders[i]; h.FD.Known() {
					h.Access = idx.access(h, e.Key.Num)
				}
			}
		}
	}
}

// waitedInSets adds the objects that an epoll instance watches if a thread waits at
// the instance, directly or through other epoll instances.
func waitedInSets(idx *Index, waited map[string]bool) {
	sets := idx.OfKind(model.Epoll)
	for more := true; more; {
		more = false
		for _, e := range sets {
			d, ok := e.Object.Detail.(*model.EpollDetail)
			if !ok || !waited[e.Object.ID] {
				continue
			}
			for i := range d.Watches {
				if id := d.Watches[i].Object; id != "" && !waited[id] {
					waited[id], more = true, true
				}
			}
		}
	}
}

// access is [FD.Access] for a descriptor that was read before and leads to this inode.
func (idx *Index) access(h *model.Holder, ino uint64) model.Access {
	if f := idx.Scan.facts; f != nil && f.whole {
		if at, ok := kcmp.DescriptorOf(h); ok {
			if x, _ := f.find(at); x != nil && x.ino == ino {
				return x.access()
			}
		}
	}
	dir, err := idx.Open(h.PID)
	if err != nil {
		return ""
	}
	defer dir.Close()
	name, err := unix.BytePtrFromString(HolderLink(h))
	if err != nil {
		return ""
	}
	return linkAccess(dir, name)
}

// EachProcess looks at processes again, on guarded threads. A process that has
// ended is left out, also if its pid is in use again. If a process cannot be
// opened for another reason, failed is called instead of work. The function that
// work returns is called only if the work was not given up: only this function
// may change data that others read.
func (idx *Index) EachProcess(list []*model.Process, work func(t *guard.Task, p *Proc) (commit func()), failed func(*model.Process, error)) {
	sc := idx.Scan.scanner
	sc.guard.Each(len(list), sc.opts.Workers, func(i int) guard.Item { return idx.Scan.processItem(list[i].PID, list[i].StartTicks) }, func(t *guard.Task, i int) (commit func()) {
		m := list[i]
		err := idx.Scan.recovered(func() error {
			p, err := idx.Scan.reopen(t, m)
			if err != nil {
				return err
			}
			defer p.Dir.Close()
			commit = work(t, p)
			return nil
		})
		if err != nil {
			return func() {
				if !proc.Gone(err) {
					failed(m, err)
				}
			}
		}
		return commit
	})
}

// reopen opens the directory of a process that was read before.
func (s *Scan) reopen(t *guard.Task, m *model.Process) (*Proc, error) {
	dir, err := s.open(t, m)
	if err != nil {
		return nil, err
	}
	return &Proc{Dir: dir, Model: m, Scan: s, task: t}, nil
}
