package live

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// This file has the actions that change the machine. The model only asks for them, by
// effects, and only after the user has confirmed.

// mayAct reports whether the machine may be changed; if not, it tells the user why.
func (m *Model) mayAct() bool {
	switch {
	case m.settings.Source != "":
		m.setMessage(Warn, "This is a "+m.still()+": there is nothing to act on.")
	case m.settings.ReadOnly:
		m.setMessage(Warn, "Read-only: ipctop was started with --readonly.")
	case m.settings.Powerless != "":
		m.setMessage(Warn, "Read-only: "+m.escape(m.settings.Powerless)+".")
	case m.data == nil:
		m.setMessage(Dim, "Nothing has been read yet.")
	default:
		return true
	}
	return false
}

// target returns the process that a row is about: the process itself, the root of a
// finding, the only holder of an object.
func (m *Model) target(r row) *model.Process {
	switch {
	case r.problem != nil && r.problem.finding != nil && r.problem.finding.Root != nil:
		return m.data.process(r.problem.finding.Root.PID)
	case r.process != nil:
		return r.process
	}
	if r = r.subject(m.data); r.object != nil {
		if pids := holdersOf(r.object); len(pids) == 1 {
			return m.data.process(pids[0])
		}
		return nil
	}
	return r.process
}

// targets returns the tagged processes, else the one of the selected row or of the page.
func (m *Model) targets() []*model.Process {
	var list []*model.Process
	for id := range m.tagged {
		if p := m.target(m.data.find(id)); p != nil && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if len(list) > 0 {
		slices.SortFunc(list, func(a, b *model.Process) int { return a.PID - b.PID })
		return list
	}
	r := m.selected()
	if p := m.page(); p != nil {
		r = m.data.find(p.about)
	}
	if r == (row{}) {
		return nil
	}
	if p := m.target(r); p != nil {
		return []*model.Process{p}
	}
	return nil
}

// chooseSignal opens the list of signals. From now on the processes are held by pidfds.
func (m *Model) chooseSignal(targets []*model.Process) {
	var ids []Ident
	for _, p := range targets {
		ids = append(ids, Ident{PID: p.PID, Start: p.StartTicks})
	}
	what := m.data.who(targets[0].PID, targets[0].Comm)
	if len(targets) > 1 {
		what = render.Counted(len(targets), "process", "processes")
	}
	n := &menu{title: "Send a signal to " + what, closed: func(m *Model) { m.addEffect(LetGo{}) }, chosen: func(m *Model, signal string) {
		m.confirmSignal(signal, what)
	}}
	for _, name := range signalMenu() {
		n.items = append(n.items, choice{name, signalLine(name, targets)})
	}
	m.addEffect(Aim{ids})
	m.menu = n
	m.keepMenuVisible()
}

// usualSignals come first in the list, with their effect on a process without a handler.
var usualSignals = []struct{ name, does string }{
	{"SIGTERM", "asks it to end"},
	{"SIGINT", "as Ctrl-C"},
	{"SIGHUP", "its terminal is gone; daemons read their configuration again"},
	{"SIGQUIT", "ends it with a core file"},
	{"SIGKILL", "ends it; it cannot clean up"},
	{"SIGSTOP", "stops it"},
	{"SIGCONT", "continues it"},
}

// signalMenu lists the signals: the usual ones, then the others by number.
func signalMenu() []string {
	var names []string
	for _, s := range usualSignals {
		names = append(names, s.name)
	}
	for n := 1; n <= model.MaxSignal; n++ {
		if name := model.SignalName(n); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// reachFirst are the signals that reach the first process of a pid namespace without a
// handler.
var reachFirst = []string{"SIGKILL", "SIGSTOP", "SIGCONT"}

// signalLine returns the line of a signal in the menu, with its effect if the masks show
// it.
func signalLine(name string, targets []*model.Process) string {
	line := name
	for _, s := range usualSignals {
		if s.name == name {
			line += strings.Repeat(" ", 12-len(name)) + s.does
		}
	}
	var blocked, ignored, first int
	for _, p := range targets {
		if p.Signals == nil {
			continue
		}
		if slices.Contains(p.Signals.Ignored, name) {
			ignored++
		} else if p.Blocks(name) {
			blocked++
		} else if p.FirstOfNamespace() && !slices.Contains(reachFirst, name) && !slices.Contains(p.Signals.Caught, name) {
			first++
		}
	}
	for _, c := range []struct {
		n    int
		does string
	}{{ignored, "ignores it"}, {blocked, "blocks it: no effect now"}, {first, "is the first of its pid namespace and has no handler: no effect"}} {
		switch {
		case c.n > 0 && len(targets) == 1:
			line += " (the process " + c.does + ")"
		case c.n > 0:
			line += " (" + strconv.Itoa(c.n) + ": " + c.does + ")"
		}
	}
	return line
}

// aimed handles the answer whether the processes are held. If one of them is not, no signal
// is sent to any.
func (m *Model) aimed(e Aimed) {
	if e.Err == nil {
		return
	}
	m.menu, m.prompt = nil, prompt{}
	m.setMessage(Critical, m.escape(e.Err.Error()))
}

// removeSelected asks whether to remove the selected object, if a finding says that it is an
// orphan.
func (m *Model) removeSelected() {
	if !m.mayAct() {
		return
	}
	r, ok := m.subject()
	if !ok {
		return
	}
	o := r.object
	if o == nil || !m.orphan(o.ID) {
		m.setMessage(Warn, "Del removes only what a finding reports as left behind: "+m.nameOf(r)+" is not.")
		return
	}
	m.confirmRemove(o)
}

// orphan reports whether a finding says that nobody uses an object any more.
func (m *Model) orphan(id string) bool {
	return slices.ContainsFunc(m.data.Snap.Findings, func(f model.Finding) bool {
		return strings.HasPrefix(f.Rule, "orphan-") && slices.Contains(f.Objects, id)
	})
}

func (m *Model) done(e Done) {
	if e.Err != nil {
		m.setMessage(Critical, m.escape(e.Err.Error()))
		return
	}
	m.setMessage(Normal, e.What+": done.")
}
