package live

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// column is a column of a screen, whatever its rows are.
type column struct {
	name   string
	right  bool // aligned to the right
	least  bool // sorted with the smallest first, although it is a number
	flex   bool // may be cut to fit
	runsOn bool // extends over the columns to the right of it if their cells are empty
	spare  bool // left out if there is no room, or if it is empty
	quiet  bool // left out if it is empty
	cell   func(d *Data, v *render.View, r *row) render.Cell
	key    func(d *Data, v *render.View, r *row) render.Key
	draw   func(d *Data, r *row, width int) []render.Cell // fits the text into a width in a better way than by cutting it; may be nil
}

// descending reports the direction in which a column is sorted first. Numbers are sorted
// with the largest first, because these are the most interesting.
func (c *column) descending() bool { return c.right && !c.least }

// sortKey returns the key by which a column is sorted.
func (c *column) sortKey(d *Data, v *render.View, r *row) render.Key {
	if c.key != nil {
		return c.key(d, v, r)
	}
	return render.TextKey(c.cell(d, v, r).Text)
}

// columnsOf returns the columns of a screen; if wide, all that its rows can have. Columns
// that the user chose are not left out to save room.
func columnsOf(s int, wide bool, chosen string) []column {
	names := screens[s].columns
	var own []string
	if chosen != "" {
		own = strings.Split(chosen, ",")
		names = own
	}
	list := make([]column, 0, len(names))
	for _, name := range names {
		if c, ok := columnNamed(s, name); ok {
			if own != nil && !slices.Contains(screens[s].columns, name) {
				c.spare, c.quiet = false, false
			}
			list = append(list, c)
		}
	}
	if !wide {
		return list
	}
	var more []column
	switch screens[s].list {
	case listObjects:
		more = objectColumns()
	case listProcesses:
		more = processColumns()
	}
	for _, c := range more {
		if !slices.ContainsFunc(list, func(l column) bool { return l.name == c.name }) {
			c.spare = true // shown only if it is not empty
			list = append(list, c)
		}
	}
	return list
}

// columnsFor returns the columns that the rows of a screen can have.
func columnsFor(s int) []column {
	switch {
	case s == screenOverview:
		return problemColumns
	case s == screenLog:
		return logColumns
	case s == screenLocks:
		return append(lockColumns[:len(lockColumns):len(lockColumns)], objectColumns()...)
	case screens[s].list == listProcesses:
		return processColumns()
	}
	return objectColumns()
}

