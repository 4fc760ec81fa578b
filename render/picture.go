package render

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// Verdict draws a finding on one line of at most width cells: a word for the problem, its
// duration, and its chain; see [View.Chain].
func (v *View) Verdict(f *model.Finding, width int) []Cell {
	role := severityRole(f.Severity)
	head := []Cell{{v.word(f), role}}
	if age := Age(v.snap.Taken, f.Since); age != Unknown {
		head = append(head, Cell{" " + age, Plain})
	}
	head = append(head, Cell{" ", Plain})
	return append(head, v.Chain(f, width-cellsWidth(head))...)
}

// word returns the word for a finding at the beginning of a verdict.
func (v *View) word(f *model.Finding) string {
	switch {
	case f.Rule == "deadlock" || f.Rule == "self-wait":
		return "DEADLOCK"
	case len(f.Chain) == 0 && f.Severity == model.Critical:
		return "CRITICAL"
	case len(f.Chain) == 0:
		return "WARNING"
	case len(f.Chain) > 1 && f.Chain[0].Object != f.Chain[1].Object:
		return "STUCK"
	}
	if w := v.index.Waits[f.Chain[0].TID]; w != nil && w.Needs == model.NeedsLock || f.Rule == "holder-stopped" || f.Rule == databaseLock {
		return "STUCK"
	}
	return "BLOCKED"
}

// Chain draws who waits, for what, and for whom: yes(784) → pipe FULL → sleep(785) does
// not read. If there is not enough room, it leaves out parts in this order: the
// explanation, the directories of objects, everything between the first and the last
// process, the objects. Names are cut only if there is no room for anything else. For a
// finding that is not about a blocked thread, it returns the summary.
func (v *View) Chain(f *model.Finding, width int) []Cell {
	p := v.picture(f)
	if len(p.names) == 0 {
		return []Cell{{Truncate(v.escape(f.Summary), max(width, 0), v.glyph.more), Plain}}
	}
	var cells []Cell
	for level := range levels {
		cells = p.draw(v.glyph, level)
		room := width - cellsWidth(cells)
		switch {
		case room < 0:
			continue
		case p.circle:
			return append(cells, p.locks(room, v.glyph.more)...)
		case level < noObjects && p.explanation != "" && room > Width(p.explanation):
			return append(cells, Cell{" " + p.explanation, Dim})
		case level < noObjects && p.explanation != "" && room >= leastExplanation:
			return append(cells, Cell{" " + Truncate(p.explanation, room-1, v.glyph.more), Dim})
		}
		return cells
	}
	return cutCells(cells, width, v.glyph.more)
}

// leastExplanation is the least width in which the beginning of an explanation is shown.
const leastExplanation = 14

// shortObject is the width of an object's name if there is little room.
const shortObject = 24

// databaseLock is the rule about locks that are not objects of the kernel.
const databaseLock = "database-lock"

// picture is a finding's chain as it is drawn.
type picture struct {
	names       []string      // of the processes, from the victim to the root cause
	objects     []objectLabel // between each process and the next, or after the last
	circle      bool
	explanation string
}

// objectLabel is the label of an object in a picture.
type objectLabel struct{ long, short, state string }

func (v *View) picture(f *model.Finding) picture {
	var p picture
	if len(f.Chain) == 0 {
		return p
	}
	p.circle = f.Rule == "deadlock"
	if p.circle && allOf(f.Chain, f.Chain[0].PID) {
		return v.ownCircle(f)
	}
	var pids []int
	for i := range f.Chain {
		s := &f.Chain[i]
		if i > 0 && !p.circle && s.Object == f.Chain[i-1].Object {
			continue // another one that waits for the same
		}
		pids = append(pids, s.PID)
		p.names = append(p.names, v.named(v.nameOf(s.PID, s.Comm), s.PID))
		o := v.asked(s)
		if o.long == "" && f.Rule == databaseLock {
			o.long = "database lock"
		}
		p.objects = append(p.objects, o)
	}
	if n := v.victimsNotShown(f, pids); n > 0 {
		p.names[0] += " +" + strconv.Itoa(n)
	}
	switch r := f.Root; {
	case p.circle:
	case f.Rule == "self-wait":
		p.names = append(p.names, "itself")
	case r != nil && !slices.Contains(pids, r.PID):
		p.names = append(p.names, v.named(v.nameOf(r.PID, r.Comm), r.PID))
		p.explanation = v.escape(r.Doing)
	case r != nil && f.Rule != databaseLock:
		v.beyond(&p, &f.Chain[len(f.Chain)-1], pids)
	}
	if len(p.names) == len(p.objects) && !p.circle || readRules[f.Rule] != "" {
		p.explanation = v.reason(f, p.explanation)
	}
	return p
}

