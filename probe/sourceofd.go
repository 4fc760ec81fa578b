package probe

import (
	"slices"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// compare groups the holders that share an open file description; see [kcmp.Comparer.Shared].
func (d *descriptions) compare(c *kcmp.Comparer, holders []model.Holder) (groups [][]kcmp.Descriptor, all bool) {
	list := make([]kcmp.Descriptor, 0, len(holders))
	for i := range holders {
		if desc, ok := kcmp.DescriptorOf(&holders[i]); ok {
			list = append(list, desc)
		}
	}
	if groups, known := d.known(c, list); known {
		return groups, true
	}
	d.noteAsked(list...)
	return c.Shared(holders, d.parent)
}

// markKnown does the work of [descriptions.compare] and [markGroups] for an object if the
// addresses of all its descriptors' descriptions are known. It reports false for other
// objects, and if two descriptors with the same address may have had different descriptions,
// one after the other.
func (d *descriptions) markKnown(e *Entry) bool {
	if d.idx.Scan.facts == nil {
		return false
	}
	if d.first == nil {
		d.first, d.ids = map[uint64]firstHolder{}, make([]uint64, 0, 64)
	}
	clear(d.first)
	d.ids = d.ids[:0]
	shared, uncertain := false, 0
	for i := range e.Holders {
		desc, ok := kcmp.DescriptorOf(&e.Holders[i])
		if !ok {
			d.ids = append(d.ids, 0)
			continue
		}
		at, stable, known := d.find(desc)
		if !known || e.Holders[i].TID != 0 {
			return false
		}
		d.ids = append(d.ids, at)
		first, again := d.first[at]
		if !again {
			d.first[at] = firstHolder{place: i, stable: stable}
			continue
		}
		shared = true
		switch {
		case first.stable:
			continue
		case stable && first.uncertain:
			uncertain--
			fallthrough
		case stable:
			first.stable = true
		case !first.uncertain:
			uncertain++
		}
		first.uncertain = !stable
		d.first[at] = first
	}
	if !shared || uncertain > 0 {
		return !shared
	}
	for i, id := range d.ids {
		if first := d.first[id].place; id != 0 && first != i {
			desc, _ := kcmp.DescriptorOf(&e.Holders[first])
			ofd := model.OFD{PID: desc.Task, FD: desc.FD}
			e.Holders[i].OFD, e.Holders[first].OFD = ofd, ofd
		}
	}
	return true
}

// firstHolder is the first holder of an object whose description is at a certain address.
type firstHolder struct {
	place     int
	stable    bool // one of the holders has kept its description all the time, so all have the same one
	uncertain bool // there are several, and none of them has surely kept it
}

// sameAsFirst handles descriptors with the same description, according to the source, some of
// which may have changed meanwhile. It has the kernel compare these with one that cannot have
// changed, if there is one, and returns the descriptors that share its description.
func (d *descriptions) sameAsFirst(c *kcmp.Comparer, members []kcmp.Descriptor) (same []kcmp.Descriptor) {
	stable := func(desc kcmp.Descriptor) bool { _, stable, _ := d.find(desc); return stable }
	first := max(slices.IndexFunc(members, stable), 0)
	d.noteAsked(members[first])
	for i, desc := range members {
		if i == first || stable(desc) || c.Same(members[first], desc) {
			same = append(same, desc)
		}
	}
	return same
}

// noteAsked notes that the kernel is asked about descriptors by the pids of their processes.
func (d *descriptions) noteAsked(list ...kcmp.Descriptor) {
	for _, desc := range list {
		d.asked.Store(desc.Task, true)
	}
}

// knownBySource reports whether the result for a process's descriptors is valid even if another
// process has its pid now: the source told of them while nobody could change them, and the
// kernel was not asked about them by pid.
func (d *descriptions) knownBySource(pid int32) bool {
	f, p := d.idx.Scan.facts, d.idx.Processes[pid]
	switch {
	case f == nil || p == nil:
		return false
	case !f.whole:
		if list, _ := d.idx.describedOf(p); len(list) == 0 {
			return false
		}
	case len(f.own[pid]) > 0 || !f.tables[pid].stable || f.task(pid).ticks != p.StartTicks:
		return false
	}
	_, asked := d.asked.Load(pid)
	return !asked
}

// known groups descriptors by the addresses of their descriptions. It reports false if one
// of them is unknown. While the source was still reading, the kernel may have reused the
// memory of a closed description for another one. So if a process that has one of the
// descriptors ran meanwhile, the kernel is asked whether they are the same.
func (d *descriptions) known(c *kcmp.Comparer, list []kcmp.Descriptor) (groups [][]kcmp.Descriptor, known bool) {
	if d.idx.Scan.facts == nil {
		return nil, false
	}
	type group struct {
		members []kcmp.Descriptor
		still   bool
	}
	order := make([]uint64, 0, len(list))
	byDescription := make(map[uint64]group, len(list))
	for _, desc := range list {
		place, stable, known := d.find(desc)
		if !known {
			return nil, false
		}
		g, ok := byDescription[place]
		if !ok {
			order, g.still = append(order, place), true
		}
		g.members, g.still = append(g.members, desc), g.still && stable
		byDescription[place] = g
	}
	for _, at := range order {
		g := byDescription[at]
		if len(g.members) < 2 {
			continue
		}
		if !g.still {
			g.members = d.sameAsFirst(c, g.members)
		}
		if len(g.members) > 1 {
			groups = append(groups, g.members)
		}
	}
	return groups, true
}

// Eventfd returns the state of the eventfd behind the descriptor; known is false if the
// source did not tell.
func (f *FD) Eventfd() (e bpf.EventfdState, known bool) {
	w := f.watched()
	return w.Eventfd()
}

// watched returns the event counter behind the descriptor, as the source told of it.
func (f *FD) watched() bpf.Watched {
	switch {
	case f.counter != nil:
		return *f.counter
	case f.sourceFile == nil || f.sourceFile.event == 0:
		return bpf.Watched{}
	}
	return f.facts.events[f.sourceFile.event-1]
}

// InFlight returns how many descriptors were in the queue of the UNIX socket behind a
// holder's descriptor, if that is the socket with this inode.
func (idx *Index) InFlight(h *model.Holder, ino uint64) (n int, known bool) {
	f := idx.Scan.facts
	desc, ok := kcmp.DescriptorOf(h)
	if f == nil || !f.whole || !ok {
		return 0, false
	}
	x, _ := f.find(desc)
	if x == nil || x.ino != ino || x.inFlight < 0 {
		return 0, false
	}
	return int(x.inFlight), true
}
