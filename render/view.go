package render

import "github.com/ipctop/ipctop/model"

// View is a snapshot with what its tables look up in it.
type View struct {
	*Options
	snap      *model.Snapshot
	index     *model.Index
	glyph     glyphs
	objects   map[string]*model.Object
	processes map[int]*model.Process
}

// NewView prepares a snapshot for tables. whole is the index of the snapshot before
// anything was left out, so that a socket's other end can be named though it is not
// shown.
func NewView(whole *model.Index, o *Options) *View {
	return &View{Options: o, snap: whole.Snapshot, glyph: o.glyphs(), index: whole, objects: whole.Objects, processes: whole.Processes}
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
