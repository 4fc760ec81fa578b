package probe

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Fork, dup(2) and SCM_RIGHTS make descriptors that share one open file
// description: one offset, one set of flags, one flock. The kernel does not
// list which ones do, but it compares two on request (kcmp(2) KCMP_FILE, Linux
// 3.5). As it also tells their order, n descriptors need n log n comparisons
// instead of n².
//
// This serves two purposes. Kinds whose instances all have one inode (epoll,
// timerfd …) have no other identity: each of their descriptors is first taken
// for an object of its own, and those that share a description are merged here.
// For all other kinds, [model.Holder.OFD] tells which holders share a
// description.

// Descriptor names this descriptor.
func (f *FD) Descriptor() kcmp.Descriptor {
	if f.TID != 0 {
		return kcmp.Descriptor{Task: f.TID, FD: f.Num}
	}
	return kcmp.Descriptor{Task: f.Proc.PID(), FD: f.Num}
}

// descriptorOf returns the descriptor that is the key in such a space.
func descriptorOf(k Key) kcmp.Descriptor {
	return kcmp.Descriptor{Task: int32(k.Scope), FD: int32(k.Num)}
}

// DescriptorKey is the key of a descriptor in a space that is [KeySpace.ByDescription].
func DescriptorKey(d kcmp.Descriptor, space *KeySpace) Key {
	return Key{Space: space, Scope: uint64(uint32(d.Task)), Num: uint64(uint32(d.FD))}
}

// descriptions finds out which descriptors share a description.
type descriptions struct {
	idx *Index
	out *Collector
	off bool // kcmp cannot be used at all

	seen    map[model.Reason]*model.Gap
	alive   map[int32]bool
	checked sync.Map // see [kcmp.Comparer]
	asked   sync.Map // the pids of which the kernel compared descriptors
	shared  []sharing

	first map[uint64]firstHolder // see [descriptions.markKnown]
	ids   []uint64
}

// sharing is a comparison result that holds if all its processes are still the same.
type sharing struct {
	entry  *Entry
	groups [][]kcmp.Descriptor
}

func newDescriptions(idx *Index, out *Collector) *descriptions {
	d := &descriptions{idx: idx, out: out, seen: map[model.Reason]*model.Gap{}}
	if !idx.Scan.PIDCalls {
		d.gap(model.Unsupported, "the proc file system belongs to another pid namespace")
		d.off = true
		return d
	}
	own := int32(os.Getpid())
	if _, err := kcmp.Compare(own, own, kcmp.Files, 0, 0); err != nil {
		d.gap(proc.ReasonOf(err), "kcmp: "+err.Error())
		d.off = true
	}
	return d
}

func (d *descriptions) gap(r model.Reason, detail string) {
	if g := d.seen[r]; g != nil {
		g.Count++
		return
	}
	d.seen[r] = &model.Gap{Reason: r, Op: "compare descriptors", Detail: detail, Count: 1}
}

// failed notes descriptors that could not be compared. If a descriptor was
// closed or its process has ended, nothing is missing.
func (d *descriptions) failed(bad map[kcmp.Descriptor]error) {
	for _, err := range bad {
		if !proc.Gone(err) && !errors.Is(err, unix.EBADF) {
			d.gap(proc.ReasonOf(err), "kcmp: "+err.Error())
		}
	}
}

func (d *descriptions) report() {
	for _, g := range d.seen {
		d.out.Gap(*g)
	}
	clear(d.seen)
}

func (d *descriptions) each(n int, work func(t *guard.Task, i int) func()) {
	sc := d.idx.Scan.scanner
	// What gets stuck is a process, no matter about which object it was asked.
	sc.guard.Each(n, sc.opts.Workers, func(int) guard.Item { return guard.Item{Key: d} }, work)
}

// same reports whether a pid still belongs to the process that was read. It is
// called when everything has been compared: a process that lives now has lived
// all the time in between.
func (d *descriptions) same(pid int32) bool {
	ok, known := d.alive[pid]
	if !known {
		ok = d.knownBySource(pid) || d.idx.Same(pid)
		d.alive[pid] = ok
	}
	return ok
}