func columnNamed(s int, name string) (column, bool) {
	list := columnsFor(s)
	i := slices.IndexFunc(list, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return list[i], true
}

// alwaysThere are columns that are shown even if they are empty or the terminal is
// narrow.
var alwaysThere = []string{"ID", "PID", "COMMAND", "PEERS", "WHAT", "PENDING", "BLOCKED", "ADDRESS", "S", "USER", "VALUES", "SHARED", "RECVQ"}

// objectColumns returns render's columns of objects, and those that only the live view has.
// They are made on first use, so that other commands do not need time for them.
var objectColumns = sync.OnceValue(func() []column {
	var list []column
	for _, c := range render.ObjectColumns() {
		list = append(list, fromRender(c, func(r *row) *model.Object { return r.object }))
	}
	list = append(list, column{name: "ADDRESS", flex: true, cell: address(list)})
	for i := range list {
		switch list[i].name {
		case "SIZE": // for memory and for queues
			list[i].key = func(_ *Data, _ *render.View, r *row) render.Key { return render.OptKey(sizeIn(r.object)) }
			list[i].cell = func(_ *Data, _ *render.View, r *row) render.Cell {
				return render.Cell{Text: render.OptSize(sizeIn(r.object))}
			}
		case "RATE":
			list[i].quiet = true // mostly traffic is not measured
		case "PEERS":
			shown := list[i].cell
			list[i].cell = func(d *Data, v *render.View, r *row) render.Cell {
				if n := d.foldedInto(r.object); n > 1 {
					return render.Cell{Text: strconv.Itoa(n) + " without a process", Role: render.Dim}
				}
				return shown(d, v, r)
			}
		}
	}
	return append(list, column{name: "HOLDS", spare: true, cell: holds})
})

var processColumns = sync.OnceValue(func() []column {
	var list []column
	for _, c := range render.ProcessColumns() {
		list = append(list, fromRender(c, func(r *row) *model.Process { return r.process }))
	}
	for i := range list {
		switch list[i].name {
		case "S":
			list[i].cell = stateLetter
		case "CMDLINE":
			list[i].spare = true
		}
	}
	return threadCells(append(list,
		waitColumn,
		column{name: "WITHHELD", quiet: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell {
			return render.Cell{Text: strings.TrimPrefix(withheld(r.process), "SIG"), Role: render.Alarm}
		}},
		column{
			name: "IPC", right: true, spare: true,
			key: func(d *Data, _ *render.View, r *row) render.Key { return render.OptKey(heldCount(d, r.process)) },
			cell: func(d *Data, v *render.View, r *row) render.Cell {
				if n, ok := heldCount(d, r.process).Get(); ok {
					return render.Cell{Text: strconv.Itoa(n)}
				}
				return render.Cell{Text: render.Unknown, Role: render.Dim}
			},
		},
		column{name: "PEERS", flex: true, cell: func(d *Data, v *render.View, r *row) render.Cell {
			return render.Cell{Text: peersText(d, r.process.PID, v.Wide)}
		}},
	))
})

// threadCells makes columns show a thread's own values in the rows of threads.
func threadCells(list []column) []column {
	for i := range list {
		shown, name := list[i].cell, list[i].name
		list[i].cell = func(d *Data, v *render.View, r *row) render.Cell {
			if r.thread != nil {
				if cell, own := ofThread(name, d, r); own {
					return cell
				}
			}
			return shown(d, v, r)
		}
	}
	return list
}

// heldCount returns how many objects a process holds; unknown if its descriptors could not
// be read.
func heldCount(d *Data, p *model.Process) model.Opt[int] {
	n := len(d.held.of(p.PID))
	if n == 0 && (!p.FDs.Known() || d.partial[p.PID]) {
		return model.Opt[int]{}
	}
	return model.Some(n)
}

// fromRender makes a column from one of package render.
func fromRender[T any](c render.Column[T], get func(*row) *T) column {
	out := column{
		name: c.Name, right: c.Right, least: c.Name == "PID", flex: c.Flex, spare: !slices.Contains(alwaysThere, c.Name),
		cell: func(_ *Data, v *render.View, r *row) render.Cell { return c.Text(v, get(r)) },
	}
	if c.Key != nil {
		out.key = func(_ *Data, v *render.View, r *row) render.Key { return c.Key(v, get(r)) }
	}
	if c.Name == "COMMAND" {
		shown := out.cell
		out.cell = func(d *Data, v *render.View, r *row) render.Cell {
			cell := shown(d, v, r)
			if r.path && r.process.Exe != "" {
				cell.Text = d.escape(r.process.Exe)
			}
			cell.Text = indented(r.branch, cell.Text)
			return cell
		}
	}
	if c.Name == "NAME" {
		shown := out.cell
		out.cell = func(d *Data, v *render.View, r *row) render.Cell {
			if repeatsID(r.object) {
				return render.Cell{}
			}
			return shown(d, v, r)
		}
	}
	return out
}

// address returns the column function for a socket's address: its addresses if its kind has
// them, else its name.
func address(columns []column) func(*Data, *render.View, *row) render.Cell {
	named := func(name string) *column {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		return &columns[i]
	}
	local, remote, name := named("LOCAL"), named("REMOTE"), named("NAME")
	return func(d *Data, v *render.View, r *row) render.Cell {
		c := local.cell(d, v, r)
		if c.Text == "" || c.Text == render.Unknown {
			return name.cell(d, v, r)
		}
		if far := remote.cell(d, v, r); far.Text != "" && far.Text != render.Unknown && !strings.HasSuffix(far.Text, ":*") {
			arrow := " → "
			if v.ASCII {
				arrow = " -> "
			}
			c.Text += arrow + far.Text
		}
		return c
	}
}

// holds says how processes hold an object: fd 3 rw, map rw.
func holds(d *Data, _ *render.View, r *row) render.Cell {
	var parts []string
	for i := range r.object.Holders {
		if part := holdOf(d, &r.object.Holders[i]); !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
		if len(parts) > 3 {
			parts = append(parts[:3], "...")
			break
		}
	}
	return render.Cell{Text: strings.Join(parts, ", ")}
}

// holdOf returns one holder record as text, without its process.
func holdOf(d *Data, h *model.Holder) string {
	text := string(h.Via)
	if fd, ok := h.FD.Get(); ok {
		text += " " + strconv.Itoa(int(fd))
	}
	if h.Access != "" {
		text += " " + string(h.Access)
	}
	if h.LockHold != nil {
		text += " " + d.escape(h.LockMode) + " " + d.escape(h.Range)
	}
	return text
}

// fewPartners is how many of a process's peers are named; the rest is only counted.
const fewPartners = 4

// stateLetter returns a process's state as ps shows it; the column WAITS FOR has it in words.
func stateLetter(d *Data, _ *render.View, r *row) render.Cell {
	c := render.Cell{Text: render.Truncate(d.escape(r.process.State), 1, "")}
	if halted(r.process) != "" {
		c.Role = render.Notice
	}
	return c
}

// halted says why a process cannot run; "" if it can.
func halted(p *model.Process) string {
	switch {
	case p.Frozen:
		return "frozen"
	case p.CoreDump:
		return "dumps core"
	case p.State == "T":
		return "stopped"
	case p.State == "Z":
		return "zombie"
	case p.Tracer != 0 && p.State == "t":
		return "traced"
	}
	return ""
}

// partner is a process with which another one communicates, and the channels between them.
type partner struct {
	pid   int
	comm  string
	kinds []model.Kind
	count map[model.Kind]int
}

// partners names the processes with which a process has a channel, and the channels:
// nginx(16) by 4 unix, 1 sysv-shm; php(12) by pipe. A file or terminal that several
// processes use does not count as a channel.
func partners(d *Data, pid int, all bool) string {
	var list []*partner
	at := map[int]*partner{}
	for _, l := range d.linked.of(pid) {
		if !communicates(l.Kind) {
			continue
		}
		seen := map[int]bool{pid: true}
		for end, pids := range [][]int{l.From, l.To} {
			comms := l.FromComm
			if end == 1 {
				comms = l.ToComm
			}
			for j, other := range pids {
				if seen[other] {
					continue
				}
				seen[other] = true
				p := at[other]
				if p == nil {
					p = &partner{pid: other, count: map[model.Kind]int{}}
					if j < len(comms) {
						p.comm = comms[j]
					}
					at[other] = p
					list = append(list, p)
				}
				if p.count[l.Kind]++; p.count[l.Kind] == 1 {
					p.kinds = append(p.kinds, l.Kind)
				}
			}
		}
	}
	parts := make([]string, 0, fewPartners)
	for i, p := range list {
		if i == fewPartners && !all {
			break
		}
		by := make([]string, len(p.kinds))
		for j, k := range p.kinds {
			by[j] = d.escape(string(k))
			if n := p.count[k]; n > 1 || len(p.kinds) > 1 {
				by[j] = strconv.Itoa(n) + " " + by[j]
			}
		}
		parts = append(parts, d.who(p.pid, p.comm)+" by "+strings.Join(by, ", "))
	}
	text := strings.Join(parts, "; ")
	if more := len(list) - len(parts); more > 0 {
		text += " +" + strconv.Itoa(more) + " more"
	}
	return text
}
