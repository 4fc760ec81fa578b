package trace

import (
	"slices"
	"strconv"
	"strings"
)

// Filter chooses events. All criteria that are given must hold for the same process, the event's sender
// or its target; of each, one value is enough. Objects, places and names count as one criterion.
type Filter struct {
	PIDs       []int
	Users      []string // names or numbers
	Containers []string // names or (the beginning of) ids
	Names      []string // of processes
	Objects    []string // ids
	Places     []string // paths, names of abstract sockets, addresses with their port, or ports with a colon before them
}

// Match reports whether the event is chosen.
func (f *Filter) Match(e *Event) bool {
	at := len(f.Names)+len(f.Objects)+len(f.Places) == 0 || e.hasObject(f.Objects) || slices.ContainsFunc(f.Places, e.isAt)
	if at && len(f.PIDs)+len(f.Users)+len(f.Containers) == 0 {
		return true
	}
	return f.party(e.Sender, at) || f.party(e.Target, at)
}

// hasObject reports whether the event has to do with one of these objects.
func (e *Event) hasObject(ids []string) bool {
	switch {
	case slices.Contains(ids, e.Object):
		return true
	case e.Connection != nil:
		return slices.Contains(ids, e.PeerObject)
	case e.Passed != nil:
		return slices.Contains(ids, e.Via) || slices.ContainsFunc(e.Given, func(f File) bool { return slices.Contains(ids, f.Object) })
	}
	return false
}

// isAt reports whether the event concerns the given path, socket name, address or port.
func (e *Event) isAt(place string) bool {
	if e.Path == place {
		return place != ""
	}
	if e.Connection == nil {
		return false
	}
	port, isPort := strings.CutPrefix(place, ":")
	for _, address := range []string{e.Local, e.Remote} {
		if address == place || isPort && strings.HasSuffix(address, ":"+port) {
			return place != ""
		}
	}
	return false
}

// party reports whether a process is chosen. at says that its name does not matter: none is asked for,
// or the event concerns an object or place that is.
func (f *Filter) party(p *Party, at bool) bool {
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
	return at || slices.Contains(f.Names, p.Name()) || slices.Contains(f.Names, p.Comm)
}

// of reports whether the process runs as one of these users.
func (p *Party) of(users []string) bool {
	uid, known := p.UID.Get()
	return known && slices.Contains(users, strconv.Itoa(uid)) || p.User != "" && slices.Contains(users, p.User)
}

func (p *Party) in(container string) bool {
	c := p.Container
	return c != nil && (c.Name == container || c.Pod == container || c.ID == container || len(container) >= 4 && strings.HasPrefix(c.ID, container))
}
