package live

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// maxChanges is how many entries one snapshot adds to the log for what appeared,
// and for what vanished: a fork storm must not push everything else out.
const maxChanges = 500

// changes are the entries for what appeared and vanished between two snapshots.
func changes(prev, d *Data) []entry {
	list := difference(prev, d, d, true)
	return append(list, difference(d, prev, d, false)...)
}

// difference lists what is in b and not in a.
func difference(a, b, now *Data, appeared bool) []entry {
	var list []entry
	more := 0
	add := func(e entry) {
		if len(list) >= maxChanges {
			more++
			return
		}
		e.at, e.appeared = now.Snap.Taken, appeared
		list = append(list, e)
	}
	for i := range b.Snap.Processes {
		p := &b.Snap.Processes[i]
		if q := a.process(p.PID); q == nil || q.StartTicks != p.StartTicks {
			add(entry{ident: Ident{PID: p.PID, Start: p.StartTicks}, kind: "process", what: b.who(p.PID, p.Comm), who: b.escape(p.User)})
		}
	}
	for i := range b.Snap.Objects {
		o := &b.Snap.Objects[i]
		if q := a.object(o.ID); q != nil && q.Gen == o.Gen {
			continue
		}
		if len(list) >= maxChanges {
			more++
			continue // the text is not going to be shown
		}
		what := b.escape(o.ID)
		if o.Name != "" && !repeatsID(o) {
			what += " " + b.escape(o.Name)
		}
		add(entry{ident: Ident{ID: o.ID, Gen: o.Gen}, kind: string(o.Kind), what: what, who: b.usual.Talk(o).Text})
	}
	if more > 0 {
		list = append(list, entry{at: now.Snap.Taken, appeared: appeared, what: "and " + plural(more, "more", "more")})
	}
	return list
}

// repeatsID reports whether an object's name says no more than its id, as
// pipe:[17] does.
func repeatsID(o *model.Object) bool {
	_, inName, ok1 := strings.Cut(o.Name, ":[")
	_, inID, ok2 := strings.Cut(o.ID, ":")
	number, _, _ := strings.Cut(inID, "@")
	return ok1 && ok2 && strings.TrimSuffix(inName, "]") == number
}
