package live

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Data is a snapshot prepared for the screens. It must not be changed once it is made, so
// that goroutines can share it.
type Data struct {
	Snap *model.Snapshot

	compactView *render.View // the compact view: long lists of names are folded
	fullView    *render.View // the full view
	escape      func(string) string
	zone        *time.Location
	index       *model.Index
	*parts
	talks    *talks
	partial  map[int]bool  // pids of processes that were not completely read
	screens  []*screenRows // by screen: its rows, made on first use
	problems []*problem
	overview overview
	full     int     // number of full objects, if there was no diagnosis
	log      []entry // differences from the snapshot before
}

// Settings do not change while the view runs.
type Settings struct {
	ASCII bool           // the terminal takes no other characters
	Zone  *time.Location // of the times shown; nil: UTC

	Source    string        // the dump or recording that is shown; "": this machine
	Timeline  Timeline      // if Source is a recording: its timeline; nil: it is a dump
	Start     int           // the sample of the recording that is shown first: the caller loads it
	Interval  time.Duration // from one scan to the next
	Columns   Columns       // instead of the default ones
	Theme     string        // one of Themes, the available ones
	Themes    []string
	ReadOnly  bool   // no action that changes the machine is offered
	Powerless string // why the machine cannot be changed although ReadOnly is not set; "": it can
}

// escaper returns the function that makes text from processes safe for the terminal.
func escaper(o Settings) func(string) string {
	if o.ASCII {
		return render.EscapeASCII
	}
	return render.Escape
}

// Prepare prepares an indexed snapshot for the screens. prev is the snapshot before, nil for
// the first one. Results that are the same for both are reused.
func Prepare(x *model.Index, prev *Data, o Settings) *Data {
	snap := x.Snapshot
	d := &Data{
		Snap:        snap,
		compactView: render.NewView(x, &render.Options{ASCII: o.ASCII}),
		escape:      escaper(o),
		zone:        o.Zone,
		index:       x,
		partial:     map[int]bool{},
		screens:     make([]*screenRows, len(screens)),
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
	var last *overview // set if the links are the same as before
	if d.talks == nil {
		d.talks = newTalks()
	} else if model.SameList(prev.Snap.Links, snap.Links) {
		last = &prev.overview
	}
	d.fullView = d.compactView.With(&render.Options{ASCII: o.ASCII, Wide: true})
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

// view returns the view that makes the cells.
func (d *Data) view(wide bool) *render.View {
	if wide {
		return d.fullView
	}
	return d.compactView
}

// object finds an object by its id; nil if there is none.
func (d *Data) object(id string) *model.Object {
	return d.index.Object(id)
}

// process finds a process by its pid; nil if there is none.
func (d *Data) process(pid int) *model.Process {
	return d.index.Processes[pid]
}

// find finds the object, process or finding with an identity. The row is empty if it is not
// there.
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

// who names a process by its display name; comm is used if the snapshot has no record of
// it.
func (d *Data) who(pid int, comm string) string {
	if p := d.process(pid); p != nil {
		comm = p.Name()
	}
	return model.Named(d.escape(comm), pid)
}

// hasSignals reports whether a process's signals are worth showing: a signal is pending, or
// one is blocked. If only SIGCHLD is blocked, that does not count: shells and similar programs
// block it while they look at their children.
func hasSignals(p *model.Process) bool {
	has := func(s *model.Signals) bool {
		return s != nil && (len(s.Pending)+len(s.SharedPending) > 0 || len(s.Blocked) > 0 && !slices.Equal(s.Blocked, []string{"SIGCHLD"}))
	}
	return has(p.Signals) || slices.ContainsFunc(p.ThreadList, func(t model.Thread) bool { return has(t.Signals) })
}

// fatalSignals end a process that does not handle them.
var fatalSignals = []string{"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGABRT"}

// withheld returns a signal that would end the process, is pending, and is blocked; "" if
// there is none.
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

// clock returns the time of day in the user's time zone.
func (d *Data) clock(t time.Time) string { return d.local(t).Format("15:04:05") }

func (d *Data) local(t time.Time) time.Time {
	if d.zone == nil {
		return t.UTC()
	}
	return t.In(d.zone)
}
