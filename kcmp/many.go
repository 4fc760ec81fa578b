package kcmp

import (
	"maps"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// MaxSorted bounds how many descriptions of one object are sorted: sorting n of them
// takes n log n system calls. For a log file that a thousand processes have
// opened separately, that would cost more than the rest of the scan.
const MaxSorted = 64

// Shared groups the holders of one object by description; all reports whether
// each one was compared with every other one. Descriptors with different access
// cannot share a description.
func (c *Comparer) Shared(holders []model.Holder, parent func(int32) int32) (groups [][]Descriptor, all bool) {
	byAccess := map[model.Access][]Descriptor{}
	for i := range holders {
		if desc, ok := DescriptorOf(&holders[i]); ok {
			byAccess[holders[i].Access] = append(byAccess[holders[i].Access], desc)
		}
	}
	all = true
	for _, list := range byAccess {
		switch {
		case len(list) < 2:
		case len(list) <= MaxSorted:
			groups = append(groups, c.Group(list)...)
		default:
			g, every := c.groupMany(list, parent)
			groups, all = append(groups, g...), all && every
		}
	}
	return groups, all
}

// groupMany groups many descriptors, which are in the order of their tasks. Nearly all
// that share a description got it by fork or dup, so each descriptor is first compared
// with those of related processes. The remaining ones are sorted if there are not too
// many.
func (c *Comparer) groupMany(list []Descriptor, parent func(int32) int32) (groups [][]Descriptor, all bool) {
	c.checkTasks(list)
	type place struct{ task, fd int32 }
	var (
		head    = make(map[Descriptor]Descriptor, len(list)) // the first descriptor of each one's group
		members = map[Descriptor][]Descriptor{}              // the other members
		sibling = map[place]Descriptor{}                     // the last child's descriptor with this number
		heads   []Descriptor
	)
	for i, d := range list {
		if c.Failed[d] != nil {
			continue
		}
		up := parent(d.Task)
		var related []Descriptor
		if p := (Descriptor{up, d.FD}); head[p] != (Descriptor{}) {
			related = append(related, p)
		}
		if s, ok := sibling[place{up, d.FD}]; ok {
			related = append(related, s)
		}
		if i > 0 && list[i-1].Task == d.Task {
			related = append(related, list[i-1])
		}
		sibling[place{up, d.FD}] = d
		head[d] = d
		for _, r := range related {
			if c.compare(r, d) == 0 && c.Failed[r] == nil && c.Failed[d] == nil {
				head[d] = head[r]
				break
			}
		}
		if h := head[d]; h == d {
			heads = append(heads, d)
		} else {
			members[h] = append(members[h], d)
		}
	}
	all = len(heads) <= MaxSorted
	if all {
		for _, g := range c.Group(heads) {
			for _, h := range g[1:] {
				members[g[0]] = append(append(members[g[0]], h), members[h]...)
				delete(members, h)
			}
		}
	}
	for _, h := range slices.SortedFunc(maps.Keys(members), compareDescriptors) {
		groups = append(groups, append([]Descriptor{h}, members[h]...))
	}
	return groups, all
}

func compareDescriptors(a, b Descriptor) int {
	if a.Task != b.Task {
		return int(a.Task) - int(b.Task)
	}
	return int(a.FD) - int(b.FD)
}
