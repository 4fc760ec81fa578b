package sysv

import (
	"os"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// group is a set of attachments of one segment.
type group struct {
	key     uint32 // the segment's key when it was made
	known   bool   // the generation is known; otherwise only the processes' namespace is
	members []member

	to       *candidate // the segment; nil while unknown
	inferred bool
}

type member struct {
	holder model.Holder
	home   uint64 // IPC namespace of the process; 0: unknown
}

// candidate is a segment that has the id in question in its namespace.
type candidate struct {
	entry    *probe.Entry
	ns       uint64
	key      string
	removed  bool // it was removed, so its key is gone
	size     model.Opt[int64]
	attached model.Opt[int64]
	pids     [2]int // the process that attached or detached last, the one that made it; 0: unknown

	owner *group // the group with known generation that belongs to it; there is at most one
}

// rule is a way to find out which of its candidates a group belongs to; nil if
// the rule cannot tell.
type rule struct {
	find     func(g *group, rest []*group, of func(*group) []*candidate) *candidate
	inferred bool
}

var rules = []rule{
	{byHome, false},
	{byPID, false},
	{byCount, true},
	{byElimination, true},
}

// assign finds the segment of each group. All groups and candidates have the
// same id. A segment has one generation, so it has at most one group whose
// generation is known. The strongest rule with a result is applied first, and
// what it assigns may decide about the remaining groups. A group for which no
// rule has a result stays without a segment.
func assign(groups []*group, list []*candidate) {
	of := func(g *group) []*candidate {
		var fit []*candidate
		for _, c := range list {
			if c.fits(g, len(list) == 1 && len(groups) == 1) {
				fit = append(fit, c)
			}
		}
		return fit
	}
	for decided := true; decided; {
		decided = false
		for _, r := range rules {
			var rest []*group
			for _, g := range groups {
				if g.to == nil {
					rest = append(rest, g)
				}
			}
			for _, g := range rest {
				if g.to = r.find(g, rest, of); g.to != nil {
					decided = true
					g.inferred = r.inferred || !g.known && len(list) > 1
					if g.known {
						g.to.owner = g
					}
				}
			}
			if decided {
				break
			}
		}
	}
}

// fits reports whether the attachments may belong to this segment. alone: there
// is no other segment with this id, and there are no other attachments. Then a
// count that is too low only means that a process detached between two samples.
// But if the count is 0, nobody is attached to this segment: the group belongs to
// another one.
func (c *candidate) fits(g *group, alone bool) bool {
	if g.known && c.owner != nil {
		return false
	}
	if !c.removed && c.key != keyText(g.key) {
		return false
	}
	if n, ok := c.attached.Get(); ok && int64(len(g.members)) > n && (!alone || n == 0) {
		return false
	}
	size, ok := c.size.Get()
	for i := range g.members {
		if e := g.members[i].holder.Extent; ok && e != nil && !within(e.Offset.Or(0)+e.Size.Or(0), size) {
			return false
		}
	}
	return true
}

// within reports whether a mapping that ends at this offset can belong to a
// segment of this size, which the kernel rounds up to whole pages.
func within(end, size int64) bool {
	roundUp := func(unit int64) int64 { return (size + unit - 1) &^ (unit - 1) }
	if end <= roundUp(int64(os.Getpagesize())) {
		return true
	}
	for _, shift := range hugeShifts {
		if shift > 0 && end == roundUp(1<<shift) {
			return true
		}
	}
	return false
}

// byHome: processes are attached to segments of the namespace that they live
// in, unless they moved. The rule has no result if two groups could belong to
// that namespace.
func byHome(g *group, rest []*group, of func(*group) []*candidate) *candidate {
	c := only(of(g), g.livesIn)
	if c == nil || !g.known {
		return c // without generations nothing says that two groups are two segments
	}
	for _, other := range rest {
		if other != g && other.known && other.to == nil && other.livesIn(c) && c.fits(other, false) {
			return nil
		}
	}
	return c
}

func (g *group) livesIn(c *candidate) bool {
	for i := range g.members {
		if g.members[i].home == c.ns && c.ns != 0 {
			return true
		}
	}
	return false
}

// byPID: the kernel keeps which process attached last and which one made the segment.
func byPID(g *group, rest []*group, of func(*group) []*candidate) *candidate {
	if !g.known {
		return nil
	}
	for which := range 2 {
		c := only(of(g), func(c *candidate) bool {
			pid := c.pids[which]
			if pid == 0 || !g.has(pid) {
				return false
			}
			for _, other := range rest {
				if other != g && other.has(pid) {
					return false // attached to several segments with this id
				}
			}
			return true
		})
		if c != nil {
			return c
		}
	}
	return nil
}

func (g *group) has(pid int) bool {
	for i := range g.members {
		if int(g.members[i].holder.PID) == pid {
			return true
		}
	}
	return false
}

// byCount: the kernel's count of attachments is exactly this group's.
func byCount(g *group, rest []*group, of func(*group) []*candidate) *candidate {
	if !g.known {
		return nil
	}
	return only(of(g), func(c *candidate) bool {
		if n, ok := c.attached.Get(); !ok || n != int64(len(g.members)) {
			return false
		}
		for _, other := range rest {
			if other != g && other.to == nil && len(other.members) == len(g.members) && c.fits(other, false) {
				return false
			}
		}
		return true
	})
}

// byElimination: there is only one segment that fits, and no other group fits it.
func byElimination(g *group, rest []*group, of func(*group) []*candidate) *candidate {
	if !g.known {
		return nil
	}
	return only(of(g), func(c *candidate) bool {
		for _, other := range rest {
			if other != g && other.to == nil && c.fits(other, false) {
				return false
			}
		}
		return len(of(g)) == 1
	})
}

// only returns the candidate for which ok holds, if there is exactly one.
func only(list []*candidate, ok func(*candidate) bool) *candidate {
	var found *candidate
	for _, c := range list {
		if ok(c) {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}
