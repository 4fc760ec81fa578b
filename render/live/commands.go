package live

import (
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// This file has the actions of keys other than those that only move the cursor.

func (m *Model) tagSelected() {
	r := m.selected()
	if r == (row{}) || len(m.pages) > 0 {
		return
	}
	m.tag(r.ident())
	if m.table().cursor < len(m.rows())-1 {
		m.scroll(1)
	}
	m.setMessage(Normal, strconv.Itoa(len(m.tagged))+" tagged.")
}

func (m *Model) pause() {
	if m.settings.Source != "" {
		m.setMessage(Dim, "A "+m.still()+" does not change.")
		return
	}
	m.paused = !m.paused
	m.addEffect(Pause{m.paused})
	switch {
	case m.paused:
		m.setMessage(Normal, "Paused (Z: resume; [ and ]: earlier and later samples).")
		return
	case m.history.back > 0:
		m.history.back = 0
		m.showSnapshot(m.history.shown())
	}
	m.showHeldEvents()
}

func (m *Model) followSelected() {
	m.follow = !m.follow
	t := m.table()
	if !m.follow {
		for i := range m.tables {
			m.tables[i].lost = false
		}
		m.setMessage(Normal, "Following stopped.")
		return
	}
	r := m.selected()
	if r == (row{}) {
		m.follow = false
		m.setMessage(Dim, "Nothing is selected.")
		return
	}
	t.moved, t.selected = true, r.ident()
	m.setMessage(Normal, "Following "+m.nameOf(r)+" (F: stop).")
}

func (m *Model) widen() {
	m.wide = !m.wide
	for i := range m.tables {
		m.tables[i].shift = 0
	}
	m.arrange()
	if m.wide {
		m.setMessage(Normal, "All columns, nothing cut (Left and Right: scroll).")
	}
}

func (m *Model) save() {
	if m.data == nil {
		m.setMessage(Dim, "Nothing has been read yet.")
		return
	}
	m.setMessage(Normal, "Saving...")
	m.addEffect(Save{m.data.Snap})
}

// sortBy sorts by the next or previous column; before the first column comes the order of
// ipctop dump.
func (m *Model) sortBy(by int) {
	a := m.table().arranged
	if a == nil || len(m.pages) > 0 {
		return
	}
	names := []string{""}
	for _, c := range a.columns {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	i := max(slices.Index(names, m.table().wanted.column), 0)
	m.sortByName(names[(i+by+len(names))%len(names)])
}

// sortByName sorts by a column; a second call reverses the order.
func (m *Model) sortByName(name string) {
	t := m.table()
	if t.wanted.column == name && name != "" {
		m.reverseSort()
		return
	}
	t.wanted.column, t.wanted.invert = name, false
	m.arrange()
	if name == "" {
		m.setMessage(Normal, "In the default order.")
		return
	}
	m.setMessage(Normal, "Sorted by "+name+" (I: reverse).")
}

func (m *Model) reverseSort() {
	t := m.table()
	t.wanted.invert = !t.wanted.invert
	m.arrange()
}

// copySelected copies to the terminal's clipboard what the user would otherwise type: an
// object's id, a process's pid, the command that solves a problem. The text is escaped: text
// that is pasted into a shell must not contain a process's control characters.
func (m *Model) copySelected() {
	r := m.selected()
	if p := m.page(); p != nil && m.data != nil {
		if r = m.data.find(p.about); r == (row{}) {
			m.setMessage(Dim, "Nothing to copy here.")
			return
		}
	}
	what := ""
	switch {
	case r.object != nil:
		what = m.escape(r.object.ID)
	case r.process != nil:
		what = strconv.Itoa(r.process.PID)
	case r.problem != nil && r.problem.finding != nil && len(r.problem.finding.Actions) > 0 && !m.data.Snap.FromFile:
		what = render.QuoteAll(r.problem.finding.Actions[0].Argv)
	case r.problem != nil:
		what = r.problem.what
	case r.entry != nil:
		what = r.entry.what
	default:
		m.setMessage(Dim, "Nothing is selected.")
		return
	}
	m.addEffect(Copy{what})
	m.setMessage(Normal, "Copied: "+what)
}

// openHeld shows the objects of the selected process, or of the only process that holds
// the selected object: all of them, or only those that can lock.
func (m *Model) openHeld(locks bool) {
	r, ok := m.subject()
	if !ok {
		return
	}
	p := r.process
	if r.object != nil {
		pids := holdersOf(r.object)
		if len(pids) != 1 {
			m.setMessage(Dim, m.nameOf(r)+" is held by "+render.Counted(len(pids), "process", "processes")+": select one of them in 2 Procs.")
			return
		}
		p = m.data.process(pids[0])
	}
	if p == nil {
		m.setMessage(Dim, "No process is selected.")
		return
	}
	m.leave()
	m.pages = nil
	t := &m.tables[screenHeld]
	*t = table{wanted: order{screen: screenHeld, held: Ident{PID: p.PID, Start: p.StartTicks}, locks: locks}}
	m.enter(screenHeld)
}

// holdersOf returns the processes that hold an object, each once.
func holdersOf(o *model.Object) []int {
	var pids []int
	for i := range o.Holders {
		if pid := int(o.Holders[i].PID); pid != 0 && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// otherEnd jumps to the other end of the selected thing: an object's peer, else the process
// at its other end; for a process, the one with which it communicates.
func (m *Model) otherEnd() {
	r, ok := m.subject()
	if !ok {
		return
	}
	if o := r.object; o != nil {
		for _, p := range o.Peers {
			if peer := m.data.object(p.ID); peer != nil {
				m.jump(row{object: peer})
				return
			}
		}
		if pid := m.farHolder(o); pid != 0 {
			if p := m.data.process(pid); p != nil {
				m.jump(row{process: p})
				return
			}
		}
		m.setMessage(Dim, "The other end of "+m.nameOf(r)+" is unknown.")
		return
	}
	pid := r.process.PID
	for _, l := range m.data.linked.of(pid) {
		for _, pids := range [][]int{l.To, l.From} {
			for _, other := range pids {
				if p := m.data.process(other); p != nil && other != pid {
					m.jump(row{process: p})
					return
				}
			}
		}
	}
	m.setMessage(Dim, m.nameOf(r)+" has no visible peer.")
}

// farHolder returns the process at the other end of an object than the one from which the
// user comes; for a one-way object, a reader.
func (m *Model) farHolder(o *model.Object) int {
	from := 0
	if m.screen == screenHeld {
		from = m.table().wanted.held.PID
	}
	far := 0
	for i := range o.Holders {
		h := &o.Holders[i]
		switch pid := int(h.PID); {
		case pid == 0 || pid == from:
		case far == 0 || !h.Access.CanWrite():
			far = pid
		}
	}
	return far
}

// jump goes to a thing on its screen. A filter that hides it is removed.
func (m *Model) jump(to row) {
	m.leave()
	m.pages = nil
	screen := screenProcs
	if to.object != nil {
		screen = screenOfKind(to.object.Kind)
	}
	m.enter(screen)
	if m.chooseIdent(to.ident()) {
		return
	}
	t := m.table()
	t.moved, t.selected = true, to.ident() // it is searched when the rows arrive
	if t.wanted.filter.text != "" {
		t.wanted.filter = filter{}
		m.setMessage(Dim, "The filter hid it and was cleared.")
		m.arrange()
	}
}

// subject returns the object or process that the selected row is about. If there is none,
// it tells the user and returns false.
func (m *Model) subject() (row, bool) {
	r := m.selected()
	if m.data == nil || r == (row{}) {
		m.setMessage(Dim, "Nothing is selected.")
		return row{}, false
	}
	if r = r.subject(m.data); r.object == nil && r.process == nil {
		m.setMessage(Dim, "This row has no process or object that still exists.")
		return row{}, false
	}
	return r, true
}

// nameOf returns the name of a row for a sentence.
func (m *Model) nameOf(r row) string {
	switch {
	case r.process != nil:
		return m.data.who(r.process.PID, r.process.Comm)
	case r.object != nil:
		return m.data.escape(r.object.ID)
	}
	return "this row"
}
