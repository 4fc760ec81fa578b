package sysv

import (
	"os"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// group is attachments of one segment.
type group struct {
	key     uint32 // when the segment was made
	known   bool   // by generation; otherwise by namespace of the processes alone
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
	removed  bool // its key is gone
	size     model.Opt[int64]
	attached model.Opt[int64]
	pids     [2]int // who attached or detached last, who made it; 0: unknown

	owner *group // the group of known generation that it has; there is but one
}

// rule is a way to tell which of its candidates a group belongs to; nil where it
// does not tell.
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

// assign says of which segment each group is. All groups and candidates have the
// same id. A segment has one generation, so it has at most one group whose
// generation is known. The strongest rule that says something is followed first,
// and what it takes away may decide about the others; a group about which
// nothing can be said stays without a segment.
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

// fits reports whether the attachments may be of this segment. alone: there is
// no other segment of this id, nor are there other attachments; then a count
// that is too low only means that somebody detached between two samples. But to a
// segment that nobody has attached nobody is attached: this is another one's.
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

// within reports whether a mapping that ends at this offset can be of a segment
// of this size, which the kernel rounds up to whole pages.
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

// byHome: processes are attached to segments of the namespace they live in,
// unless they moved. It decides nothing while two groups could live there.
func byHome(g *group, rest []*group, of func(*group) []*candidate) *candidate {
	c := only(of(g), g.livesIn)
	if c == nil || !g.known {
		return c // without a generation nothing says that two groups are two segments
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

// byPID: the kernel remembers who attached last and who made the segment.
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
					return false // attached to several segments of this number
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

// byElimination: there is one segment that it can be, and nobody else's.
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

// only is the one candidate for which ok holds, if there is exactly one.
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
