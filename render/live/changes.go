package live

import (
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// maxChanges is the largest number of entries that one snapshot adds to the log for each kind
// of event: a fork storm must not push everything else out.
const maxChanges = 500

// changes returns the entries for what happened between two snapshots.
func changes(prev, d *Data) []entry {
	appeared, vanished := comings(prev.Snap.Objects, d.Snap.Objects)
	list := difference(prev, d, d, appeared, true)
	list = append(list, difference(d, prev, d, vanished, false)...)
	list = append(list, waitChanges(prev, d)...)
	return append(list, findingChanges(prev, d)...)
}

// few collects at most [maxChanges] entries, and counts the others.
type few struct {
	at    time.Time
	event happening
	list  []entry
	more  int
}

// add adds an entry. It calls make only if there is room for the entry.
func (f *few) add(make func() entry) {
	if len(f.list) >= maxChanges {
		f.more++
		return
	}
	e := make()
	e.at, e.event = f.at, f.event
	f.list = append(f.list, e)
}

func (f *few) entries() []entry {
	if f.more > 0 {
		return append(f.list, entry{at: f.at, event: f.event, what: "and " + render.Counted(f.more, "more", "more")})
	}
	return f.list
}

// comings returns the objects that are new or changed, and those that are gone or changed.
func comings(before, now []*model.Object) (came, went []*model.Object) {
	if model.SameList(before, now) {
		return nil, nil
	}
	stays := make([]bool, len(before))
	for i, at := range model.Places(before, now, model.CompareObjects) {
		if at >= 0 {
			stays[at] = true
		} else {
			came = append(came, now[i])
		}
	}
	for i, o := range before {
		if !stays[i] {
			went = append(went, o)
		}
	}
	return came, went
}

// difference lists the processes and objects that are in b and not in a. Only the given
// objects of b are compared.
func difference(a, b, now *Data, objects []*model.Object, isNew bool) []entry {
	f := few{at: now.Snap.Taken, event: vanished}
	if isNew {
		f.event = appeared
	}
	for i := range b.Snap.Processes {
		p := b.Snap.Processes[i]
		if b.Snap.Own(p) {
			continue
		}
		if q := a.process(p.PID); q == nil || q.StartTicks != p.StartTicks {
			f.add(func() entry {
				return entry{ident: Ident{PID: p.PID, Start: p.StartTicks}, kind: "process", what: b.who(p.PID, p.Comm), who: b.escape(p.User)}
			})
		}
	}
	for _, o := range objects {
		if q := a.object(o.ID); q != nil && q.Gen == o.Gen {
			continue
		}
		if b.own(o) {
			continue
		}
		f.add(func() entry {
			what := b.escape(o.ID)
			if o.Name != "" && !repeatsID(o) {
				what += " " + b.escape(o.Name)
			}
			return entry{ident: Ident{ID: o.ID, Gen: o.Gen}, kind: string(o.Kind), what: what, who: b.compactView.Talk(o).Text}
		})
	}
	return f.entries()
}

// own reports whether only ipctop itself holds an object.
func (d *Data) own(o *model.Object) bool {
	return d.Snap.OwnObject(o, d.process)
}

// waitKey identifies a wait across snapshots: the same thread is in the same call on the same
// object. If the thread has continued and waits again, the key is the same; only the age
// shows the difference.
type waitKey struct {
	tid          int
	start        uint64 // of its process: the tid may be reused
	call, object string
}

func (d *Data) waitKey(w *model.Wait) waitKey {
	k := waitKey{tid: w.TID, call: w.Call, object: w.Object}
	if p := d.process(w.PID); p != nil {
		k.start = p.StartTicks
	}
	return k
}

// stuckAfter is how long a thread must wait before it gets a line in the log.
const stuckAfter = time.Second

// stuckWaits returns the confirmed waits that are not idle and have lasted for stuckAfter.
func stuckWaits(d *Data) map[waitKey]*model.Wait {
	m := map[waitKey]*model.Wait{}
	for i := range d.Snap.Waits {
		if w := &d.Snap.Waits[i]; w.Confirmed && !w.Idle && w.BlockedFor.Or(int64(stuckAfter)) >= int64(stuckAfter) {
			m[d.waitKey(w)] = w
		}
	}
	return m
}

// waitChanges lists the threads that got stuck and those that were released; nothing if one
// of the snapshots has no waits.
func waitChanges(prev, d *Data) []entry {
	if prev.Snap.Waits == nil || d.Snap.Waits == nil {
		return nil
	}
	before, now := stuckWaits(prev), stuckWaits(d)
	var list []entry
	for event, pair := range map[happening][2]map[waitKey]*model.Wait{blocked: {before, now}, released: {now, before}} {
		f := few{at: d.Snap.Taken, event: event}
		at := d
		if event == released {
			at = prev
		}
		for i := range at.Snap.Waits {
			w := &at.Snap.Waits[i]
			k := at.waitKey(w)
			if p := at.process(w.PID); pair[1][k] != w || pair[0][k] != nil || p != nil && at.Snap.Own(p) {
				continue
			}
			f.add(func() entry {
				var ident Ident
				if p := at.process(w.PID); p != nil {
					ident = Ident{PID: p.PID, Start: p.StartTicks}
				}
				return entry{ident: ident, kind: "wait", what: waitText(at, w), who: at.who(w.PID, w.Comm)}
			})
		}
		list = append(list, f.entries()...)
	}
	slices.SortStableFunc(list, func(a, b entry) int { return int(a.event) - int(b.event) })
	return list
}

// findingChanges lists findings that began and ended. Their ids stay the same
// while the cause lasts.
func findingChanges(prev, d *Data) []entry {
	if prev.Snap.Findings == nil || d.Snap.Findings == nil {
		return nil
	}
	var list []entry
	for _, c := range []struct {
		event    happening
		from, to *Data
	}{{found, prev, d}, {resolved, d, prev}} {
		f := few{at: d.Snap.Taken, event: c.event}
		for i := range c.to.Snap.Findings {
			x := &c.to.Snap.Findings[i]
			if slices.ContainsFunc(c.from.Snap.Findings, func(y model.Finding) bool { return y.ID == x.ID }) {
				continue
			}
			f.add(func() entry {
				return entry{ident: Ident{ID: x.ID}, kind: x.Rule, what: c.to.escape(x.Summary), who: string(x.Confidence)}
			})
		}
		list = append(list, f.entries()...)
	}
	return list
}

// repeatsID reports whether an object's name contains no more than its id, such as pipe:[17].
func repeatsID(o *model.Object) bool {
	_, inName, ok1 := strings.Cut(o.Name, ":[")
	_, inID, ok2 := strings.Cut(o.ID, ":")
	number, _, _ := strings.Cut(inID, "@")
	return ok1 && ok2 && strings.TrimSuffix(inName, "]") == number
}
