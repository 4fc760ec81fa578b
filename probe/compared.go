package probe

import (
	"slices"

	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// comparison is the result of comparing the descriptors of one object. Descriptors with
// different access are not compared: they cannot share a description.
type comparison struct {
	scan  int // the scan in which they were compared
	marks map[model.Access][]ofdMark
	all   bool // each was compared with every other one of the same access

	// certain: they were distinguished by the address of their description. So the result holds
	// until a holder of the object gets other descriptors. order then has the marks in the
	// order of the holders.
	certain bool
	order   []ofdMark
}

type ofdMark struct {
	descriptor kcmp.Descriptor
	ofd        model.OFD
}

// mayShare reports whether some of the holders may share a description.
func mayShare(holders []model.Holder) bool {
	var space [8]model.Access
	seen := space[:0]
	for i := range holders {
		switch h := &holders[i]; {
		case h.Via != model.ViaFD:
		case slices.Contains(seen, h.Access):
			return true
		default:
			seen = append(seen, h.Access)
		}
	}
	return false
}

// fill records the marks of the holders.
func (c *comparison) fill(e *Entry) {
	c.marks = map[model.Access][]ofdMark{}
	for i := range e.Holders {
		h := &e.Holders[i]
		if desc, ok := kcmp.DescriptorOf(h); ok {
			c.marks[h.Access] = append(c.marks[h.Access], ofdMark{desc, h.OFD})
			if c.certain {
				c.order = append(c.order, ofdMark{desc, h.OFD})
			}
		}
	}
}

// holds gives the holders of e their earlier marks, if these are still certain. If not, it
// marks none and reports false.
func (c *comparison) holds(e *Entry) bool {
	if c == nil || !c.certain || int(e.holdersChangedIn) > c.scan {
		return false
	}
	n := 0
	for i := range e.Holders {
		if desc, ok := kcmp.DescriptorOf(&e.Holders[i]); ok {
			if n == len(c.order) || c.order[n].descriptor != desc {
				return false
			}
			n++
		}
	}
	if n != len(c.order) {
		return false
	}
	n = 0
	for i := range e.Holders {
		if _, ok := kcmp.DescriptorOf(&e.Holders[i]); ok {
			e.Holders[i].OFD = c.order[n].ofd
			n++
		}
	}
	return true
}

// apply gives the holders their earlier marks where these are still valid: where the same
// descriptors have an access, and none of their processes has run since. rest are the
// other holders, which must be compared. Of those that have not run since and shared a
// description then, only the first is in rest; it stands for its group in shared.
func (c *comparison) apply(idx *Index, e *Entry) (rest []model.Holder, shared [][]kcmp.Descriptor) {
	same := map[model.Access]int{} // how many are unchanged; negative: not all are
	for i := range e.Holders {
		h := &e.Holders[i]
		desc, ok := kcmp.DescriptorOf(h)
		if !ok {
			continue
		}
		n := same[h.Access]
		if c == nil || n < 0 || n == len(c.marks[h.Access]) || c.marks[h.Access][n].descriptor != desc || idx.Since(h.PID) > c.scan {
			n = -2
		}
		same[h.Access] = n + 1
	}
	next := map[model.Access]int{}
	earlier := stillShared{was: c, at: map[model.OFD]int{}}
	for i := range e.Holders {
		h := &e.Holders[i]
		desc, ok := kcmp.DescriptorOf(h)
		if !ok {
			continue
		}
		if c == nil || same[h.Access] < 0 || same[h.Access] != len(c.marks[h.Access]) {
			if !earlier.take(idx, h, desc) {
				rest = append(rest, *h)
			}
			continue
		}
		h.OFD = c.marks[h.Access][next[h.Access]].ofd
		next[h.Access]++
	}
	return rest, earlier.groups
}

// stillShared groups descriptors that shared a description when they were compared.
// Their processes have not run since, so they still share it.
type stillShared struct {
	was    *comparison
	marks  map[kcmp.Descriptor]model.OFD // made on first use
	at     map[model.OFD]int             // place in groups
	groups [][]kcmp.Descriptor
}

// take adds a descriptor to its group. It reports false if the descriptor must be compared
// with others: it was not compared before, shared its description with none, or is the first
// of its group.
func (s *stillShared) take(idx *Index, h *model.Holder, desc kcmp.Descriptor) bool {
	if s.was == nil || idx.Since(h.PID) > s.was.scan {
		return false
	}
	if s.marks == nil {
		s.marks = map[kcmp.Descriptor]model.OFD{}
		for _, list := range s.was.marks {
			for _, m := range list {
				s.marks[m.descriptor] = m.ofd
			}
		}
	}
	ofd := s.marks[desc]
	if ofd.IsZero() {
		return false
	}
	at, there := s.at[ofd]
	if !there {
		s.at[ofd] = len(s.groups)
		s.groups = append(s.groups, []kcmp.Descriptor{desc})
		return false
	}
	s.groups[at] = append(s.groups[at], desc)
	return true
}

// joinGroups adds to each group that was found by comparing the members that a compared
// descriptor stood for, and appends the remaining groups of shared.
func joinGroups(found, shared [][]kcmp.Descriptor) [][]kcmp.Descriptor {
	if len(shared) == 0 {
		return found
	}
	of := map[kcmp.Descriptor]int{}
	for i, g := range shared {
		of[g[0]] = i
	}
	groups := make([][]kcmp.Descriptor, 0, len(found)+len(shared))
	in := make([]bool, len(shared))
	for _, g := range found {
		var all []kcmp.Descriptor
		for _, desc := range g {
			if i, ok := of[desc]; ok {
				in[i] = true
				all = append(all, shared[i]...)
			} else {
				all = append(all, desc)
			}
		}
		groups = append(groups, all)
	}
	for i, g := range shared {
		if !in[i] && len(g) > 1 {
			groups = append(groups, g)
		}
	}
	return groups
}
