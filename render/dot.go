package render

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// hubAbove is the number of edges above which a channel gets a node of its own. Then
// twenty processes that share memory need twenty edges and not 190.
const hubAbove = 3

// writeDOT writes the graph of processes for Graphviz. The nodes are processes, the edges
// are the channels between them. A dashed edge leads from a blocked process to one that
// could release it; a process that waits for work does not count as blocked.
func writeDOT(w io.Writer, v *View, links []*model.Link, waits []model.Wait) error {
	b := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintln(b, "digraph ipctop {")
	fmt.Fprintln(b, "  node [shape=box, style=rounded];")
	known := map[int]bool{}
	clusters := make([][]int, len(v.snap.Hosts)) // by host: its processes
	node := func(pid int, comm string) {
		if known[pid] {
			return
		}
		known[pid] = true
		fmt.Fprintf(b, "  p%d [label=%s];\n", pid, dotString(v, v.nameOf(pid, comm), model.PIDNumber(pid)))
		if place, _ := model.HostOfPID(pid); place > 0 && place <= len(clusters) {
			clusters[place-1] = append(clusters[place-1], pid)
		}
	}
	for i := range links {
		l := links[i]
		for j, pid := range l.From {
			node(pid, at(l.FromComm, j))
		}
		for j, pid := range l.To {
			node(pid, at(l.ToComm, j))
		}
		writeEdges(b, v, l)
	}
	for i := range waits {
		wait := &waits[i]
		if !wait.Confirmed || wait.Idle {
			continue
		}
		for _, r := range wait.Blockers {
			if r.PID == wait.PID {
				continue
			}
			node(wait.PID, "")
			node(r.PID, r.Comm)
			fmt.Fprintf(b, "  p%d -> p%d [label=%s, style=dashed, color=red];\n", wait.PID, r.PID, dotString(v, wait.Call, cmp.Or(wait.Object, wait.Needs)))
		}
	}
	writeClusters(b, v, clusters)
	fmt.Fprintln(b, "}")
	return b.Flush()
}

// writeClusters draws a box around the processes of each host.
func writeClusters(b *bufio.Writer, v *View, clusters [][]int) {
	for i, pids := range clusters {
		if len(pids) == 0 {
			continue
		}
		fmt.Fprintf(b, "  subgraph cluster_host%d {\n    label=%s;\n   ", i+1, dotString(v, v.snap.Hosts[i].Name))
		for _, pid := range pids {
			fmt.Fprintf(b, " p%d;", pid)
		}
		fmt.Fprint(b, "\n  }\n")
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func writeEdges(b *bufio.Writer, v *View, l *model.Link) {
	label := dotString(v, string(l.Kind), l.Object)
	direction := v.thickness(l.Object)
	if l.BothWays {
		direction += ", dir=both"
	}
	if len(l.From)*len(l.To) > hubAbove {
		hub := dotString(v, l.Object)
		fmt.Fprintf(b, "  %s [label=%s, shape=ellipse, style=solid];\n", hub, label)
		reached := map[int]bool{}
		for _, pid := range l.From {
			reached[pid] = l.BothWays
			fmt.Fprintf(b, "  p%d -> %s [label=\"\"%s];\n", pid, hub, direction)
		}
		for _, pid := range l.To {
			if !reached[pid] {
				fmt.Fprintf(b, "  %s -> p%d [label=\"\"%s];\n", hub, pid, direction)
			}
		}
		return
	}
	for _, from := range l.From {
		for _, to := range l.To {
			if from == to || l.BothWays && from > to && contains(l.To, from) && contains(l.From, to) {
				continue
			}
			fmt.Fprintf(b, "  p%d -> p%d [label=%s%s];\n", from, to, label, direction)
		}
	}
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

// dotString quotes lines of text for DOT, where a backslash begins an escape.
func dotString(v *View, lines ...string) string {
	for i, l := range lines {
		l = v.escape(l)
		l = strings.ReplaceAll(l, `\`, `\\`)
		lines[i] = strings.ReplaceAll(l, `"`, `\"`)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
