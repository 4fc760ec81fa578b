package probe

import (
	"context"
	"log/slog"

	"github.com/ipctop/ipctop/bpf"
)

// The kernel raises an event counter by itself (for io_uring, aio, a virtual machine), so
// that one may change although nobody runs who has it. The source tells of all counters at
// once which have: those of processes that have not run, which is why they are still where
// they were when they were read.

// readCounters asks for the counters of the processes that are to be taken from the cache.
func (s *Scan) readCounters(ctx context.Context, pids []int) {
	if s.facts == nil {
		return
	}
	list, of := s.scanner.counters.there[:0], s.scanner.counters.of[:0]
	for _, pid := range pids {
		k := s.unmoved(pid)
		if k == nil {
			continue
		}
		for i := range k.recheck {
			if a := &k.recheck[i]; !a.counter.None() {
				list, of = append(list, a.counter), append(of, a)
			}
		}
	}
	defer clear(of[:cap(of)])
	if s.scanner.opts.Repeated {
		s.scanner.counters = watchedCounters{list, of}
	}
	if len(list) == 0 {
		return
	}
	for _, a := range of {
		a.now = nil
	}
	err := s.facts.source.Changed(list, func(i int, now bpf.Watched) { of[i].now = &now })
	if err != nil {
		s.scanner.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: no event counters", slog.String("why", err.Error()))
		return
	}
	for _, a := range of {
		a.asked = s.number
	}
}

// watchedCounters are room for what is asked of event counters in each scan.
type watchedCounters struct {
	there []bpf.Watched
	of    []*recheckFD
}

// counted is what the counter behind a descriptor was found to be in this scan; nil where
// that is not known: it was not asked, or somebody has closed it meanwhile.
func (a *recheckFD) counted(scan int) *bpf.Watched {
	if a.asked != scan || a.now == nil || a.now.None() {
		return nil
	}
	return a.now
}
