package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// object writes who waits for an object, and why.
func (t *whyText) object(o *model.Object) {
	var stuck, held, unclear, idle []*model.Wait
	told := false
	if graph.Listening(o) {
		told = t.unaccepted(o)
	}
	around := t.graph.Around(o)
	waits := around.Waits()
	for _, w := range waits {
		switch {
		case !t.graph.Work(w) || t.graph.Narrow(w):
			stuck = append(stuck, w)
		case graph.Listening(o) && t.graph.Asking(w) == o:
			// A client whose connection waits to be accepted: unaccepted writes about it.
		case around.Halted(w) != nil:
			held = append(held, w)
		case t.found(t.processes[w.PID], w):
			stuck = append(stuck, w)
		case t.graph.Unclear(w) && !t.graph.Serves(w) && !(graph.Listening(o) && t.graph.AtListener(w, o)):
			unclear = append(unclear, w)
		default:
			idle = append(idle, w)
		}
	}
	name := idAndName(o)
	if len(waits) == 0 && !told {
		t.para("", "Nobody waits for "+name+".", Plain)
	}
	if told { // the processes that could accept were explained already
		stuck = slices.DeleteFunc(stuck, func(w *model.Wait) bool { return t.shown[w] })
	}
	if len(stuck) > 0 {
		what := name
		if graph.Listening(o) {
			what += ", or at a connection to it"
		}
		t.para("", fmt.Sprintf("%s for %s.", Counted(len(stuck), "thread waits", "threads wait"), what), Plain)
		t.chains(stuck)
	}
	t.heldUp(held, around, o)
	if len(unclear) > 0 {
		t.para("", fmt.Sprintf("%s at %s: %s. This is how programs wait for work, but also for each other.",
			Counted(len(unclear), "thread waits", "threads wait"), t.where(o), t.names(unclear)), Plain)
	}
	if len(idle) > 0 {
		t.para("", fmt.Sprintf("%s for work at %s, as idle programs do.", Counted(len(idle), "thread waits", "threads wait"), name), Plain)
	}
}

// idAndName returns the id of an object with its name.
func idAndName(o *model.Object) string {
	if o.Name != "" && o.Name != o.ID {
		return o.ID + " (" + o.Name + ")"
	}
	return o.ID
}

// where says at what the waiters of an object wait: for a listening socket these are its clients.
func (t *whyText) where(o *model.Object) string {
	if graph.Listening(o) {
		return "the other ends of connections to " + idAndName(o)
	}
	return idAndName(o)
}

// names names the processes of some waits.
func (t *whyText) names(list []*model.Wait) string {
	var names []string
	for _, w := range list {
		if name := t.graph.Name(w.PID); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return showFew(names, 6)
}

// heldUp writes which threads look idle, but cannot get work because all processes that could
// provide it are halted.
func (t *whyText) heldUp(list []*model.Wait, around *graph.Surroundings, o *model.Object) {
	var order []string
	by := map[string][]*model.Wait{}
	var pids []int
	for _, w := range list {
		halted := around.Halted(w)
		var who []string
		for _, pid := range halted {
			end := t.graph.Doing(pid)
			who = append(who, t.graph.Name(pid)+", which "+end.Doing)
			if !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
		key := strings.Join(who, ", or ")
		if by[key] == nil {
			order = append(order, key)
		}
		by[key] = append(by[key], w)
	}
	for _, key := range order {
		t.para("", fmt.Sprintf("%s at %s for %s: %s.", Counted(len(by[key]), "thread waits", "threads wait"), idAndName(o), key, t.names(by[key])), Plain)
	}
	for _, pid := range pids {
		t.findingsAbout(pid)
	}
}

// asks writes what a thread does whose connection waits to be accepted.
func (t *whyText) asks(w *model.Wait) {
	text := t.graph.Name(w.PID) + " " + t.graph.Wants(w)
	if ns, ok := w.BlockedFor.Get(); ok {
		text += ", for " + Duration(time.Duration(ns))
	}
	t.para("", text+"; its connection waits to be accepted.", Plain)
	t.earlier(w)
	t.unaccepted(t.graph.Asking(w))
}

// unaccepted writes how many connections to a listening socket wait to be accepted, to
// which processes they belong, and what the processes do that could accept them. It
// reports whether there are any.
func (t *whyText) unaccepted(l *model.Object) bool {
	asking := t.graph.Unaccepted(l)
	n := len(asking)
	switch d := l.Detail.(type) {
	case *model.UnixDetail:
		n = max(n, int(d.Backlog.Or(0)))
	case *model.InetDetail:
		n = max(n, int(d.Backlog.Or(0)))
	}
	if n == 0 {
		return false
	}
	text := fmt.Sprintf("%s to be accepted at %s", Counted(n, "connection waits", "connections wait"), idAndName(l))
	var whose []int
	for _, o := range asking {
		whose = append(whose, t.holdersOf(o)...)
	}
	if len(whose) > 0 {
		text += ": of " + showFew(t.pidNames(slices.Sorted(slices.Values(whose))), 6)
	}
	t.para("", text+".", Plain)
	could := t.holdersOf(l)
	slices.SortStableFunc(could, func(a, b int) int {
		rank := func(pid int) int {
			if end := t.graph.Doing(pid); end.Halts() {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	switch len(could) {
	case 0:
		t.para(" ", "No visible process could accept them.", Notice)
	case 1:
		end := t.graph.Doing(could[0])
		only := "the only visible process"
		if l.HoldersComplete {
			only = "the only process"
		}
		t.para(" ", fmt.Sprintf("%s that could accept them, %s, %s", only, t.graph.Name(could[0]), end.Doing), Plain)
		if w := t.graph.Waits[end.TID]; w != nil && end.Kind == graph.Stuck {
			t.chain(t.graph.Chain(w))
		} else {
			t.inside(&end)
		}
	default:
		var doing []string
		for _, pid := range could {
			end := t.graph.Doing(pid)
			doing = append(doing, t.graph.Name(pid)+" "+end.Doing)
		}
		t.para(" could accept them: ", showFewBy(doing, 4, "; "), Plain)
	}
	for _, pid := range could {
		if end := t.graph.Doing(pid); end.Halts() {
			t.findingsAbout(pid)
		}
	}
	return true
}

// holdersOf returns the processes that hold an object.
func (t *whyText) holdersOf(o *model.Object) []int {
	var pids []int
	for i := range o.Holders {
		if pid := int(o.Holders[i].PID); pid != 0 && t.processes[pid] != nil && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// pidNames names processes, each once.
func (t *whyText) pidNames(pids []int) []string {
	var names []string
	for _, pid := range pids {
		if name := t.graph.Name(pid); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