// mergeDescriptions makes one object of the descriptors that share a
// description, in the spaces where that is the identity. A descriptor that
// could not be compared stays an object of its own, whose list of holders may
// be incomplete.
func (s *Scan) mergeDescriptions(d *descriptions) {
	bySpace := map[*KeySpace][]*Entry{}
	for space := range d.idx.joined.spaces {
		if space.ByDescription {
			bySpace[space] = d.idx.In(space)
		}
	}
	var lists [][]*Entry
	for _, list := range bySpace {
		if d.off {
			for _, e := range list {
				e.Complete = model.Some(false)
			}
			continue
		}
		if len(list) > 1 {
			slices.SortFunc(list, func(a, b *Entry) int { return compareHolders(&a.Holders[0], &b.Holders[0]) })
			lists = append(lists, list)
		}
	}
	found := make([][][]kcmp.Descriptor, len(lists))
	d.each(len(lists), func(t *guard.Task, i int) func() {
		list := make([]kcmp.Descriptor, len(lists[i]))
		for n, e := range lists[i] {
			list[n] = descriptorOf(e.Key)
		}
		c := kcmp.NewComparer(t, d.idx.processItem, &d.checked)
		groups, known := d.known(c, list)
		if !known {
			d.noteAsked(list...)
			groups = c.Group(list)
		}
		return func() {
			found[i] = groups
			for _, e := range lists[i] {
				if c.Failed[descriptorOf(e.Key)] != nil {
					e.Complete = model.Some(false)
				}
			}
			d.failed(c.Failed)
		}
	})
	d.alive = map[int32]bool{}
	for i, groups := range found {
		for _, g := range groups {
			var into *Entry
			for _, desc := range g {
				e := d.idx.joined.entries[DescriptorKey(desc, lists[i][0].Key.Space)]
				switch {
				case !d.same(e.Holders[0].PID):
				case into == nil:
					into = e
				default:
					into.Adopt(e.Holders...)
					d.idx.merge(e, into)
				}
			}
		}
	}
}

// merge makes from an alias of into.
func (idx *Index) merge(from, into *Entry) {
	from.excluded = true
	if idx.merged == nil {
		idx.merged = map[Key]*Entry{}
	}
	idx.merged[from.Key] = into
	for _, p := range from.peers {
		into.rest().found = append(into.found(), peerRecord{from.Key, p.to.Key, p.confidence})
	}
	if found := from.found(); len(found) > 0 {
		into.rest().found = append(into.found(), found...)
	}
	from.touch()
	into.touch()
}

// markShared sets [model.Holder.OFD] in the holders of all objects that are
// held by several descriptors.
func (s *Scan) markShared(d *descriptions) {
	var list []*Entry
	known := map[Key]*comparison{}
	number := int32(s.number)
	for k, c := range s.scanner.compared {
		if e := d.idx.joined.entries[k]; e != nil && e.listed() && e.holdersMadeIn != number { // they are marked already
			known[k] = c
			d.note(c.all)
		}
	}
	for _, e := range d.idx.joined.made {
		switch {
		case !e.listed() || e.removed:
		case e.Key.Space.ByDescription:
			markAll(e.Holders)
		case e.holdersMadeIn == number && (!s.WaitsOnly() || locked(e.Object)) && mayShare(e.Holders):
			list = append(list, e)
		}
	}
	list = slices.DeleteFunc(list, func(e *Entry) bool {
		if before := s.scanner.compared[e.Key]; before.holds(e) {
			known[e.Key] = before
			return true
		}
		if !d.markKnown(e) {
			return false
		}
		if s.scanner.opts.Repeated && (!e.Key.Space.Incremental || len(e.Holders) > fewHolders) {
			c := &comparison{scan: s.number, all: true, certain: true}
			c.fill(e)
			known[e.Key] = c
		}
		return true
	})
	if d.off {
		return
	}
	rest, still := make([][]model.Holder, len(list)), make([][][]kcmp.Descriptor, len(list))
	for i, e := range list {
		rest[i], still[i] = s.scanner.compared[e.Key].apply(d.idx, e)
	}
	d.each(len(list), func(t *guard.Task, i int) func() {
		e, c, before := list[i], kcmp.NewComparer(t, d.idx.processItem, &d.checked), s.scanner.compared[list[i].Key]
		if len(rest[i]) == 0 && before != nil {
			return func() {
				known[e.Key] = before
				d.note(before.all)
			}
		}
		groups, all := d.compare(c, rest[i])
		return func() {
			if groups = joinGroups(groups, still[i]); len(groups) > 0 {
				d.shared = append(d.shared, sharing{e, groups})
			}
			all = all && (before == nil || before.all)
			d.note(all)
			d.failed(c.Failed)
			switch {
			case !s.scanner.opts.Repeated:
			case len(c.Failed) > 0 || d.mayRun(e):
				e.compareAgain()
			default:
				known[e.Key] = &comparison{scan: s.number, all: all}
			}
		}
	})
	d.alive = map[int32]bool{}
	for _, f := range d.shared {
		markGroups(f.entry.Holders, f.groups, d.same)
	}
	for _, e := range list {
		if c := known[e.Key]; c != nil && c.scan == s.number {
			c.fill(e)
		}
	}
	s.scanner.compared = known
}

