package live

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// relations says how a thing is connected: for an object, who holds it, in which
// direction, and who is at its other end; for a process, what it holds and which processes
// it reaches through that. It makes at most limit lines, and does no work for further
// ones.
func relations(d *Data, r row, limit int) []Line {
	x := &relating{d: d, limit: limit, glyph: arrows{"→", "←", "⇄"}}
	if d.compactView.ASCII {
		x.glyph = arrows{"->", "<-", "<=>"}
	}
	switch {
	case r.object != nil:
		x.object(r.object)
	case r.process != nil:
		x.process(r.process)
	case r.problem != nil:
		x.lines = append(x.lines, findingLines(d, r.problem.finding)...)
		if r.problem.object != nil {
			x.object(r.problem.object)
		}
	case r.entry != nil:
		if s := r.subject(d); s != (row{}) {
			return relations(d, s, limit)
		}
		if r.entry.ident != (Ident{}) {
			x.say(Dim, " It no longer exists.")
		}
	}
	return x.lines[:min(len(x.lines), limit)]
}

type arrows struct{ to, from, both string }

// relating is the state of making relations.
type relating struct {
	d     *Data
	glyph arrows
	limit int
	lines []Line
}

func (x *relating) full() bool { return len(x.lines) >= x.limit }

func (x *relating) say(role Role, s string) { x.lines = append(x.lines, text(role, s)) }

// object draws who holds an object, then its other ends.
func (x *relating) object(o *model.Object) {
	info, _ := model.LookupKind(o.Kind)
	if l, ok := x.facts(o); ok {
		x.lines = append(x.lines, l)
	}
	if info.Direction == "one way" && len(o.Peers) == 0 {
		x.end(o, " writes  ", func(h *model.Holder) bool { return h.Access.CanWrite() }, "no writer")
		x.end(o, " reads   ", func(h *model.Holder) bool { return h.Access.CanRead() }, "no reader")
		return
	}
	x.end(o, " held by ", func(*model.Holder) bool { return true }, "nobody")
	for _, p := range o.Peers {
		if x.full() {
			return
		}
		var l Line
		l.add(KeyName, " "+x.glyph.both+" ")
		l.add(Normal, x.d.escape(p.ID))
		if p.Confidence != model.Certain {
			l.add(Dim, " ("+x.d.escape(string(p.Confidence))+")")
		}
		peer := x.d.object(p.ID)
		if peer == nil {
			l.add(Dim, " not seen")
			x.lines = append(x.lines, l)
			continue
		}
		if a := x.d.compactView.Talk(&model.Object{Kind: o.Kind, Holders: peer.Holders, HoldersComplete: peer.HoldersComplete}); a.Text != "" {
			l.add(roleOf(a.Role), " held by "+a.Text)
		}
		x.lines = append(x.lines, l)
	}
}

// facts returns the columns of the object's kind in one line: what is known about it apart
// from its holders.
func (x *relating) facts(o *model.Object) (Line, bool) {
	var l Line
	for _, c := range render.ColumnsOf(o.Kind) {
		switch c.Name {
		case "ID", "NAME", "PEERS", "HOLDERS", "NS", "PIDS", "ENDS":
			continue
		}
		cell := c.Text(x.d.compactView, o)
		if cell.Text == "" || cell.Text == render.Unknown {
			continue
		}
		l.add(Dim, " "+strings.ToLower(c.Name)+" ")
		l.add(roleOf(cell.Role), cell.Text)
	}
	return l, len(l.Spans) > 0
}