// beyond draws the child for which the last process of a chain waits, and what it does: a
// process that holds a lock while it runs a command waits for that command.
func (v *View) beyond(p *picture, last *model.Step, pids []int) {
	w := v.index.Waits[last.TID]
	if w == nil || w.Needs != model.NeedsChild || len(w.Blockers) == 0 || slices.Contains(pids, w.Blockers[0].PID) {
		return
	}
	b := &w.Blockers[0]
	p.names = append(p.names, v.named(v.nameOf(b.PID, b.Comm), b.PID))
	for _, w := range v.index.WaitsOf[b.PID] {
		if w.TID == b.PID {
			p.explanation = v.escape(graph.RestText(w))
		}
	}
}

// victimsNotShown counts the victims that are not in the picture.
func (v *View) victimsNotShown(f *model.Finding, pids []int) int {
	n := 0
	for _, pid := range f.Victims {
		if !slices.Contains(pids, pid) && (f.Root == nil || pid != f.Root.PID) {
			n++
		}
	}
	return n
}

// readRules says, by rule, what the process at the other end fails to do.
var readRules = map[string]string{
	"pipe-full": "does not read", "socket-full": "does not read", "pty-not-read": "does not read", "backlog-full": "does not accept",
}

// reason explains a chain that does not end at a process, or whose last process fails to
// do something.
func (v *View) reason(f *model.Finding, doing string) string {
	if fails := readRules[f.Rule]; fails != "" && f.Root != nil {
		if doing != "" && doing != fails {
			return fails + ", " + doing
		}
		return fails
	}
	if doing != "" {
		return doing
	}
	if f.Rule == "pty-not-read" && slices.ContainsFunc(f.Objects, func(id string) bool { o := v.index.Object(id); return o != nil && graph.OutputStopped(o) }) {
		return "output stopped (Ctrl-S)"
	}
	if why := nobodyRules[f.Rule]; why != "" {
		return why
	}
	return v.escape(f.Summary)
}

// nobodyRules says, by rule, why the chain does not end at a process.
var nobodyRules = map[string]string{
	"fifo-open-waits": "nobody opens the other end", "pipe-full": "no visible reader", "socket-full": "no visible reader",
	"pty-not-read": "no visible reader", "mutex-owner-dead": "its owner has ended", "sem-owner-dead": "its last user has ended",
	"sem-nobody-posts": "nobody is left to post it", "cond-waiters-dead": "its earlier waiters were killed",
	"no-message-of-type": "holds no message of that type", "queue-full": "no receiver is known",
}

// ownCircle returns the picture of a deadlock among the threads of one process.
func (v *View) ownCircle(f *model.Finding) picture {
	p := picture{circle: true}
	for i := range f.Chain {
		s := &f.Chain[i]
		name := "thread " + model.PIDNumber(s.TID)
		if i == 0 {
			name = v.named(v.nameOf(s.PID, s.Comm), s.PID) + " " + name
		}
		p.names, p.objects = append(p.names, name), append(p.objects, v.label(s.Object))
	}
	return p
}

func allOf(chain []model.Step, pid int) bool {
	return !slices.ContainsFunc(chain, func(s model.Step) bool { return s.PID != pid })
}

// levels is the number of steps in which parts of a picture are left out.
const levels = 5

const (
	noDirectories = iota + 1 // of objects
	noMiddle                 // between the first and the last process
	noObjects
	noState // neither
)

// draw draws a picture, with as much left out as level says.
func (p *picture) draw(g glyphs, level int) []Cell {
	if p.circle {
		return p.drawCircle(g, level)
	}
	last := len(p.names) - 1
	cells := []Cell{{p.names[0], Heading}}
	arrow := Cell{" " + g.to + " ", Dim}
	for i := range p.objects {
		if level >= noMiddle && i > 0 && i < last {
			if i == 1 {
				cells = append(cells, arrow, Cell{g.more, Dim})
			}
			continue
		}
		if i > 0 {
			cells = append(cells, arrow, Cell{p.names[i], Heading})
		}
		if o := p.objects[i]; o.long != "" && (level < noObjects || last == 0) {
			cells = append(cells, arrow, Cell{o.at(level), Plain})
			if o.state != "" {
				cells = append(cells, Cell{" " + o.state, Alarm})
			}
		}
	}
	if last >= len(p.objects) {
		cells = append(cells, arrow, Cell{p.names[last], Heading})
	}
	return cells
}

// drawCircle draws a ⇄ b; a longer circle ends where it began.
func (p *picture) drawCircle(g glyphs, level int) []Cell {
	sign, names := g.both, p.names
	if len(names) != 2 {
		sign, names = g.to, append(slices.Clone(names), p.names[0])
	}
	if level >= noMiddle && len(names) > 3 {
		names = []string{names[0], names[1], g.more, names[0]}
	}
	var cells []Cell
	for i, name := range names {
		if i > 0 {
			cells = append(cells, Cell{" " + sign + " ", Dim})
		}
		cells = append(cells, Cell{name, Heading})
	}
	return cells
}

