package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Selection selects a part of a snapshot. Every kind of criterion must hold; for each
// kind, one of its values must match.
//
// Kinds select objects. Processes, users and containers select processes with their
// objects and findings: an object is kept if a selected process holds it, if a selected
// user owns it, or if it is in a selected container's own namespace. Links, waits and the
// limits of single processes follow. Gaps and other limits are always kept, because they
// say what is missing.
type Selection struct {
	Kinds      []model.Kind
	PIDs       []int
	Users      []string // names or numbers
	Containers []string // names or (the beginning of) ids
}

// ParseKinds parses kind names; a word may contain several, separated by commas.
func ParseKinds(words []string) ([]model.Kind, error) {
	var list []model.Kind
	for _, word := range words {
		for name := range strings.SplitSeq(word, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			k := model.Kind(strings.ToLower(name))
			if _, ok := model.LookupKind(k); !ok {
				return nil, unknownKind(name)
			}
			if !slices.Contains(list, k) {
				list = append(list, k)
			}
		}
	}
	return list, nil
}

func unknownKind(name string) error {
	var names []string
	for _, k := range model.Kinds() {
		names = append(names, string(k.Name))
	}
	msg := fmt.Sprintf("there is no kind %q", name)
	if near := Closest(strings.ToLower(name), names); near != "" {
		msg += fmt.Sprintf(" (did you mean %s?)", near)
	}
	return fmt.Errorf("%s: there are %s", msg, strings.Join(names, ", "))
}

// ByProcess reports whether the selection selects processes.
func (sel *Selection) ByProcess() bool {
	return len(sel.PIDs)+len(sel.Users)+len(sel.Containers) > 0
}

// Apply returns the selected part of the snapshot. The snapshot itself is not changed.
func (sel *Selection) Apply(s *model.Snapshot) *model.Snapshot {
	out := *s
	if !sel.ByProcess() && len(sel.Kinds) == 0 {
		return &out
	}
	chosen, owners, namespaces := map[int]bool{}, sel.owners(s), map[model.Namespace]bool{}
	if sel.ByProcess() {
		out.Processes = keep(s.Processes, sel.keepsProcess)
		for i := range out.Processes {
			p := out.Processes[i]
			chosen[p.PID] = true
			for t, inode := range p.Namespaces {
				if len(sel.Containers) > 0 && !s.OwnNamespace(t, inode) {
					namespaces[model.Namespace{Type: t, Inode: inode}] = true
				}
			}
		}
	}
	out.Objects = keep(s.Objects, func(o *model.Object) bool {
		if len(sel.Kinds) > 0 && !slices.Contains(sel.Kinds, o.Kind) {
			return false
		}
		return !sel.ByProcess() || heldBy(o, chosen) || o.Namespace != nil && namespaces[*o.Namespace] ||
			len(sel.PIDs)+len(sel.Containers) == 0 && o.UID.Known() && owners[o.UID.Or(-1)]
	})
	Follow(&out)
	if sel.ByProcess() {
		out.Waits = keep(s.Waits, func(w model.Wait) bool { return chosen[w.PID] })
		out.Limits = keep(s.Limits, func(l model.Limit) bool { return l.Scope == nil || l.Scope.PID == 0 || chosen[l.Scope.PID] })
		out.Findings = keep(s.Findings, func(f model.Finding) bool {
			return slices.ContainsFunc(f.PIDs, func(pid int) bool { return chosen[pid] })
		})
	}
	return &out
}

// WithoutOwn removes ipctop's own processes, the objects that only they hold, and their
// waits, unless the snapshot should show them. The snapshot itself is not changed.
func WithoutOwn(s *model.Snapshot) *model.Snapshot {
	processes := make(map[int]*model.Process, len(s.Processes))
	found := false
	for i := range s.Processes {
		p := s.Processes[i]
		processes[p.PID] = p
		found = found || s.Own(p)
	}
	out := *s
	if !found {
		return &out
	}
	process := func(pid int) *model.Process { return processes[pid] }
	out.Processes = keep(s.Processes, func(p *model.Process) bool { return !s.Own(p) })
	out.Objects = keep(s.Objects, func(o *model.Object) bool { return !s.OwnObject(o, process) })
	out.Waits = keep(s.Waits, func(w model.Wait) bool { p := processes[w.PID]; return p == nil || !s.Own(p) })
	Follow(&out)
	return &out
}

// Follow removes the links and the traffic of objects that are no longer in the snapshot.
func Follow(s *model.Snapshot) {
	ids, there := make(map[string]bool, len(s.Objects)), map[string]bool{}
	for i := range s.Objects {
		ids[s.Objects[i].ID] = true
		if s.Traffic != nil {
			there[s.Objects[i].ID] = true
		}
		for _, p := range s.Objects[i].Peers {
			ids[p.ID] = true // a link is named after one end of a pair
		}
	}
	s.Links = keep(s.Links, func(l *model.Link) bool { return ids[l.Object] })
	if s.Traffic != nil {
		s.Traffic = keepValues(s.Traffic, func(t *model.Traffic) bool { return there[t.Object] })
	}
}

