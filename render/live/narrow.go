package live

import (
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// narrowing is the user or container to which all screens are restricted. It is comparable.
type narrowing struct{ user, container string }

// userOf returns the user of a process: the name, else the number.
func userOf(p *model.Process) string {
	if p.User != "" {
		return p.User
	}
	if uid, ok := p.UID.Get(); ok {
		return strconv.Itoa(uid)
	}
	return ""
}

// containerOf returns the container in which a process runs: its name, else its id.
func containerOf(p *model.Process) string {
	switch {
	case p.Container == nil:
		return ""
	case p.Container.Name != "":
		return p.Container.Name
	}
	return p.Container.ID
}

func (n narrowing) process(p *model.Process) bool {
	return (n.user == everyone || userOf(p) == n.user) && (n.container == everyone || containerOf(p) == n.container)
}

// row reports whether a row belongs to the chosen user or container: a process of it, an
// object that such a process holds, a problem about such a process. An object that nobody
// holds belongs to its owner.
func (n narrowing) row(d *Data, r *row) bool {
	belongs := func(pid int) bool {
		p := d.process(pid)
		return p != nil && n.process(p)
	}
	switch {
	case r.process != nil:
		return n.process(r.process)
	case r.object != nil:
		for i := range r.object.Holders {
			if belongs(int(r.object.Holders[i].PID)) {
				return true
			}
		}
		uid, ok := r.object.UID.Get()
		return ok && len(r.object.Holders) == 0 && n.container == everyone && d.userOfID(uid) == n.user
	case r.problem != nil && r.problem.finding != nil:
		return slices.ContainsFunc(r.problem.finding.PIDs, belongs) || slices.ContainsFunc(r.problem.finding.Objects, func(id string) bool {
			o := d.object(id)
			return o != nil && n.row(d, &row{object: o})
		})
	}
	return true
}

// userOfID returns the name of a user who has a process, else the number.
func (d *Data) userOfID(uid int) string {
	for i := range d.Snap.Processes {
		if p := d.Snap.Processes[i]; p.UID == model.Some(uid) && p.User != "" {
			return p.User
		}
	}
	return strconv.Itoa(uid)
}

// words say what is shown.
func (n narrowing) words() string {
	switch {
	case n.user != everyone && n.container != everyone:
		return "user " + n.user + ", container " + n.container
	case n.user != everyone:
		return "user " + n.user
	case n.container != everyone:
		return "container " + n.container
	}
	return ""
}
