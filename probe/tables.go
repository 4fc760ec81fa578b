package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
)

// tables calls the probes' Table and Limits hooks. Those for ipctop's own namespaces
// each run on their own goroutine; those for another namespace run together on one
// thread.
func (s *Scan) tables(ctx context.Context) {
	s.noteTableSizes()
	scopes := map[string][]*Probe{}
	var wg sync.WaitGroup
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Table == nil && (p.Limits == nil || s.WaitsOnly()) || p.Scope == "net" && s.wanted.omitsSockets() {
			continue
		}
		if p.Scope != "" {
			scopes[p.Scope] = append(scopes[p.Scope], p)
		}
		ns := NS{Type: p.Scope, Inode: s.Own[p.Scope], Own: true, Scan: s}
		wg.Go(func() { s.table(ctx, p, ns) })
	}
	s.namespaceTables(ctx, s.foreignNamespaces(scopes), scopes)
	wg.Wait()
}

// namespaceTables calls the hooks in namespaces other than ipctop's own, for each
// type those of its probes.
func (s *Scan) namespaceTables(ctx context.Context, list []visitKey, scopes map[string][]*Probe) {
	limits := s.limitsIn(list, scopes)
	s.visitNamespaces(ctx, list, func(k visitKey) {
		ns := NS{Type: k.nsType, Inode: k.inode, Scan: s}
		vacant := s.precheck(&ns)
		for _, p := range scopes[k.nsType] {
			if ctx.Err() == nil {
				s.tableHere(ctx, p, ns, vacant, limits[k])
			}
		}
	})
}

// maxLimitNamespaces is in how many namespaces of a type, other than ipctop's own, limits
// are read. To find a file below /proc/sys the kernel goes through the files of the same
// name of all namespaces, so reading them in n namespaces takes time proportional to n².
const maxLimitNamespaces = 128

// limitsIn returns the namespaces of a list in which limits are read: the first ones of each
// type. One gap for each type stands for the others.
func (s *Scan) limitsIn(list []visitKey, scopes map[string][]*Probe) map[visitKey]bool {
	in, count := map[visitKey]bool{}, map[string]int{}
	for _, k := range list {
		if count[k.nsType]++; count[k.nsType] <= maxLimitNamespaces {
			in[k] = true
		}
	}
	for nsType, n := range count {
		has := slices.ContainsFunc(scopes[nsType], func(p *Probe) bool { return p.Limits != nil })
		if n > maxLimitNamespaces && has && !s.WaitsOnly() {
			s.namespaceGap(nsType, model.Gap{
				Reason: model.Truncated, Count: n - maxLimitNamespaces, Op: "read limits",
				Detail: fmt.Sprintf("there are %d, of which the limits of %d are read", n, maxLimitNamespaces),
			})
		}
	}
	return in
}

// precheck lets a probe look at a namespace, and reports whether the probe knows that the namespace
// is empty.
func (s *Scan) precheck(ns *NS) (vacant bool) {
	for i := range s.scanner.opts.Probes {
		if p := &s.scanner.opts.Probes[i]; p.Precheck != nil && p.Scope == ns.Type {
			ns.PrecheckResult, vacant = p.Precheck(*ns)
			return vacant
		}
	}
	return false
}

// tableDeadline is how long a probe may take to read a table. Tables come from
// the kernel alone and do not block; large ones take time.
const tableDeadline = 10 * time.Second

// table runs a Table hook, giving up on it when its time is over.
func (s *Scan) table(ctx context.Context, p *Probe, ns NS) {
	done := make(chan struct{})
	go func() {
		s.tableHere(ctx, p, ns, false, true)
		close(done)
	}()
	if !guard.Within(tableDeadline, done, ctx.Done()) && ctx.Err() == nil {
		out := &Collector{probe: p.Name}
		out.Gap(model.Gap{Reason: model.Timeout, Op: "read table", Detail: fmt.Sprintf("took longer than %v", tableDeadline)})
		s.add(&result{out: out})
	}
}

// tableSize is how much a table had in the last scan, with memory that can be reused.
type tableSize struct {
	objects, peers int
	stamp          Stamp
	spare          spare
}

// noteTableSizes notes how large the tables were. It runs before they are read, because a
// hook that takes too long still runs during the join.
func (s *Scan) noteTableSizes() {
	s.tableSizes = map[tableKey]tableSize{}
	if s.scanner.joined == nil {
		return
	}
	for o, last := range s.scanner.joined.origins {
		if o.table != (tableKey{}) {
			s.tableSizes[o.table] = tableSize{len(last.objects), len(last.peers), last.stamp, last.spare}
			last.spare = spare{} // a hook that takes too long may use it at any later time
		}
	}
}

// forgetTableSizes is called before the join: after the join, records that a table no longer
// has are gone.
func (s *Scan) forgetTableSizes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tableSizes = map[tableKey]tableSize{}
}

// tableCollector returns a collector with room for as much as the table had in the last scan.
func (s *Scan) tableCollector(k tableKey) *Collector {
	s.mu.Lock()
	last := s.tableSizes[k]
	s.tableSizes[k] = tableSize{objects: last.objects, peers: last.peers}
	s.mu.Unlock()
	return &Collector{
		probe: k.probe, objects: roomFor(last.spare.objects, last.objects), peers: roomFor(last.spare.peers, last.peers), before: last,
	}
}

// roomFor returns an empty list with room for n elements and some more. It reuses spare if that is
// large enough.
func roomFor[T any](spare []T, n int) []T {
	if cap(spare) >= n {
		return spare[:0]
	}
	return make([]T, 0, n+n/16)
}

// tableHere calls the hooks on a thread that is in the namespace. The table of a vacant
// namespace is empty and is not read.
func (s *Scan) tableHere(ctx context.Context, p *Probe, ns NS, vacant, limits bool) {
	begin := time.Now()
	if p.Table != nil {
		out := s.tableCollector(tableKey{p.Name, ns.Inode})
		if !vacant {
			if err := s.recovered(func() error { return p.Table(ctx, ns, out) }); err != nil {
				out.Fail("read table", "", err)
			}
		}
		if len(out.gaps) == 0 {
			s.mu.Lock()
			s.read[tableKey{p.Name, ns.Inode}] = true
			s.mu.Unlock()
		}
		if len(out.gaps) > 0 {
			out.stamp = Stamp{}
		}
		s.add(&result{table: tableKey{p.Name, ns.Inode}, out: out, unchanged: out.kept})
	}
	if p.Limits != nil && limits && !s.WaitsOnly() {
		out := &Collector{probe: p.Name}
		if err := s.recovered(func() error { p.Limits(ns, out); return nil }); err != nil {
			out.Fail("read limits", "", err)
		}
		s.add(&result{out: out})
	}
	s.addDuration(p.Name, time.Since(begin))
}