// locks returns the objects for which the processes in a circle wait, as far as there is room.
func (p *picture) locks(room int, more string) []Cell {
	var labels []string
	for _, o := range p.objects {
		if l := o.at(noDirectories); l != "" && !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	const least = 6 // for the beginning of a name
	text := strings.Join(labels, ", ")
	if room -= 2; text == "" || room < min(Width(text), least) {
		return nil
	}
	return []Cell{{"  " + Truncate(text, room, more), Plain}}
}

func (o objectLabel) at(level int) string {
	if level >= noDirectories && o.short != "" {
		return o.short
	}
	return o.long
}

// asked returns the label of what a step waits for: its object, or the file about which
// the server of a file system has not answered.
func (v *View) asked(s *model.Step) objectLabel {
	w := v.index.Waits[s.TID]
	if s.Object != "" || w == nil || w.Needs != model.NeedsAnswer || w.Target == nil || w.Target.Path == "" {
		return v.label(s.Object)
	}
	name := v.escape(w.Target.Path)
	return objectLabel{long: name, short: path.Base(name)}
}

// label returns the name by which people know an object: its path, its port, its key; for a
// pipe just "pipe".
func (v *View) label(id string) objectLabel {
	if id == "" {
		return objectLabel{}
	}
	o := v.index.Object(id)
	if o == nil {
		return objectLabel{long: v.escape(id)}
	}
	l := objectLabel{long: v.ObjectName(o)}
	if o.Kind == model.Unix && o.Path == "" && o.Name == "" { // the client's end has no name: people know the server's
		for i := range o.Peers {
			if p := v.index.Object(o.Peers[i].ID); p != nil && p.Path != "" {
				l.long = v.ObjectName(p)
			}
		}
	}
	if strings.HasPrefix(l.long, "/") && o.Kind != model.Pty {
		l.short = path.Base(l.long)
	}
	if strings.HasPrefix(l.long, "@") && strings.Contains(l.long, "/") { // abstract names often look like paths
		l.short = "@" + v.glyph.more + "/" + path.Base(l.long)
	}
	if short := cmp.Or(l.short, l.long); Width(short) > shortObject {
		l.short = Truncate(short, shortObject, v.glyph.more)
	}
	if fill, ok := o.Fill.Get(); ok && fill >= 1 {
		l.state = "FULL"
	}
	return l
}

// ObjectName returns a short name of an object: a path, an address, a key, else its kind and
// id. An anonymous pipe is "pipe".
func (v *View) ObjectName(o *model.Object) string {
	name := ""
	switch d := o.Detail.(type) {
	case *model.InetDetail:
		if name = d.Local; d.State != "LISTEN" && d.Remote != "" && !strings.HasSuffix(d.Remote, ":*") {
			name = d.Remote
		}
		if name != "" {
			name = string(o.Kind) + " " + name
		}
	case *model.SysvMsgDetail:
		name = keyName("queue", d.Key, o)
	case *model.SysvSemDetail:
		name = keyName("semaphores", d.Key, o)
	case *model.SysvShmDetail:
		name = keyName("memory", d.Key, o)
	case *model.FutexDetail:
		name = "futex"
		if d.Type != "" && d.Type != "unknown" {
			name = d.Type
		}
	}
	switch {
	case name != "":
	case o.Path != "":
		name = o.Path
	case o.Kind == model.Pipe:
		name = "pipe"
	case o.Kind == model.Unix && o.Name == "":
		name = "socket"
	case o.Name != "":
		name = o.Name
	default:
		name = o.ID
	}
	return v.escape(name)
}

func keyName(what, key string, o *model.Object) string {
	if key == "" || strings.Trim(key, "0x") == "" {
		return o.ID
	}
	return what + " " + key
}

func cellsWidth(cells []Cell) int {
	n := 0
	for _, c := range cells {
		n += Width(c.Text)
	}
	return n
}

// cutCells keeps the part of the cells that fits into width.
func cutCells(cells []Cell, width int, more string) []Cell {
	var out []Cell
	for _, c := range cells {
		n := Width(c.Text)
		if n > width {
			if text := Truncate(c.Text, width, more); text != "" {
				out = append(out, Cell{text, c.Role})
			}
			return out
		}
		out, width = append(out, c), width-n
	}
	return out
}

func severityRole(s model.Severity) Role {
	switch s {
	case model.Critical:
		return Alarm
	case model.Warning:
		return Notice
	}
	return Plain
}