// fewHolders is the number of holders up to which comparing them again costs less than keeping the
// result.
const fewHolders = 8

// note emits a gap if not all descriptors of an object were compared.
func (d *descriptions) note(all bool) {
	if !all {
		d.gap(model.Truncated, fmt.Sprintf("more than %d open file descriptions of one object: only those of related processes were compared", kcmp.MaxSorted))
	}
}

// locked reports whether a file is locked. Then it matters which of its
// descriptors share a description.
func locked(o *model.Object) bool {
	d, ok := o.Detail.(*model.FileDetail)
	return ok && len(d.Locks) > 0
}

// markGroups gives all holders in a group the number of the lowest of them. It leaves
// out holders whose process is no longer the same, and groups of one.
func markGroups(holders []model.Holder, groups [][]kcmp.Descriptor, same func(pid int32) bool) {
	in := map[kcmp.Descriptor]int{}
	for n, g := range groups {
		for _, desc := range g {
			in[desc] = n
		}
	}
	lowest := make([]int, len(groups)) // place among the holders, counted from 1
	for i := range holders {
		desc, ok := kcmp.DescriptorOf(&holders[i])
		if !ok {
			continue
		}
		n, ok := in[desc]
		switch {
		case !ok || !same(holders[i].PID):
		case lowest[n] == 0:
			lowest[n] = i + 1
		default:
			first := &holders[lowest[n]-1]
			desc, _ := kcmp.DescriptorOf(first)
			first.OFD = model.OFD{PID: desc.Task, FD: desc.FD}
			holders[i].OFD = first.OFD
		}
	}
}

// markAll marks all holders by descriptor as one group, if there are several.
func markAll(holders []model.Holder) {
	var group []kcmp.Descriptor
	for i := range holders {
		if desc, ok := kcmp.DescriptorOf(&holders[i]); ok {
			group = append(group, desc)
		}
	}
	if len(group) > 1 {
		markGroups(holders, [][]kcmp.Descriptor{group}, func(int32) bool { return true })
	}
}

// Find sets the objects behind the descriptors that are keys of want.
func (idx *Index) Find(want map[kcmp.Descriptor]*Entry) {
	look := func(e *Entry) {
		for i := range e.Holders {
			if d, ok := kcmp.DescriptorOf(&e.Holders[i]); ok {
				if _, wanted := want[d]; wanted {
					want[d] = e
				}
			}
		}
	}
	pids := map[int32]bool{}
	for d := range want {
		if idx.Processes[d.Task] == nil { // a thread with a table of its own
			clear(pids)
			break
		}
		pids[d.Task] = true
	}
	idx.EachOf(pids, look)
}

func compareHolders(a, b *model.Holder) int {
	return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.TID, b.TID), cmp.Compare(a.FD.Or(-1), b.FD.Or(-1)))
}

// Same reports whether a pid still belongs to the process that was read. What
// was learnt through the pid is valid only if Same is called afterwards.
func (idx *Index) Same(pid int32) bool {
	p := idx.Processes[pid]
	if p == nil {
		return false
	}
	if dir, ok := idx.Scan.scanner.handles.Get(p.PID, p.StartTicks); ok {
		return dir.Alive() == nil
	}
	var buf [1024]byte
	text, err := idx.Scan.root.ReadRecord(strconv.Itoa(int(pid))+"/stat", buf[:0])
	if err != nil {
		return false
	}
	st, err := proc.ParseStat(text)
	return err == nil && st.StartTicks == p.StartTicks
}

// parent returns the parent of a process; 0 if unknown.
func (d *descriptions) parent(pid int32) int32 {
	if p := d.idx.Processes[pid]; p != nil {
		return int32(p.PPID)
	}
	return 0
}
