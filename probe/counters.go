package probe

import (
	"context"
	"log/slog"

	"github.com/ipctop/ipctop/bpf"
)

// The kernel itself can raise an event counter (for io_uring, aio, a virtual machine), so
// a counter may change although none of its holders runs. The source tells in one request
// which counters have changed. It is asked only about processes that have not run: their
// counters are still at the place where they were read.

// readCounters asks for the counters of the processes that are to be taken from the cache.
func (s *Scan) readCounters(ctx context.Context, pids []int) {
	if s.facts == nil {
		return
	}
	list, of := s.scanner.counters.there[:0], s.scanner.counters.of[:0]
	for _, pid := range pids {
		k := s.cachedUnchanged(pid)
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

// watchedCounters is reusable memory for asking about event counters in each scan.
type watchedCounters struct {
	there []bpf.Watched
	of    []*recheckFD
}

// counted returns what this scan found in the counter behind a descriptor. It returns nil
// if that is not known: the source was not asked, or the descriptor was closed meanwhile.
func (a *recheckFD) counted(scan int) *bpf.Watched {
	if a.asked != scan || a.now == nil || a.now.None() {
		return nil
	}
	return a.now
}
