package probe

import (
	"slices"

	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// comparison is what comparing the descriptors of one object gave. Those that were opened
// for another access are not compared: they cannot share a description.
type comparison struct {
	scan  int // in which they were compared
	marks map[model.Access][]ofdMark
	all   bool // each with every other of its access
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

// fill notes how the holders are marked.
func (c *comparison) fill(e *Entry) {
	c.marks = map[model.Access][]ofdMark{}
	for i := range e.Holders {
		h := &e.Holders[i]
		if desc, ok := kcmp.DescriptorOf(h); ok {
			c.marks[h.Access] = append(c.marks[h.Access], ofdMark{desc, h.OFD})
		}
	}
}

// apply marks the holders as they were marked, and returns those that are to be compared:
// of an access that others have, or that one has who has run since.
func (c *comparison) apply(idx *Index, e *Entry) (rest []model.Holder) {
	same := map[model.Access]int{} // how many are as they were; negative: not all
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
	for i := range e.Holders {
		h := &e.Holders[i]
		if _, ok := kcmp.DescriptorOf(h); !ok {
			continue
		}
		if same[h.Access] < 0 || same[h.Access] != len(c.marks[h.Access]) {
			rest = append(rest, *h)
			continue
		}
		h.OFD = c.marks[h.Access][next[h.Access]].ofd
		next[h.Access]++
	}
	return rest
}
