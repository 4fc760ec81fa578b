package live

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Data is a snapshot prepared for the screens. It does not change any more, so
// that goroutines may share it.
type Data struct {
	Snap *model.Snapshot

	usual  *render.View // names folded where there are many
	whole  *render.View // everything
	escape func(string) string
	zone   *time.Location
	index  *model.Index
	*parts
	talks    *talks
	partial  map[int]bool  // pids of which something could not be read
	screens  []*screenRows // of each screen, made when they are asked for
	problems []*problem
	overview overview
	full     int     // objects that take no more, where nobody diagnosed
	log      []entry // what is different from the snapshot before
}

// Settings are what does not change while the view runs.
type Settings struct {
	ASCII bool           // the terminal takes no other characters
	Zone  *time.Location // of the times shown; nil: UTC

	Source    string        // the dump that is looked at; "": this machine
	Timeline  Timeline      // of the recording that Source is; nil: it is a dump
	Start     int           // the sample of it that is shown first: the caller loads it
	Interval  time.Duration // from one scan to the next
	Columns   Columns       // instead of the usual ones
	Theme     string        // one of Themes, which there are to choose from
	Themes    []string
	ReadOnly  bool   // nothing that changes the machine is offered
	Powerless string // why nothing can be changed, though ReadOnly is not set; "": it can
}

// escaper makes text from processes fit for the terminal.
func escaper(o Settings) func(string) string {
	if o.ASCII {
		return render.EscapeASCII
	}
	return render.Escape
}

// Prepare makes an indexed snapshot ready for the screens. prev is the snapshot
// before, nil for the first. What is the same in both is taken over.
func Prepare(x *model.Index, prev *Data, o Settings) *Data {
	snap := x.Snapshot
	d := &Data{
		Snap:    snap,
		usual:   render.NewView(x, &render.Options{ASCII: o.ASCII}),
		escape:  escaper(o),
		zone:    o.Zone,
		index:   x,
		partial: map[int]bool{},
		screens: make([]*screenRows, len(screens)),
	}
	for i := range d.screens {
		d.screens[i] = new(screenRows)
	}
	if prev != nil {
		d.parts = newParts(snap, prev.parts, prev.Snap)
		if sameNames(prev.Snap, snap) {
			d.talks = prev.talks
		}
	} else {
		d.parts = newParts(snap, nil, nil)
	}
	var last *overview // if nobody talks with anyone else than before
	if d.talks == nil {
		d.talks = newTalks()
	} else if model.SameList(prev.Snap.Links, snap.Links) {
		last = &prev.overview
	}
	d.whole = d.usual.With(&render.Options{ASCII: o.ASCII, Wide: true})
	for i := range snap.Gaps {
		if g := &snap.Gaps[i]; g.PID != 0 && g.Reason != model.Vanished {
			d.partial[g.PID] = true
		}
	}
	d.problems, d.overview = problems(d), summarize(d, last)
	if prev != nil {
		d.log = changes(prev, d)
	}
	return d
}

// view is how cells are made.
func (d *Data) view(wide bool) *render.View {
	if wide {
		return d.whole
	}
	return d.usual
}

// object finds an object by its id; nil if there is none.
func (d *Data) object(id string) *model.Object {
	return d.index.Object(id)
}

// process finds a process by its pid; nil if there is none.
func (d *Data) process(pid int) *model.Process {
	return d.index.Processes[pid]
}

// find finds the object, process or finding that an identity names. The row is
// empty if it is not there.
func (d *Data) find(id Ident) row {
	if id.PID != 0 {
		if p := d.process(id.PID); p != nil && p.StartTicks == id.Start {
			return row{process: p}
		}
		return row{}
	}
	if o := d.object(id.ID); o != nil && o.Gen == id.Gen {
		return row{object: o}
	}
	for _, p := range d.problems {
		if p.id == id.ID && p.finding != nil {
			return row{problem: p}
		}
	}
	return row{}
}

// who names a process as everything does: by its display name; comm is its name
// where the snapshot has no record of it.
func (d *Data) who(pid int, comm string) string {
	if p := d.process(pid); p != nil {
		comm = p.Name()
	}
	return model.Named(d.escape(comm), pid)
}

// hasSignals reports whether there is something to say of a process's signals: one
// is pending, or one is blocked other than by the habit of shells and their like,
// which block SIGCHLD while they look at their children.
func hasSignals(p *model.Process) bool {
	has := func(s *model.Signals) bool {
		return s != nil && (len(s.Pending)+len(s.SharedPending) > 0 || len(s.Blocked) > 0 && !slices.Equal(s.Blocked, []string{"SIGCHLD"}))
	}
	return has(p.Signals) || slices.ContainsFunc(p.ThreadList, func(t model.Thread) bool { return has(t.Signals) })
}

// fatalSignals end a process that does not handle them.
var fatalSignals = []string{"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGABRT"}

// withheld is a signal that would end the process, has been sent to it, and is
// blocked; "" if there is none.
func withheld(p *model.Process) string {
	if s := p.Signals; s != nil {
		for _, name := range fatalSignals {
			if slices.Contains(s.Blocked, name) && (slices.Contains(s.Pending, name) || slices.Contains(s.SharedPending, name)) {
				return name
			}
		}
	}
	return ""
}

// clock is a time of day where the user is.
func (d *Data) clock(t time.Time) string { return d.local(t).Format("15:04:05") }

func (d *Data) local(t time.Time) time.Time {
	if d.zone == nil {
		return t.UTC()
	}
	return t.In(d.zone)
}
