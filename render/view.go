package render

import "github.com/ipctop/ipctop/model"

// View is a snapshot with what its tables look up in it.
type View struct {
	*Options
	snap      *model.Snapshot
	glyph     glyphs
	objects   map[string]*model.Object
	processes map[int]*model.Process
}

// NewView prepares a snapshot for tables. whole is the snapshot before anything
// was left out, so that a socket's other end can be named though it is not shown.
func NewView(whole *model.Snapshot, o *Options) *View {
	v := &View{
		Options: o, snap: whole, glyph: o.glyphs(),
		objects: map[string]*model.Object{}, processes: make(map[int]*model.Process, len(whole.Processes)),
	}
	for i := range whole.Objects {
		for _, p := range whole.Objects[i].Peers {
			v.objects[p.ID] = nil
		}
	}
	for i := range whole.Objects {
		if _, asked := v.objects[whole.Objects[i].ID]; asked {
			v.objects[whole.Objects[i].ID] = &whole.Objects[i]
		}
	}
	for i := range whole.Processes {
		v.processes[whole.Processes[i].PID] = &whole.Processes[i]
	}
	return v
}

// process is a pid as people read it: name(pid), or the pid alone if it is gone.
func (v *View) process(pid int) string {
	name := ""
	if p := v.processes[pid]; p != nil {
		name = p.Comm
	}
	return v.named(name, pid)
}

// With is the same snapshot seen with other options.
func (v *View) With(o *Options) *View {
	w := *v
	w.Options, w.glyph = o, o.glyphs()
	return &w
}
