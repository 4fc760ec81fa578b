package trace

import (
	"slices"
	"strconv"
	"strings"
)

// Filter chooses events. Of each criterion that is given one must hold for somebody who
// takes part, all for the same; objects and names count as one criterion.
type Filter struct {
	PIDs       []int
	Users      []string // names or numbers
	Containers []string // names or (the beginning of) ids
	Names      []string // of processes
	Objects    []string // ids
}

// Match reports whether the event is chosen.
func (f *Filter) Match(e *Event) bool {
	if len(f.Objects) > 0 && slices.Contains(f.Objects, e.Object) && len(f.PIDs)+len(f.Users)+len(f.Containers) == 0 {
		return true
	}
	return f.party(e.Sender) || f.party(e.Target)
}

func (f *Filter) party(p *Party) bool {
	if p == nil {
		return false
	}
	if len(f.PIDs) > 0 && !slices.Contains(f.PIDs, p.PID) {
		return false
	}
	if len(f.Users) > 0 && !p.of(f.Users) {
		return false
	}
	if len(f.Containers) > 0 && !slices.ContainsFunc(f.Containers, p.in) {
		return false
	}
	return len(f.Names)+len(f.Objects) == 0 || slices.Contains(f.Names, p.Name()) || slices.Contains(f.Names, p.Comm)
}

// of reports whether it runs as one of these users.
func (p *Party) of(users []string) bool {
	uid, known := p.UID.Get()
	return known && slices.Contains(users, strconv.Itoa(uid)) || p.User != "" && slices.Contains(users, p.User)
}

func (p *Party) in(container string) bool {
	c := p.Container
	return c != nil && (c.Name == container || c.Pod == container || c.ID == container || len(container) >= 4 && strings.HasPrefix(c.ID, container))
}