func heldBy(o *model.Object, pids map[int]bool) bool {
	for i := range o.Holders {
		if pids[int(o.Holders[i].PID)] {
			return true
		}
	}
	return false
}

func (sel *Selection) keepsProcess(p *model.Process) bool {
	return (len(sel.PIDs) == 0 || slices.Contains(sel.PIDs, p.PID)) &&
		(len(sel.Users) == 0 || slices.ContainsFunc(sel.Users, func(u string) bool { return isUser(p, u) })) &&
		(len(sel.Containers) == 0 || slices.ContainsFunc(sel.Containers, func(c string) bool { return inContainer(p, c) }))
}

func isUser(p *model.Process, user string) bool {
	if p.User == user {
		return true
	}
	uid, ok := p.UID.Get()
	return ok && strconv.Itoa(uid) == user
}

func inContainer(p *model.Process, name string) bool {
	c := p.Container
	return c != nil && (c.Name == name || c.Pod == name || len(name) >= 4 && strings.HasPrefix(c.ID, name) || c.ID == name)
}

// owners returns the selected user ids: numbers, and names that are the user name of some
// process.
func (sel *Selection) owners(s *model.Snapshot) map[int]bool {
	uids := map[int]bool{}
	for _, u := range sel.Users {
		if n, err := strconv.Atoi(u); err == nil {
			uids[n] = true
		}
	}
	for i := range s.Processes {
		p := s.Processes[i]
		if uid, ok := p.UID.Get(); ok && p.User != "" && slices.Contains(sel.Users, p.User) {
			uids[uid] = true
		}
	}
	return uids
}

// keep returns the elements for which stays is true; nil stays nil.
func keep[T any](list []T, stays func(T) bool) []T {
	if list == nil {
		return nil
	}
	out := make([]T, 0, min(len(list), 64))
	for _, x := range list {
		if stays(x) {
			out = append(out, x)
		}
	}
	return out
}

func keepValues[T any](list []T, stays func(*T) bool) []T {
	return keep(list, func(x T) bool { return stays(&x) })
}

// Condition is an expression over the records of one of a snapshot's lists.
type Condition struct {
	apply   func(*model.Snapshot)
	leftOut func() []LeftOut
}

// CompileCondition compiles an expression over the list of that name.
func CompileCondition(list, expression string) (*Condition, error) {
	switch list {
	case "objects":
		return condition(expression, func(s *model.Snapshot, match func(*model.Object) bool) { s.Objects = keep(s.Objects, match) })
	case "processes":
		return condition(expression, func(s *model.Snapshot, match func(*model.Process) bool) { s.Processes = keep(s.Processes, match) })
	case "links":
		return condition(expression, func(s *model.Snapshot, match func(*model.Link) bool) { s.Links = keep(s.Links, match) })
	case "waits":
		return condition(expression, func(s *model.Snapshot, match func(*model.Wait) bool) { s.Waits = keepValues(s.Waits, match) })
	case "traffic":
		return condition(expression, func(s *model.Snapshot, match func(*model.Traffic) bool) { s.Traffic = keepValues(s.Traffic, match) })
	case "findings":
		return condition(expression, func(s *model.Snapshot, match func(*model.Finding) bool) { s.Findings = keepValues(s.Findings, match) })
	case "gaps":
		return condition(expression, func(s *model.Snapshot, match func(*model.Gap) bool) { s.Gaps = keepValues(s.Gaps, match) })
	case "limits":
		return condition(expression, func(s *model.Snapshot, match func(*model.Limit) bool) { s.Limits = keepValues(s.Limits, match) })
	}
	return nil, fmt.Errorf("there is no list %q", list)
}

func condition[T any](expression string, filter func(s *model.Snapshot, match func(*T) bool)) (*Condition, error) {
	w, err := CompileWhere[T](expression)
	if err != nil {
		return nil, err
	}
	return &Condition{
		apply:   func(s *model.Snapshot) { filter(s, w.Match) },
		leftOut: w.LeftOut,
	}, nil
}

// Apply keeps the records for which the expression holds, with the links of the
// objects that stay.
func (c *Condition) Apply(s *model.Snapshot) *model.Snapshot {
	out := *s
	c.apply(&out)
	Follow(&out)
	return &out
}

// LeftOut says for how many records, and why, the expression could not be decided.
func (c *Condition) LeftOut() []LeftOut { return c.leftOut() }
