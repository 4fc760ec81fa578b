package live

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// act offers actions for the selected row: for a finding its actions, each with what it
// releases; for a process a signal; for an object the user first chooses one of its
// processes.
func (m *Model) act() {
	if !m.mayAct() {
		return
	}
	if f := m.finding(); f != nil && len(m.tagged) == 0 {
		m.chooseAction(f)
		return
	}
	if targets := m.targets(); len(targets) > 0 {
		m.chooseSignal(targets)
		return
	}
	r := m.selected()
	if p := m.page(); p != nil {
		r = m.data.find(p.about)
	}
	switch s := r.subject(m.data); {
	case r == (row{}):
		m.setMessage(Dim, "Nothing is selected.")
	case s.object == nil:
		m.setMessage(Dim, "There is no process here to send a signal to.")
	case len(holdersOf(s.object)) == 0:
		m.setMessage(Dim, m.nameOf(s)+" has no visible holder.")
	default:
		m.chooseHolder(s.object)
	}
}

// chooseHolder asks which of an object's processes is meant.
func (m *Model) chooseHolder(o *model.Object) {
	n := &menu{title: "Send a signal to which process of " + m.data.compactView.ObjectName(o), chosen: func(m *Model, value string) {
		pid, _ := strconv.Atoi(value)
		if p := m.data.process(pid); p != nil {
			m.chooseSignal([]*model.Process{p})
			return
		}
		m.setMessage(Warn, "Process "+value+" has ended.")
	}}
	for _, pid := range holdersOf(o) {
		if m.data.process(pid) != nil {
			n.items = append(n.items, choice{strconv.Itoa(pid), m.data.who(pid, "")})
		}
	}
	if len(n.items) == 0 {
		m.setMessage(Dim, "All of its processes have ended.")
		return
	}
	m.menu = n
	m.keepMenuVisible()
}

// otherSignal is the line in the menu of actions that opens the list of signals.
const otherSignal = "signal"

// chooseAction offers a finding's actions.
func (m *Model) chooseAction(f *model.Finding) {
	n := &menu{title: "What to do: " + m.escape(f.Rule), chosen: func(m *Model, value string) {
		if i, err := strconv.Atoi(value); err == nil {
			m.perform(f, f.Actions[i])
			return
		}
		m.chooseSignal(m.concerned(f))
	}}
	for i, a := range f.Actions {
		n.items = append(n.items, choice{strconv.Itoa(i), render.QuoteAll(a.Argv) + "   " + m.escape(a.Effect) + riskNote(a.Risk)})
	}
	if list := m.concerned(f); len(list) > 0 {
		n.items = append(n.items, choice{otherSignal, "another signal to " + m.data.who(list[0].PID, "")})
	}
	if len(n.items) == 0 {
		m.setMessage(Dim, "No action from outside helps. ? explains "+m.escape(f.Rule)+".")
		return
	}
	m.menu = n
	m.keepMenuVisible()
}

// riskNote describes the risk of an action.
func riskNote(risk string) string {
	switch risk {
	case "loses-data":
		return " (loses data)"
	case "ends-process":
		return " (ends the process)"
	}
	return ""
}

// concerned returns the process that a finding is about: its root cause, else the first of
// its processes that still exists.
func (m *Model) concerned(f *model.Finding) []*model.Process {
	var pids []int
	if f.Root != nil {
		pids = append(pids, f.Root.PID)
	}
	for _, pid := range append(append(pids, f.PIDs...), f.Victims...) {
		if p := m.data.process(pid); p != nil {
			return []*model.Process{p}
		}
	}
	return nil
}

// perform asks whether to carry out an action. A command that is neither a signal nor a
// removal is copied, to be run in a shell.
func (m *Model) perform(f *model.Finding, a model.Action) {
	if signal, pid, ok := killOf(a.Argv); ok {
		p := m.data.process(pid)
		if p == nil {
			m.setMessage(Warn, "Process "+strconv.Itoa(pid)+" has ended.")
			return
		}
		m.addEffect(Aim{[]Ident{{PID: p.PID, Start: p.StartTicks}}})
		m.confirmSignal(signal, m.data.who(pid, ""))
		return
	}
	for _, id := range f.Objects {
		if o := m.data.object(id); o != nil && m.orphan(id) {
			m.confirmRemove(o)
			return
		}
	}
	what := render.QuoteAll(a.Argv)
	m.addEffect(Copy{what})
	m.setMessage(Normal, "Copied, to be run in a shell: "+what)
}

// killOf parses a command of the form kill [-SIGNAL] PID.
func killOf(argv []string) (signal string, pid int, ok bool) {
	if len(argv) < 2 || argv[0] != "kill" {
		return "", 0, false
	}
	signal = "SIGTERM"
	if len(argv) == 3 && strings.HasPrefix(argv[1], "-") {
		signal = "SIG" + strings.TrimPrefix(strings.TrimPrefix(argv[1], "-"), "SIG")
	} else if len(argv) != 2 {
		return "", 0, false
	}
	pid, err := strconv.Atoi(argv[len(argv)-1])
	return signal, pid, err == nil && pid > 0 && slices.Contains(signalMenu(), signal)
}

// confirmSignal asks before a signal is sent to the held processes.
func (m *Model) confirmSignal(signal, what string) {
	m.confirm("Send "+signal+" to "+what+"?",
		func(m *Model) { m.addEffect(Fire{signal, signal + " to " + what}) },
		func(m *Model) { m.addEffect(LetGo{}); m.setMessage(Normal, "Nothing was sent.") })
}

// confirmRemove asks before an object is removed.
func (m *Model) confirmRemove(o *model.Object) {
	what := m.data.escape(o.ID)
	m.confirm("Remove "+what+" and what is in it?",
		func(m *Model) { m.addEffect(Remove{o, what}) },
		func(m *Model) { m.setMessage(Normal, "Nothing was removed.") })
}
