package render

import "github.com/ipctop/ipctop/model"

// View is a snapshot with the indexes that its tables need.
type View struct {
	*Options
	snap      *model.Snapshot
	index     *model.Index
	glyph     glyphs
	processes map[int]*model.Process
	traffic   map[string]*model.Traffic // nil: not measured
}

// NewView prepares a snapshot for tables. whole is the index of the snapshot before anything
// was left out, so that a socket's other end can be named even if it is not shown.
func NewView(whole *model.Index, o *Options) *View {
	v := &View{Options: o, snap: whole.Snapshot, glyph: o.glyphs(), index: whole, processes: whole.Processes}
	if v.snap.Traffic != nil {
		v.traffic = make(map[string]*model.Traffic, len(v.snap.Traffic))
		for i := range v.snap.Traffic {
			v.traffic[v.snap.Traffic[i].Object] = &v.snap.Traffic[i]
		}
	}
	return v
}

// process returns the name of a process with its pid: name(pid).
func (v *View) process(pid int) string { return v.named(v.nameOf(pid, ""), pid) }

// nameOf returns a process's display name; comm is used if the snapshot has no record of
// it.
func (v *View) nameOf(pid int, comm string) string {
	if p := v.processes[pid]; p != nil {
		return p.Name()
	}
	return comm
}

// With returns a view of the same snapshot with other options.
func (v *View) With(o *Options) *View {
	w := *v
	w.Options, w.glyph = o, o.glyphs()
	return &w
}
