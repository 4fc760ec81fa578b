package live

// foundEvent is the result of a search.
type foundEvent struct {
	search int
	index  int // -1: there is none
	ident  Ident
}

func (foundEvent) event() {}

// searchOn goes to the next or previous match; after the last match it continues with the
// first.
func (m *Model) searchOn(by int) {
	if m.search == "" {
		m.setMessage(Dim, "/ searches.")
		return
	}
	if p := m.page(); p != nil {
		m.searchPage(p, by)
		return
	}
	t := m.table()
	if t.arranged == nil || len(t.arranged.rows) == 0 {
		m.setMessage(Dim, "There is nothing to search.")
		return
	}
	a, from, wanted := t.arranged, t.cursor, m.search
	m.searching++
	if len(a.rows) <= quick {
		i := a.find(wanted, from, by)
		id := Ident{}
		if i >= 0 {
			id = a.rows[i].ident()
		}
		m.found(i, id)
		return
	}
	number := m.searching
	m.addEffect(Work{func() Event {
		e := foundEvent{search: number, index: a.find(wanted, from, by)}
		if e.index >= 0 {
			e.ident = a.rows[e.index].ident()
		}
		return e
	}})
}

// find returns the first row after from, in the direction by, that contains the text; from
// itself is tried last.
func (a *arrangement) find(wanted string, from, by int) int {
	n := len(a.rows)
	for k := 1; k <= n; k++ {
		i := ((from+by*k)%n + n) % n
		if rowHas(a.columns, a.data, &a.rows[i], wanted) {
			return i
		}
	}
	return -1
}

func (m *Model) found(index int, id Ident) {
	if index < 0 || !m.chooseIdent(id) {
		m.setMessage(Warn, "Not found: "+m.escape(m.search))
	}
}

func (m *Model) searchPage(p *page, by int) {
	n := len(p.lines)
	for k := 1; k <= n; k++ {
		i := ((p.found+by*k)%n + n) % n
		if containsFold(p.lines[i].String(), m.search) {
			p.found = i
			p.top = max(min(i, n-m.pageHeight()), 0)
			return
		}
	}
	m.setMessage(Warn, "Not found: "+m.escape(m.search))
}
