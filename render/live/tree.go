package live

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// toggleTree switches between the tree of processes and the plain list.
func (m *Model) toggleTree() {
	t := m.table()
	if screens[m.screen].list != listProcesses {
		m.setMessage(Dim, "Only processes have a tree: screens 2 and 7.")
		return
	}
	t.wanted.tree = !t.wanted.tree
	m.arrange()
	if t.wanted.tree {
		m.setMessage(Normal, "Children below their parents (t: list).")
	}
}

// branches are the lines that lead to a child: to one with further siblings, to the last
// one, and the text below each of them.
type branches struct{ child, last, below, blank string }

func branchesOf(ascii bool) branches {
	if ascii {
		return branches{"|- ", "`- ", "|  ", "   "}
	}
	return branches{"├─ ", "└─ ", "│  ", "   "}
}

// grow puts every process below its parent; processes whose parent is not shown are roots.
// Siblings keep their order. If parents form a cycle, as may be in a dump made by hand, all
// processes are still shown.
func (a *arrangement) grow() {
	sign := branchesOf(a.data.compactView.ASCII)
	shown := make(map[int]bool, len(a.rows))
	for i := range a.rows {
		shown[a.rows[i].process.PID] = true
	}
	children := make(map[int][]row, len(a.rows))
	var roots []row
	for _, r := range a.rows {
		if p := r.process; shown[p.PPID] && p.PPID != p.PID {
			children[p.PPID] = append(children[p.PPID], r)
		} else {
			roots = append(roots, r)
		}
	}
	rows := make([]row, 0, len(a.rows))
	done := make(map[*model.Process]bool, len(a.rows))
	var add func(r row, first, below string)
	add = func(r row, first, below string) {
		if done[r.process] {
			return
		}
		done[r.process] = true
		r.branch = first
		rows = append(rows, r)
		list := children[r.process.PID]
		for i, c := range list {
			if i < len(list)-1 {
				add(c, below+sign.child, below+sign.below)
			} else {
				add(c, below+sign.last, below+sign.blank)
			}
		}
	}
	for _, r := range roots {
		add(r, "", "")
	}
	for _, r := range a.rows {
		add(r, "", "")
	}
	a.rows = rows
}

// maxBranch limits how far a row is indented, so that deep names stay visible.
const maxBranch = 30

// indented returns a process's name after its branch.
func indented(branch, name string) string {
	if n := len([]rune(branch)); n > maxBranch {
		branch = strings.Repeat(" ", 2) + string([]rune(branch)[n-maxBranch+2:])
	}
	return branch + name
}
