package probe

import (
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
	return c.Shared(holders, d.parent)
}

// known groups descriptors by what the source told of their descriptions. It reports false
// if it does not know one of them. The kernel may have used the memory of a description that
// was closed for another, while the source read on: so where somebody ran meanwhile who has
// one, the kernel is asked whether it is the same.
func (d *descriptions) known(c *kcmp.Comparer, list []kcmp.Descriptor) (groups [][]kcmp.Descriptor, known bool) {
	f := d.idx.Scan.facts
	if f == nil || !f.whole {
		return nil, false
	}
	type group struct {
		members []kcmp.Descriptor
		still   bool
	}
	order := make([]uint64, 0, len(list))
	byDescription := make(map[uint64]group, len(list))
	for _, desc := range list {
		x, still := f.find(desc)
		if x == nil {
			return nil, false
		}
		g, ok := byDescription[x.description]
		if !ok {
			order, g.still = append(order, x.description), true
		}
		g.members, g.still = append(g.members, desc), g.still && still
		byDescription[x.description] = g
	}
	for _, at := range order {
		g := byDescription[at]
		if len(g.members) < 2 {
			continue
		}
		if !g.still {
			same := g.members[:1]
			for _, desc := range g.members[1:] {
				if c.Same(g.members[0], desc) {
					same = append(same, desc)
				}
			}
			g.members = same
		}
		if len(g.members) > 1 {
			groups = append(groups, g.members)
		}
	}
	return groups, true
}

// Pipe is how full a pipe or FIFO was when the descriptors of all were read; known is false
// where that was not told. The key of a FIFO has the device, that of a pipe has none.
func (idx *Index) Pipe(e *Entry) (queued, capacity int64, known bool) {
	f := idx.Scan.facts
	if f == nil || !f.whole {
		return 0, 0, false
	}
	p, known := f.pipes[inode{e.Key.Scope, e.Key.Num}]
	return p.Queued, p.Capacity, known
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
