package record

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Difference describes what changed from one snapshot to another.
type Difference struct {
	Before, After Side
	Changes       []Change // findings, processes, objects, holders
}

// Side is one of the snapshots that are compared.
type Side struct {
	Taken    time.Time `json:"taken"`
	Hostname string    `json:"hostname,omitzero"`
	BootID   string    `json:"boot_id,omitzero"`
}

// The changes.
const (
	Appeared = "appeared"
	Vanished = "vanished"
	Changed  = "changed"
	Grew     = "grew" // changed, and one of its queues is longer
)

// Change is one thing that changed.
type Change struct {
	List   string        `json:"list"` // findings, processes, objects or holders
	Change string        `json:"change"`
	ID     string        `json:"id,omitzero"` // of the object or finding
	Gen    string        `json:"gen,omitzero"`
	Kind   model.Kind    `json:"kind,omitzero"`
	Name   string        `json:"name,omitzero"` // of an object; the summary of a finding
	PID    int           `json:"pid,omitzero"`
	Start  uint64        `json:"start_ticks,omitzero"`
	Comm   string        `json:"comm,omitzero"`
	Fields []FieldChange `json:"fields,omitzero"`
}

// FieldChange is a changed field with its old and new value in words. A missing value
// is unknown.
type FieldChange struct {
	Name   string           `json:"name"`
	Before string           `json:"before,omitzero"`
	After  string           `json:"after,omitzero"`
	By     model.Opt[int64] `json:"by,omitzero"` // of numbers: after minus before
}

// Diff compares two snapshots. Processes are the same if their pid and start time are
// equal, objects if their id and generation are. ipctop's own processes are left out.
func Diff(before, after *model.Snapshot) *Difference {
	d := &Difference{Before: side(before), After: side(after)}
	if before.Findings != nil && after.Findings != nil { // else there was no diagnosis
		d.findings(before.Findings, after.Findings)
	}
	d.processes(before, after)
	d.objects(before, after)
	return d
}

func side(s *model.Snapshot) Side { return Side{s.Taken, s.Host.Hostname, s.Host.BootID} }

// Comparable says why the two snapshots cannot be compared although their numbers may
// be equal; "" if they can.
func (d *Difference) Comparable() string {
	switch a, b := d.Before, d.After; {
	case a.BootID == "" || b.BootID == "" || a.BootID == b.BootID:
		return ""
	case a.Hostname != b.Hostname:
		return "these are two machines: ids that agree mean nothing"
	}
	return "the machine was restarted in between: equal ids mean nothing"
}

func (d *Difference) add(c Change) { d.Changes = append(d.Changes, c) }

// pair calls f for every key: first in the order of after, then for elements that are
// only in before.
func pair[K comparable, T any](before, after []*T, key func(*T) K, f func(before, after *T)) {
	old := make(map[K]*T, len(before))
	for i := range before {
		old[key(before[i])] = before[i]
	}
	seen := make(map[K]bool, len(after))
	for i := range after {
		k := key(after[i])
		seen[k] = true
		f(old[k], after[i])
	}
	for i := range before {
		if !seen[key(before[i])] {
			f(before[i], nil)
		}
	}
}

// pointers returns pointers to the elements of a list.
func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// how returns what happened to an element, which may be nil in one of the snapshots.
func how[T any](before, after *T) string {
	switch {
	case before == nil:
		return Appeared
	case after == nil:
		return Vanished
	}
	return Changed
}

// there returns after, or before if after is nil.
func there[T any](before, after *T) *T {
	if after != nil {
		return after
	}
	return before
}

func (d *Difference) findings(before, after []model.Finding) {
	pair(pointers(before), pointers(after), func(f *model.Finding) string { return f.ID }, func(old, now *model.Finding) {
		f := there(old, now)
		c := Change{List: "findings", Change: how(old, now), ID: f.ID, Name: f.Summary}
		if old != nil && now != nil {
			if c.Fields = fields(old, now, findingFields); c.Fields == nil {
				return
			}
		}
		d.add(c)
	})
}

var findingFields = []string{"severity", "confidence"}

type processKey struct {
	pid   int
	start uint64
}

// processFields are the fields of a process that are compared; fields that change all
// the time are left out.
var processFields = []string{"ppid", "comm", "user", "tracer", "frozen", "core_dumping", "threads", "fds", "cgroup"}

func (d *Difference) processes(before, after *model.Snapshot) {
	key := func(p *model.Process) processKey { return processKey{p.PID, p.StartTicks} }
	pair(before.Processes, after.Processes, key, func(old, now *model.Process) {
		p := there(old, now)
		c := Change{List: "processes", Change: how(old, now), PID: p.PID, Start: p.StartTicks, Comm: p.Name()}
		if old != nil && now != nil {
			c.Fields = fields(old, now, processFields)
			if old.State != now.State && (strings.Contains(lasting, old.State) || strings.Contains(lasting, now.State)) {
				c.Fields = append(c.Fields, FieldChange{Name: "state", Before: old.State, After: now.State})
			}
		}
		if !after.Own(p) && (c.Change != Changed || c.Fields != nil) {
			d.add(c)
		}
	})
}

// lasting are the process states that do not change all the time.
const lasting = "TtZX"

type objectKey struct{ id, gen string }