// end draws the holders at one end of an object, one per line.
func (x *relating) end(o *model.Object, label string, fits func(*model.Holder) bool, nobody string) {
	blank := strings.Repeat(" ", render.Width(label))
	first := true
	for i := 0; i < len(o.Holders) && !x.full(); i++ {
		h := &o.Holders[i]
		if !fits(h) {
			continue
		}
		var l Line
		l.add(Dim, label)
		if h.PID == 0 {
			l.add(Warn, "a descriptor in flight")
		} else {
			l.add(Normal, x.d.who(int(h.PID), h.Comm))
		}
		l.add(Dim, " "+holdOf(x.d, h))
		if !h.OFD.IsZero() {
			l.add(Dim, ", same open file as "+render.SharedWith(h))
		}
		x.lines = append(x.lines, l)
		label, first = blank, false
	}
	switch {
	case !first && !o.HoldersComplete && !x.full():
		x.say(Dim, blank+"(holder list may be incomplete)")
	case !first:
	case o.HoldersComplete:
		x.lines = append(x.lines, Line{Spans: []Span{{label, Dim}, {nobody, Critical}}})
	default:
		x.lines = append(x.lines, Line{Spans: []Span{{label, Dim}, {"no visible holder", Dim}}})
	}
}

// process draws the objects that a process holds and who is at their other ends; objects
// that connect it with others come first.
func (x *relating) process(p *model.Process) {
	x.lines = append(x.lines, waitLines(x.d, p.PID, x.limit)...)
	var alone []*model.Object
	for _, o := range x.d.held.of(p.PID) {
		if x.full() {
			return
		}
		if l, ok := x.through(p.PID, o); ok {
			x.lines = append(x.lines, l)
		} else {
			alone = append(alone, o)
		}
	}
	switch held := len(x.d.held.of(p.PID)); {
	case x.d.partial[p.PID]:
		x.say(Warn, " not all that it holds could be seen")
	case held == 0 && p.FDs.Known():
		x.say(Dim, " holds no IPC object")
	case held == 0:
		x.say(Dim, " holds nothing that could be seen")
	}
	for _, o := range alone {
		if x.full() {
			return
		}
		var l Line
		l.add(Dim, " is the only holder of ")
		x.name(&l, o)
		x.lines = append(x.lines, l)
	}
}

// through draws one object that connects a process with others; false if it does not connect
// it with any.
func (x *relating) through(pid int, o *model.Object) (Line, bool) {
	var own, far []string
	reads, writes := false, false
	add := func(list []string, h *model.Holder) []string {
		if name := x.d.who(int(h.PID), h.Comm); !slices.Contains(list, name) && len(list) <= fewPartners {
			list = append(list, name)
		}
		return list
	}
	for i := range o.Holders {
		if h := &o.Holders[i]; int(h.PID) == pid {
			reads, writes = reads || h.Access.CanRead(), writes || h.Access.CanWrite()
			if len(own) < 2 {
				own = append(own, holdOf(x.d, h))
			}
		}
	}
	info, _ := model.LookupKind(o.Kind)
	arrow := x.glyph.both
	switch {
	case len(o.Peers) > 0:
		for _, p := range o.Peers {
			if peer := x.d.object(p.ID); peer != nil {
				for i := range peer.Holders {
					if peer.Holders[i].PID != 0 {
						far = add(far, &peer.Holders[i])
					}
				}
			}
		}
	default:
		oneWay := info.Direction == "one way"
		if oneWay && reads != writes {
			arrow = x.glyph.to
			if reads {
				arrow = x.glyph.from
			}
		}
		for i := range o.Holders {
			h := &o.Holders[i]
			if h.PID == 0 || int(h.PID) == pid || oneWay && !(reads && h.Access.CanWrite() || writes && h.Access.CanRead()) {
				continue
			}
			far = add(far, h)
		}
	}
	if len(far) == 0 {
		return Line{}, false
	}
	if len(far) > fewPartners {
		far[fewPartners] = "..."
	}
	var l Line
	l.add(KeyName, " "+arrow+" ")
	l.add(Normal, strings.Join(far, ", "))
	l.add(Dim, " through ")
	x.name(&l, o)
	l.add(Dim, " "+strings.Join(own, ", "))
	return l, true
}

// name names an object, and says if it is full.
func (x *relating) name(l *Line, o *model.Object) {
	l.add(Normal, x.d.escape(o.ID))
	if o.Name != "" && !repeatsID(o) {
		l.add(Normal, " "+x.d.escape(o.Name))
	}
	if f, ok := o.Fill.Get(); ok && f >= 1 {
		l.add(Critical, " FULL")
	}
}
