package probe

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// join combines all records that were emitted under the same key.
func (s *Scan) join() *Index {
	sc := s.scanner
	if sc.joined == nil || !sc.opts.Repeated {
		sc.joined = newJoined(sc.opts.Repeated)
	}
	results := s.allResults()
	s.forgetTableSizes()
	idx := &Index{
		Scan:      s,
		Processes: make(map[int32]*model.Process, len(results)),
		joined:    sc.joined,
		since:     make(map[int32]int, len(results)),
		described: map[int32][]described{},
		hidden:    s.hidden,
		unmapped:  s.hidden,
	}
	for _, r := range results {
		if r.process != nil {
			idx.Processes[int32(r.process.PID)] = r.process
		}
		idx.hidden = idx.hidden || r.partialFDs || r.out.unknownHolders
		idx.unmapped = idx.unmapped || r.partialMaps
	}
	sc.joined.take(results, s.number)
	for _, r := range results {
		switch {
		case r.process == nil:
		case r.cache != nil:
			idx.since[int32(r.process.PID)] = r.cache.scan
		case len(r.described) > 0:
			idx.described[int32(r.process.PID)] = r.described
		}
	}
	sc.joined.make(s)
	return idx
}

// complete adds what can only be found out when all holders are known: which descriptors
// are the same object, the results of the probes' Complete hooks, and which holders
// share a description.
func (s *Scan) complete(ctx context.Context, idx *Index) {
	out := &Collector{probe: "ofd"}
	begin := time.Now()
	d := newDescriptions(idx, out)
	s.mergeDescriptions(d)
	s.addDuration("ofd", time.Since(begin))
	s.completeProbes(ctx, idx)
	idx.noteInFlight()
	begin = time.Now()
	s.markShared(d)
	d.report()
	s.addDuration("ofd", time.Since(begin))
	s.add(&result{out: out})
}

func (s *Scan) completeProbes(ctx context.Context, idx *Index) {
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Complete == nil {
			continue
		}
		out := &Collector{probe: p.Name}
		begin := time.Now()
		if err := s.recovered(func() error { p.Complete(ctx, idx, out); return nil }); err != nil {
			out.Fail("complete", "", err)
		}
		idx.connect(out)
		s.addDuration(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
}

// Each calls work for every entry on guarded threads; see [guard.Task.Begin]. Only the
// function that work returns may change the entry; it is not called if the work was
// given up.
func (idx *Index) Each(list []*Entry, work func(t *guard.Task, e *Entry) (commit func())) {
	sc := idx.Scan.scanner
	sc.guard.Each(len(list), sc.opts.Workers, func(i int) guard.Item { return idx.item(list[i]) },
		func(t *guard.Task, i int) func() { return work(t, list[i]) })
}

// AskLocked calls the probes' Locked hooks, which ask the holders of the files in list for locks
// that no table lists.
func (idx *Index) AskLocked(list []*Entry) {
	for i := range idx.Scan.scanner.opts.Probes {
		if locked := idx.Scan.scanner.opts.Probes[i].Locked; locked != nil {
			idx.Each(list, func(t *guard.Task, e *Entry) func() { return locked(t, idx, e) })
		}
	}
}

// BeginAt is [guard.Task.Begin] for an operation on a process in a task about something
// else: if the operation got stuck when the process itself was read, it is skipped here,
// and vice versa.
func (idx *Index) BeginAt(t *guard.Task, pid int32, op string, n int32) bool {
	return t.BeginFor(idx.processItem(pid), op, n)
}

// Comparer returns a comparer of descriptors of processes that were read.
func (idx *Index) Comparer(t *guard.Task) *kcmp.Comparer {
	return kcmp.NewComparer(t, idx.processItem, new(sync.Map))
}

// processItem is [Scan.processItem] of a process that was read.
func (idx *Index) processItem(pid int32) guard.Item {
	var ticks uint64
	if p := idx.Processes[pid]; p != nil {
		ticks = p.StartTicks
	}
	return idx.Scan.processItem(int(pid), ticks)
}

// Skips reports whether an operation on e must be skipped because it got stuck before. It is
// for work that runs outside of a [guard.Task].
func (idx *Index) Skips(e *Entry, op string) bool {
	return idx.Scan.scanner.guard.Skips(idx.item(e), op, 0)
}

// MarkStuck makes later scans skip an operation on e, because its executor is stuck. The
// caller calls back if the operation ever returns.
func (idx *Index) MarkStuck(e *Entry, op string) (back func()) {
	return idx.Scan.scanner.guard.MarkStuck(idx.item(e), op, 0)
}

// snapshot fills in the snapshot, everything in the order of the JSON contract. A second call
// includes what was found since the first.
func (s *Scan) snapshot(idx *Index, snap *model.Snapshot) {
	*snap = model.Snapshot{
		Schema: model.Schema,
		Host:   s.host(),
		Scan: model.Scan{
			EUID:                os.Geteuid(),
			Backends:            map[string]string{},
			Probes:              map[string]model.ProbeReport{},
			PIDNamespaceForeign: !s.PIDCalls,
		},
	}
	s.mu.Lock()
	results := s.results
	for name, d := range s.durations {
		snap.Scan.Probes[name] = model.ProbeReport{Duration: int64(d)}
	}
	s.mu.Unlock()
	processes, limits := 0, 0
	for _, r := range results {
		if r.process != nil {
			processes++
		}
		limits += len(r.out.limits)
	}
	snap.Processes, snap.Limits = slices.Grow(snap.Processes, processes), slices.Grow(snap.Limits, limits)
	for _, r := range results {
		if r.process != nil {
			snap.Processes = append(snap.Processes, r.takeOver())
			snap.Scan.Processes++
		}
		if r.unreadable {
			snap.Scan.ProcessesUnreadable++
		}
		snap.Gaps = append(snap.Gaps, r.out.gaps...)
		snap.Limits = append(snap.Limits, r.out.limits...)
		snap.Waits = append(snap.Waits, r.out.waits...)
		for what, how := range r.out.backends {
			snap.Scan.Backends[what] = how
		}
	}
	slices.SortFunc(snap.Processes, func(a, b *model.Process) int { return a.PID - b.PID })
	if s.waited && snap.Waits == nil {
		snap.Waits = []model.Wait{} // a probe has looked, and no thread waits
	}
	slices.SortFunc(snap.Waits, func(a, b model.Wait) int { return cmp.Or(a.PID-b.PID, a.TID-b.TID) })
	sortGaps(snap.Gaps)
	snap.Limits = sortLimits(snap.Limits)

	snap.Objects = idx.objects()
	if !s.WaitsOnly() {
		snap.Links = s.scanner.links.Make(snap.Objects)
	}
}

// sortPeers sorts peers by id. Of several records of the same peer it keeps the one with the
// highest confidence.
func sortPeers(peers []model.Peer) []model.Peer {
	if len(peers) < 2 {
		return peers
	}
	slices.SortFunc(peers, func(a, b model.Peer) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.Confidence.Rank()-b.Confidence.Rank())
	})
	return slices.CompactFunc(peers, func(a, b model.Peer) bool { return a.ID == b.ID })
}

func sortGaps(gaps []model.Gap) {
	slices.SortFunc(gaps, func(a, b model.Gap) int {
		return cmp.Or(strings.Compare(a.Probe, b.Probe), a.PID-b.PID, a.TID-b.TID, strings.Compare(a.Object, b.Object),
			strings.Compare(a.Op, b.Op), strings.Compare(string(a.Reason), string(b.Reason)), strings.Compare(a.Path, b.Path))
	})
}
