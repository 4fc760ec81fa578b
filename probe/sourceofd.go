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
	d.ask(list...)
	return c.Shared(holders, d.parent)
}

// markKnown is [descriptions.compare] and [markGroups] in one, of an object of all of whose
// descriptors it is known where their descriptions are. It reports false of others, and where
// some of one place may be two descriptions, one after the other.
func (d *descriptions) markKnown(e *Entry) bool {
	if d.idx.Scan.facts == nil {
		return false
	}
	if d.first == nil {
		d.first, d.ids = map[uint64]firstHolder{}, make([]uint64, 0, 64)
	}
	clear(d.first)
	d.ids = d.ids[:0]
	shared, unsure := false, 0
	for i := range e.Holders {
		desc, ok := kcmp.DescriptorOf(&e.Holders[i])
		if !ok {
			d.ids = append(d.ids, 0)
			continue
		}
		at, still, known := d.find(desc)
		if !known || e.Holders[i].TID != 0 {
			return false
		}
		d.ids = append(d.ids, at)
		first, again := d.first[at]
		if !again {
			d.first[at] = firstHolder{place: i, still: still}
			continue
		}
		shared = true
		switch {
		case first.still:
			continue
		case still && first.unsure:
			unsure--
			fallthrough
		case still:
			first.still = true
		case !first.unsure:
			unsure++
		}
		first.unsure = !still
		d.first[at] = first
	}
	if !shared || unsure > 0 {
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

// firstHolder is the first of the holders of an object whose description is at some place.
type firstHolder struct {
	place  int
	still  bool // one of them has kept it all the time: so all are the same
	unsure bool // there are several, none of which has
}

// sameAsFirst has the kernel compare descriptors of the same description, as the source said,
// some of which somebody may have changed meanwhile: with one of the others, if there is any.
func (d *descriptions) sameAsFirst(c *kcmp.Comparer, members []kcmp.Descriptor) (same []kcmp.Descriptor) {
	still := func(desc kcmp.Descriptor) bool { _, still, _ := d.find(desc); return still }
	first := max(slices.IndexFunc(members, still), 0)
	d.ask(members[first])
	for i, desc := range members {
		if i == first || still(desc) || c.Same(members[first], desc) {
			same = append(same, desc)
		}
	}
	return same
}

// ask notes that the kernel is asked about descriptors by the pids of those who have them.
func (d *descriptions) ask(list ...kcmp.Descriptor) {
	for _, desc := range list {
		d.asked.Store(desc.Task, true)
	}
}

// sure reports whether what was found of a process's descriptors does not depend on its being
// the same process still: the source told of them while nobody could change them, and the
// kernel was not asked about them by its pid.
func (d *descriptions) sure(pid int32) bool {
	f, p := d.idx.Scan.facts, d.idx.Processes[pid]
	switch {
	case f == nil || p == nil:
		return false
	case !f.whole:
		if list, _ := d.idx.describedOf(p); len(list) == 0 {
			return false
		}
	case len(f.own[pid]) > 0 || !f.tables[pid].still || f.task(pid).ticks != p.StartTicks:
		return false
	}
	_, asked := d.asked.Load(pid)
	return !asked
}

// known groups descriptors by what the source told of their descriptions. It reports false
// if it does not know one of them. The kernel may have used the memory of a description that
// was closed for another, while the source read on: so where somebody ran meanwhile who has
// one, the kernel is asked whether it is the same.
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
		place, still, known := d.find(desc)
		if !known {
			return nil, false
		}
		g, ok := byDescription[place]
		if !ok {
			order, g.still = append(order, place), true
		}
		g.members, g.still = append(g.members, desc), g.still && still
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

// Eventfd is what is in the eventfd behind the descriptor; known is false where the source
// did not tell.
func (f *FD) Eventfd() (e bpf.EventfdState, known bool) {
	w := f.watched()
	return w.Eventfd()
}

// watched is the event counter behind the descriptor, as the source told of it.
func (f *FD) watched() bpf.Watched {
	switch {
	case f.counter != nil:
		return *f.counter
	case f.seen == nil || f.seen.event == 0:
		return bpf.Watched{}
	}
	return f.from.events[f.seen.event-1]
}

// InFlight is how many descriptors were in the queue of the UNIX socket behind a holder's
// descriptor, if that is the socket with this inode.
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