func (d *Difference) objects(before, after *model.Snapshot) {
	// If one side does not know the generation, only the id is compared.
	unknown := map[string]bool{}
	for _, list := range [][]*model.Object{before.Objects, after.Objects} {
		for i := range list {
			if list[i].Gen == "" {
				unknown[list[i].ID] = true
			}
		}
	}
	key := func(o *model.Object) objectKey {
		if unknown[o.ID] {
			return objectKey{id: o.ID}
		}
		return objectKey{o.ID, o.Gen}
	}
	was, is := own(before), own(after)
	var holders []Change
	pair(before.Objects, after.Objects, key, func(old, now *model.Object) {
		o := there(old, now)
		c := Change{List: "objects", Change: how(old, now), ID: o.ID, Gen: o.Gen, Kind: o.Kind, Name: o.Name}
		if old == nil && is.alone(now) || now == nil && was.alone(old) {
			return
		}
		if old != nil && now != nil {
			c.Fields = append(fields(old, now, objectFields), details(old.Detail, now.Detail)...)
			if slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return queues[f.Name] && f.By.Or(0) > 0 }) {
				c.Change = Grew
			}
			holders = append(holders, holderChanges(old, now, was, is)...)
			if c.Fields == nil {
				return
			}
		}
		d.add(c)
	})
	d.Changes = append(d.Changes, holders...)
}

// ownPIDs are ipctop's own processes, if they must not be compared.
type ownPIDs map[int32]bool

func own(s *model.Snapshot) ownPIDs {
	pids := ownPIDs{}
	for i := range s.Processes {
		if p := s.Processes[i]; s.Own(p) {
			pids[int32(p.PID)] = true
		}
	}
	return pids
}

// alone reports whether only ipctop holds an object.
func (p ownPIDs) alone(o *model.Object) bool {
	return len(o.Holders) > 0 && !slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return !p[h.PID] })
}

var objectFields = []string{"name", "path", "deleted", "uid", "gid", "mode"}

// queues are the fields of details that are lengths of queues.
var queues = map[string]bool{
	"queued": true, "recv_queue": true, "send_queue": true, "messages": true, "bytes": true, "backlog": true, "inflight_fds": true,
}

type holderKey struct {
	pid, tid int32
	via      model.Via
	fd       model.Opt[int32]
	address  model.Addr
}

func holderChanges(old, now *model.Object, was, is ownPIDs) (list []Change) {
	key := func(h *model.Holder) holderKey {
		k := holderKey{pid: h.PID, tid: h.TID, via: h.Via, fd: h.FD}
		if h.Extent != nil {
			k.address = h.Address
		}
		return k
	}
	pair(pointers(old.Holders), pointers(now.Holders), key, func(a, b *model.Holder) {
		h := there(a, b)
		if a != nil && b != nil || b == nil && was[h.PID] || a == nil && is[h.PID] {
			return
		}
		c := Change{List: "holders", Change: how(a, b), ID: now.ID, Gen: now.Gen, Kind: now.Kind, Name: now.Name, PID: int(h.PID), Comm: h.Comm}
		via := string(h.Via)
		if fd, ok := h.FD.Get(); ok {
			via += " " + strconv.Itoa(int(fd))
		}
		f := FieldChange{Name: "via", After: via}
		if b == nil {
			f.Before, f.After = via, ""
		}
		c.Fields = []FieldChange{f}
		list = append(list, c)
	})
	return list
}

// details compares the details of an object.
func details(old, now model.Detail) []FieldChange {
	if old == nil || now == nil || reflect.TypeOf(old) != reflect.TypeOf(now) {
		return nil
	}
	return fields(old, now, nil)
}

// fields compares records of one type: the named fields, or all fields except ages and
// other times that always change.
func fields(old, now any, names []string) (list []FieldChange) {
	was, is := values(old, names), values(now, names)
	all := make([]string, 0, len(is))
	for _, v := range slices.Concat(model.Values(now), model.Values(old)) {
		if !slices.Contains(all, v.Name()) {
			all = append(all, v.Name())
		}
	}
	for _, name := range all {
		a, hadA := was[name]
		b, hadB := is[name]
		if !hadA && !hadB || hadA == hadB && reflect.DeepEqual(a, b) {
			continue
		}
		f := FieldChange{Name: name}
		if hadA {
			f.Before = text(a)
		}
		if hadB {
			f.After = text(b)
		}
		if x, ok := integer(a); ok {
			if y, ok := integer(b); ok {
				f.By = model.Some(y - x)
			}
		}
		list = append(list, f)
	}
	return list
}

func values(record any, names []string) map[string]any {
	m := map[string]any{}
	for _, v := range model.Values(record) {
		if names == nil && v.Unit != "ns" || slices.Contains(names, v.Name()) {
			m[v.Name()] = v.Value
		}
	}
	return m
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= 1<<62
	}
	return 0, false
}

// text returns a value in words; "" for a value that has fields of its own.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64, uint64, float64, bool, fmt.Stringer:
		if t, ok := v.(time.Time); ok {
			return t.UTC().Format(time.RFC3339Nano)
		}
		return fmt.Sprint(v)
	case []string:
		return strings.Join(v, " ")
	}
	return ""
}

// Sort puts the most informative changes first: those that grew, by how much they grew,
// then the others in the order in which they were found.
func (d *Difference) Sort() {
	slices.SortStableFunc(d.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(growth(b), growth(a)))
	})
}

func rank(c Change) int {
	switch {
	case c.List == "findings":
		return 0
	case c.Change == Grew:
		return 1
	}
	return 2
}

func growth(c Change) int64 {
	n := int64(0)
	if c.Change == Grew {
		for _, f := range c.Fields {
			if queues[f.Name] {
				n = max(n, f.By.Or(0))
			}
		}
	}
	return n
}
