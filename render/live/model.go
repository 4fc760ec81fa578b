package live

import (
	"maps"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Model is everything that determines what is on the screen. It is a value:
// [Update] returns a new one and leaves the old one as it was.
type Model struct {
	settings      Settings
	width, height int

	data    *Data   // the snapshot that is shown; nil before the first
	glimpse bool    // data has only the processes: the rest is being read
	reading Reading // how far the first snapshot is
	history history
	replay  replay
	cpu     model.Opt[float64] // the share of a processor that ipctop uses
	failure string
	log     []entry
	logSeq  int

	screen int
	tables [screenHeld + 1]table
	back   []place // the places to which Esc goes back

	pages  []page // the pages above the tables, the last on top
	menu   *menu  // a list to choose from, above all of them
	prompt prompt

	paused, follow, wide bool
	rates                bool // traffic is measured
	tracing              tracing
	threads, paths       bool // of processes
	narrowing
	tagged      map[Ident]bool
	search      string
	message     string
	messageRole Role

	arranging, again bool // rows are being arranged; the result will be out of date already
	searching        int  // the number of the latest search; older results are dropped
	effects          []Effect
}

// table is the state of one screen.
type table struct {
	arranged *arrangement // the rows that are shown; nil before the first
	wanted   order        // the order that should be shown

	cursor, top int   // the selected row and the first one on the screen
	moved       bool  // the user chose the row: it stays selected
	selected    Ident // the identity of the selected row, if moved
	lost        bool  // the selected thing is followed but not there
	shift       int   // cells scrolled to the right
}

// place is a screen to go back to.
type place struct {
	screen int
	held   Ident
}

// New returns the model of a view without a snapshot.
func New(s Settings) Model {
	m := Model{settings: s, width: 80, height: 24, replay: replay{at: -1, wanted: s.Start, loading: s.Start}}
	for i := range m.tables {
		m.tables[i].wanted.screen = i
	}
	return m
}

// table returns the state of the current screen.
func (m *Model) table() *table { return &m.tables[m.screen] }

// rows returns the current screen's rows.
func (m *Model) rows() []row {
	if a := m.table().arranged; a != nil {
		return a.rows
	}
	return nil
}

// selected returns the selected row; the row is empty if there is none.
func (m *Model) selected() row {
	t := m.table()
	if rows := m.rows(); t.cursor < len(rows) && !t.lost {
		return rows[t.cursor]
	}
	return row{}
}

// tag tags a row or removes the tag.
func (m *Model) tag(id Ident) {
	m.tagged = maps.Clone(m.tagged)
	if m.tagged == nil {
		m.tagged = map[Ident]bool{}
	}
	if m.tagged[id] {
		delete(m.tagged, id)
	} else {
		m.tagged[id] = true
	}
}

func (m *Model) setMessage(role Role, text string) { m.message, m.messageRole = text, role }

func (m *Model) addEffect(e Effect) { m.effects = append(m.effects, e) }

// page returns the page on top; nil if the table is visible.
func (m *Model) page() *page {
	if len(m.pages) == 0 {
		return nil
	}
	// Copy the list, so that the old model is not changed.
	m.pages = slices.Clone(m.pages)
	return &m.pages[len(m.pages)-1]
}
