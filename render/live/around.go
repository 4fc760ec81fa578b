package live

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// maxHops is the largest distance from the selected thing at which its surroundings are drawn.
const maxHops = 3

// openRelations shows the surroundings of the selected thing on the full screen. The same key
// again adds one hop; after the last one it starts over with the nearest only.
func (m *Model) openRelations() {
	if p := m.page(); p != nil && p.kind == pageRelations && m.data != nil {
		p.hops = p.hops%maxHops + 1
		p.title = m.nameOf(m.data.find(p.about)) + hopsTitle(p.hops)
		m.refreshPage()
		return
	}
	m.openAbout(pageRelations)
}

func hopsTitle(hops int) string {
	return ", " + render.Counted(hops, "hop", "hops") + " (g: " + strconv.Itoa(hops%maxHops+1) + ")"
}

// surroundings draws the relations of a thing, then the chain of waits from there to the
// root cause, and the processes around it as a tree.
func surroundings(d *Data, r row, hops int) []Line {
	lines := relations(d, r, 1<<30)
	starts := r.around()
	if chain := followed(d, starts); len(chain) > 0 {
		lines = append(append(lines, Line{}, text(Heading, "Waits for")), chain...)
	}
	a := around{d: d, hops: hops, seen: map[int]bool{}}
	for _, pid := range starts {
		a.seen[pid] = true
	}
	for _, pid := range starts {
		if p := d.process(pid); p != nil && len(d.linked.of(pid)) > 0 {
			a.lines = append(a.lines, text(Normal, " "+d.who(pid, "")))
			a.from(pid, 1, " ")
		}
	}
	if len(a.lines) > 0 {
		lines = append(append(lines, Line{}, text(Heading, "Talks with")), a.lines...)
	}
	return lines
}

// around returns the processes that a row is about, as the start of its surroundings.
func (r row) around() []int {
	switch {
	case r.process != nil:
		return []int{r.process.PID}
	case r.object != nil:
		return holdersOf(r.object)
	case r.problem != nil && r.problem.finding != nil:
		return r.problem.finding.PIDs
	}
	return nil
}

// followed follows the waits of processes to their root causes: for whom each process
// waits, and for whom that one waits.
func followed(d *Data, pids []int) []Line {
	var lines []Line
	seen := map[int]bool{}
	for _, start := range pids {
		depth := 0
		for pid := start; ; depth++ {
			w, ok := waitOf(d, pid)
			indent := strings.Repeat("  ", depth)
			name := d.who(pid, "")
			switch {
			case seen[pid] && depth > 0:
				lines = append(lines, text(Warn, " "+indent+name+" (above)"))
			case seen[pid]:
			case !ok && depth == 0:
			case !ok:
				lines = append(lines, text(Normal, " "+indent+name+" "+doing(d, pid)))
			default:
				lines = append(lines, text(Normal, " "+indent+name+" "+waitText(d, w)))
			}
			if seen[pid] || !ok || w.Idle || len(w.Blockers) == 0 {
				seen[pid] = true
				break
			}
			seen[pid] = true
			pid = w.Blockers[0].PID
		}
	}
	return lines
}

// doing says what a process does that does not wait.
func doing(d *Data, pid int) string {
	p := d.process(pid)
	switch {
	case p == nil:
		return "is not there"
	case p.Tracer != 0:
		return "is traced by " + d.who(p.Tracer, "")
	case p.Frozen:
		return "is frozen"
	case p.State == "T":
		return "is stopped"
	case p.State == "R":
		return "runs"
	case p.State == "Z":
		return "has ended"
	case p.State == "D":
		return "waits for a device"
	}
	return "is not seen to wait for anything"
}

// around draws processes and the channels between them as a tree.
type around struct {
	d     *Data
	hops  int
	seen  map[int]bool
	lines []Line
}

// from draws the processes with which a process is connected. A process that was drawn
// before is only named and not followed again.
func (a *around) from(pid, hop int, indent string) {
	if hop > a.hops {
		return
	}
	type end struct {
		pid   int
		comm  string
		arrow string
		link  *model.Link
	}
	var ends []end
	for _, l := range a.d.linked.of(pid) {
		for side, pids := range [][]int{l.To, l.From} {
			comms, arrow := l.ToComm, a.arrow(side == 0, l.BothWays)
			if side == 1 {
				comms = l.FromComm
			}
			if !slices.Contains([][]int{l.From, l.To}[side], pid) {
				continue
			}
			for j, other := range pids {
				if other != pid && !slices.ContainsFunc(ends, func(e end) bool { return e.pid == other && e.link == l }) {
					ends = append(ends, end{other, at(comms, j), arrow, l})
				}
			}
		}
	}
	sign := branchesOf(a.d.compactView.ASCII)
	for i, e := range ends {
		branch, below := sign.child, sign.below
		if i == len(ends)-1 {
			branch, below = sign.last, sign.blank
		}
		var l Line
		l.add(Dim, indent+branch)
		l.add(KeyName, e.arrow+" ")
		l.add(Normal, a.d.who(e.pid, e.comm))
		l.add(Dim, " through "+a.d.escape(e.link.Object))
		again := a.seen[e.pid]
		if again {
			l.add(Dim, " (above)")
		}
		a.seen[e.pid] = true
		a.lines = append(a.lines, l)
		if !again {
			a.from(e.pid, hop+1, indent+below)
		}
	}
}

func (a *around) arrow(to, both bool) string {
	switch ascii := a.d.compactView.ASCII; {
	case both && ascii:
		return "<=>"
	case both:
		return "⇄"
	case to && ascii:
		return "->"
	case to:
		return "→"
	case ascii:
		return "<-"
	}
	return "←"
}

// at returns element n of a list; "" if the list is shorter.
func at(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return ""
}
