package live

import (
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// order says how a screen's rows are arranged.
type order struct {
	screen         int
	held           Ident    // of screenHeld: the process
	locks          bool     // of screenHeld: only objects that can lock
	without        eventSet // of screenLog: the events that are left out
	open           string   // of screenOverview: the rule that is not folded, or everything
	own            string   // the columns that the user chose, separated by commas; "": the default ones
	column         string
	invert         bool
	tree           bool
	wide           bool
	threads, paths bool // of processes
	filter         filter
	narrowing
}

// arrangement is a screen's rows, filtered and sorted. It must not be changed once it is
// made.
type arrangement struct {
	order
	data    *Data
	rows    []row
	total   int // rows before the filter
	columns []column
	widths  []int // of the columns, measured in a sample of the rows
	leftOut string
}

// quick is the largest number of rows that are arranged at once, between a key and the next
// frame; more rows are arranged in another goroutine.
const quick = 2000

// arrange filters and sorts the rows. It takes time in proportion to their number.
func arrange(d *Data, log []entry, o order) *arrangement {
	source := sourceRows(d, log, o)
	a := &arrangement{order: o, data: d, total: len(source), columns: columnsOf(o.screen, o.wide, o.own)}
	if o.narrowing != (narrowing{}) {
		source = slices.DeleteFunc(slices.Clone(source), func(r row) bool { return !o.narrowing.row(d, &r) })
		a.total = len(source)
	}
	if o.filter.text == "" {
		a.rows = slices.Clone(source)
	} else {
		a.rows, a.leftOut = o.filter.apply(source, a.columns, d)
	}
	a.sort()
	if o.tree {
		a.grow()
	}
	if screens[o.screen].list == listProcesses {
		if o.threads {
			a.rows = withThreads(a.rows)
		}
		for i := range a.rows {
			a.rows[i].path = o.paths
		}
	}
	a.measure()
	return a
}

// sourceRows returns the rows of a screen in their natural order.
func sourceRows(d *Data, log []entry, o order) []row {
	switch o.screen {
	case screenLog:
		return logRows(log, o.without)
	case screenOverview:
		return overviewRows(d, o)
	case screenHeld:
		var rows []row
		if d.find(o.held).process != nil {
			for _, object := range d.held.of(o.held.PID) {
				if !o.locks || locks(object, o.held.PID) {
					rows = append(rows, row{object: object})
				}
			}
		}
		return rows
	}
	return d.rowsOf(o.screen)
}

// overviewRows returns the problems: in groups, or as a plain list if they are sorted or
// filtered.
func overviewRows(d *Data, o order) []row {
	if o.column == "" && !o.invert && o.filter.text == "" && o.narrowing == (narrowing{}) {
		return problemRows(d, o.open)
	}
	rows := make([]row, len(d.problems))
	for i, p := range d.problems {
		rows[i] = row{problem: p}
	}
	return rows
}

// locks reports whether a process can use an object as a lock, or has a lock on it.
func locks(o *model.Object, pid int) bool {
	return screenOfKind(o.Kind) == screenLocks || slices.ContainsFunc(o.Holders, func(h model.Holder) bool {
		return int(h.PID) == pid && h.Via == model.ViaLock
	})
}

// sort sorts by the chosen column; rows that are equal there keep the snapshot's order.
// Unknown values come last in both directions.
func (a *arrangement) sort() {
	i := slices.IndexFunc(a.columns, func(c column) bool { return c.name == a.column })
	if i < 0 || a.column == "" {
		if a.invert {
			slices.Reverse(a.rows)
		}
		return
	}
	type keyed struct {
		key render.Key
		row row
	}
	list := make([]keyed, len(a.rows))
	v := a.data.view(a.wide)
	for j := range a.rows {
		list[j] = keyed{a.columns[i].sortKey(a.data, v, &a.rows[j]), a.rows[j]}
	}
	descending := a.columns[i].descending() != a.invert
	slices.SortStableFunc(list, func(x, y keyed) int {
		if descending && x.key.Known() && y.key.Known() {
			return y.key.Compare(x.key)
		}
		return x.key.Compare(y.key)
	})
	for j := range list {
		a.rows[j] = list[j].row
	}
}

// sample is how many rows are measured to find the widths of columns. A frame widens a
// column if the visible rows need it.
const sample = 100

// measure finds the widths of the columns, and leaves out columns that are empty and may be
// left out.
func (a *arrangement) measure() {
	a.widths = make([]int, len(a.columns))
	empty := make([]bool, len(a.columns))
	step := max(len(a.rows)/sample, 1)
	v := a.data.view(a.wide)
	for i := range a.columns {
		a.widths[i] = render.Width(a.columns[i].name)
		if a.columns[i].name == a.column && a.column != "" {
			a.widths[i]++ // for the sort sign
		}
		empty[i] = (a.columns[i].spare || a.columns[i].quiet) && len(a.rows) > 0
		for j := 0; j < len(a.rows); j += step {
			text := a.columns[i].cell(a.data, v, &a.rows[j]).Text
			a.widths[i] = max(a.widths[i], render.Width(text))
			if text != "" && text != render.Unknown {
				empty[i] = false
			}
		}
	}
	columns, widths := a.columns, a.widths
	a.columns, a.widths = nil, nil
	for i := range columns {
		if !empty[i] || columns[i].name == a.column && a.column != "" {
			a.columns, a.widths = append(a.columns, columns[i]), append(a.widths, widths[i])
		}
	}
}

// index finds a row; it searches around the index near first. -1: it is not there.
func (a *arrangement) index(id Ident, near int) int {
	if near >= 0 && near < len(a.rows) && a.rows[near].ident() == id {
		return near
	}
	return slices.IndexFunc(a.rows, func(r row) bool { return r.ident() == id })
}
