package live

import "strings"

// Update returns the model after an event, and the effects that the caller must carry out.
func Update(m Model, e Event) (Model, []Effect) {
	m.effects = nil
	switch e := e.(type) {
	case Resize:
		m.width, m.height = e.Width, e.Height
		if p := m.page(); p != nil {
			p.wrap(m.width)
		}
		m.keepVisible()
	case Key:
		m.key(e.Name)
	case Paste:
		m.pasted(e.Text)
	case Click:
		m.click(e.X, e.Y)
	case Wheel:
		m.scroll(e.Lines)
	case Scanned:
		m.cpu = e.CPU
		m.scanned(e.Data)
	case Glimpsed:
		if m.data == nil {
			m.glimpse = true
			m.showSnapshot(e.Data)
		}
	case Reading:
		m.reading = e
	case Loaded:
		m.loaded(e)
	case ScanFailed:
		m.failure = e.Err
	case Saved:
		m.saved(e)
	case Kept:
		if e.Err != nil {
			m.setMessage(Critical, "Not saved: "+m.escape(e.Err.Error()))
		} else {
			m.setMessage(Normal, "Settings saved to "+m.escape(e.Path)+".")
		}
	case RatesSet:
		m.ratesSet(e)
	case TraceSet:
		m.traceSet(e)
	case Traced:
		m.traced(e)
	case Aimed:
		m.aimed(e)
	case Done:
		m.done(e)
	case arrangedEvent:
		m.arrived(e.arranged)
	case foundEvent:
		if e.search == m.searching {
			m.found(e.index, e.ident)
		}
	case pageEvent:
		m.fillPage(e)
	}
	effects := m.effects
	m.effects = nil
	return m, effects
}

func (m *Model) scanned(d *Data) {
	if m.paused && m.data != nil {
		return // the scan was running when the user paused
	}
	m.failure, m.glimpse = "", false
	m.history = m.history.add(d)
	m.addToLog(d.log)
	m.showSnapshot(d)
}

func (m *Model) saved(e Saved) {
	if e.Err != nil {
		m.setMessage(Critical, "Not saved: "+m.escape(e.Err.Error()))
		return
	}
	m.setMessage(Normal, "Saved to "+m.escape(e.Path)+", readable only by you.")
}

// arrangedEvent is the result of arranging many rows.
type arrangedEvent struct{ arranged *arrangement }

func (arrangedEvent) event() {}

// arrange updates the current screen for its data and order: at once if that is quick, else
// as [Work]. Never more than one such work runs at a time.
func (m *Model) arrange() {
	if m.data == nil {
		return
	}
	t := m.table()
	m.demand(t)
	d, log, o := m.data, m.log, t.wanted
	switch {
	case sourceSize(d, log, o) <= quick:
		m.show(arrange(d, log, o))
	case m.arranging:
		m.again = true
	default:
		m.arranging = true
		m.addEffect(Work{func() Event { return arrangedEvent{arrange(d, log, o)} }})
	}
}

// demand copies the settings of all screens into a table's order.
func (m *Model) demand(t *table) {
	o := &t.wanted
	o.wide, o.threads, o.paths, o.narrowing = m.wide, m.threads, m.paths, m.narrowing
	o.own = strings.Join(m.settings.Columns[m.screen], ",")
}

// arrived shows the result of work, unless the wanted order has changed meanwhile.
func (m *Model) arrived(a *arrangement) {
	m.arranging = false
	if a.order == m.tables[a.screen].wanted {
		m.show(a)
	}
	if m.again {
		m.again = false
		m.arrange()
	}
}

// sourceSize returns the largest possible number of rows to arrange.
func sourceSize(d *Data, log []entry, o order) int {
	switch o.screen {
	case screenLog:
		return len(log)
	case screenHeld:
		return len(d.held.of(o.held.PID))
	case screenOverview:
		return len(d.problems)
	}
	n := 0
	switch o.screen {
	case screenProcs, screenSignals:
		n = len(d.Snap.Processes)
	default:
		for _, kind := range d.index.Kinds() {
			if screenOfKind(kind) == o.screen {
				n += len(d.index.OfKind(kind))
			}
		}
	}
	return n
}

// show puts an arrangement on its screen and finds the selected row again.
func (m *Model) show(a *arrangement) {
	t := &m.tables[a.screen]
	t.arranged = a
	if !t.moved {
		t.cursor, t.top = min(t.cursor, max(len(a.rows)-1, 0)), min(t.top, max(len(a.rows)-1, 0))
		if t.cursor == 0 && len(a.rows) > 1 && a.rows[0].problem != nil && a.rows[0].problem.heading {
			t.cursor = 1 // the first row is a heading: select the one below
		}
		m.keepVisible()
		return
	}
	line := t.cursor - t.top
	switch i := a.index(t.selected, t.cursor); {
	case i >= 0:
		t.cursor, t.lost = i, false
	case m.follow:
		t.cursor, t.lost = clamp(t.cursor, len(a.rows)), true
	default:
		t.cursor, t.lost = clamp(t.cursor, len(a.rows)), false
		if len(a.rows) > 0 {
			t.selected = a.rows[t.cursor].ident()
		}
	}
	t.top = t.cursor - line
	m.keepVisible()
}

func clamp(i, n int) int { return max(min(i, n-1), 0) }

// keepVisible scrolls so that the cursor is visible and the screen is filled.
func (m *Model) keepVisible() {
	t := m.table()
	height := m.layout(m.width, m.height).rows
	m.keepMenuVisible()
	if p := m.page(); p != nil {
		p.top = max(min(p.top, len(p.lines)-m.pageHeight()), 0)
	}
	if height <= 0 {
		return
	}
	n := len(m.rows())
	t.cursor = clamp(t.cursor, n)
	t.top = min(t.top, n-height)
	t.top = max(min(t.top, t.cursor), t.cursor-height+1, 0)
}

func (m *Model) escape(s string) string {
	if m.data != nil {
		return m.data.escape(s)
	}
	return escaper(m.settings)(s)
}
