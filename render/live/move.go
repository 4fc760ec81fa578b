package live

import "slices"

// shiftBy is how many cells a key scrolls sideways.
const shiftBy = 8

// scroll moves the cursor of the table, or scrolls the page above it.
func (m *Model) scroll(n int) {
	if m.menu != nil {
		chosen := *m.menu
		chosen.cursor = clamp(max(chosen.cursor+n, 0), len(chosen.items))
		m.menu = &chosen
		m.keepMenuVisible()
		return
	}
	if p := m.page(); p != nil {
		p.top = max(min(p.top+n, len(p.lines)-m.pageHeight()), 0)
		return
	}
	t := m.table()
	m.choose(clamp(max(t.cursor+n, 0), len(m.rows())))
}

// choose selects a row for the user: from now on it stays selected.
func (m *Model) choose(i int) {
	t, rows := m.table(), m.rows()
	if i < 0 || i >= len(rows) {
		return
	}
	t.cursor, t.selected, t.moved, t.lost = i, rows[i].ident(), true, false
	m.keepVisible()
}

// chooseIdent selects the row with an identity, and reports whether it is there.
func (m *Model) chooseIdent(id Ident) bool {
	a := m.table().arranged
	if a == nil {
		return false
	}
	i := a.index(id, -1)
	if i < 0 {
		return false
	}
	m.choose(i)
	return true
}

func (m *Model) shift(n int) {
	if p := m.page(); p != nil {
		p.shift = max(p.shift+n, 0)
		return
	}
	t := m.table()
	t.shift = max(t.shift+n, 0)
}

// switchScreen goes to the next screen, or the one before.
func (m *Model) switchScreen(by int) {
	m.pages = nil
	from := m.screen
	if from >= keyed {
		from = 0
		if len(m.back) > 0 {
			from = m.back[0].screen
		}
	}
	m.turnTo((from + by + keyed) % keyed)
}

// turnTo goes to a screen.
func (m *Model) turnTo(screen int) {
	m.back = nil
	m.enter(screen)
}

// enter shows a screen and keeps the list of places for going back.
func (m *Model) enter(screen int) {
	m.screen = screen
	t := m.table()
	m.demand(t)
	if t.arranged == nil || t.arranged.data != m.data || t.arranged.order != t.wanted {
		m.arrange()
	}
	m.keepVisible()
}

// goBack leaves what was opened last: a page, a filter, another process's objects.
func (m *Model) goBack() {
	switch {
	case len(m.pages) > 0:
		m.pages = slices.Clone(m.pages[:len(m.pages)-1])
	case m.table().wanted.open != "":
		m.unfold("")
	case m.table().wanted.filter.text != "":
		m.table().wanted.filter = filter{}
		m.arrange()
	case m.narrowing != (narrowing{}):
		m.narrowing = narrowing{}
		m.arrange()
	case len(m.back) > 0:
		to := m.back[len(m.back)-1]
		m.back = slices.Clone(m.back[:len(m.back)-1])
		if to.screen == screenHeld {
			m.tables[screenHeld].wanted.held = to.held
		}
		m.enter(to.screen)
	default:
		m.setMessage(Dim, "q quits, ? helps.")
	}
}

// leave stores the current place, for Esc.
func (m *Model) leave() {
	m.back = append(slices.Clone(m.back), place{m.screen, m.table().wanted.held})
	if len(m.back) > maxBack {
		m.back = m.back[1:]
	}
}

// maxBack is the largest number of places that are stored for Esc.
const maxBack = 32

// click selects the thing under the mouse: a row, a screen, a column to sort by.
func (m *Model) click(x, y int) {
	if m.prompt.kind != promptNone || m.menu != nil {
		return
	}
	m.message = ""
	l := m.layout(m.width, m.height)
	if y == lineScreens && l.ok {
		for i, tab := range m.tabs(m.width) {
			if x >= tab.from && x < tab.to {
				m.pages = nil
				m.turnTo(i)
			}
		}
		return
	}
	if l.ok && l.status > 0 && y == m.height-1 {
		if key := m.barKey(x); key != "" {
			m.key(key)
		}
		return
	}
	if len(m.pages) > 0 || !l.ok {
		return
	}
	switch {
	case y == lineHeading && l.heading > 0:
		if name, ok := m.columnAt(x); ok {
			m.sortByName(name)
		}
	case y >= lineHeading+l.heading && y < lineHeading+l.heading+l.rows:
		if i := m.table().top + y - lineHeading - l.heading; i < len(m.rows()) {
			m.choose(i)
		}
	}
}
