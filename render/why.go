package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// whyWidth is the largest width of the text, so that it fits every terminal.
const whyWidth = 80

// Unwrapped is a width at which sentences are not wrapped, for text that a program reads or
// that is searched.
const Unwrapped = 1 << 20

// Why writes why processes are stuck, or who waits for objects: the chain from each
// blocked thread to its root cause, and what would release it. g is the graph of the
// view's snapshot; if it is nil, Why makes it.
func Why(w io.Writer, v *View, g *graph.Graph, matches []query.Match) error {
	t := newWhyText(v, g)
	for i, m := range matches {
		if i > 0 {
			t.b.WriteByte('\n')
		}
		if m.Process != nil {
			t.process(m.Process)
		} else {
			t.object(m.Object)
		}
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// WhyAll writes everything that is stuck, the worst first.
func WhyAll(w io.Writer, v *View, g *graph.Graph) error {
	t := newWhyText(v, g)
	shown := 0
	for i := range v.snap.Findings {
		f := &v.snap.Findings[i]
		if len(f.Chain) == 0 {
			continue // not about blocked threads
		}
		if shown > 0 {
			t.b.WriteByte('\n')
		}
		shown++
		t.finding(f)
	}
	if shown == 0 {
		t.nothing()
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// whyText is the state of writing the text.
type whyText struct {
	*View
	graph *graph.Graph
	width int
	waits string                  // the sign for "waits for"
	shown map[*model.Wait]bool    // waits that were explained already
	told  map[*model.Finding]bool // findings that were written already
	b     strings.Builder
}

func newWhyText(v *View, g *graph.Graph) *whyText {
	if g == nil {
		g = graph.New(v.index)
	}
	t := &whyText{View: v, graph: g, width: whyWidth, waits: "→", shown: map[*model.Wait]bool{}, told: map[*model.Finding]bool{}}
	switch {
	case v.Width == Unwrapped:
		t.width = Unwrapped
	case v.Width > 0:
		t.width = min(t.width, v.Width)
	}
	if v.ASCII {
		t.waits = ">"
	}
	return t
}

// para writes text after an indent, wrapped between words; further lines are indented
// deeper. A word that is too wide for a line is cut.
func (t *whyText) para(indent, text string, role Role) {
	deeper := strings.Repeat(" ", Width(indent)+2)
	lead := indent
	for _, line := range wrapWords(strings.Fields(t.escape(text)), max(t.width-Width(deeper), 1)) {
		line = Truncate(line, max(t.width-Width(lead), 0), t.glyph.more)
		t.b.WriteString(lead)
		if t.Color && role != Plain {
			line = sgr[role] + line + sgrReset
		}
		t.b.WriteString(line + "\n")
		lead = deeper
	}
}

// nothing says that nothing visible is stuck.
func (t *whyText) nothing() {
	s := t.snap
	waiting := 0
	for i := range s.Waits {
		if s.Waits[i].Confirmed {
			waiting++
		}
	}
	if unlooked := Unlooked(s); unlooked != "" {
		t.para("", "It is not known what is stuck: "+unlooked+".", Notice)
		return
	}
	if hidden := s.Scan.ProcessesUnreadable; hidden > 0 {
		t.para("", fmt.Sprintf("Nothing stuck in what could be seen (%d hidden).", hidden), Plain)
		return
	}
	t.para("", fmt.Sprintf("Nothing is stuck. %d of %d processes read; %s.", s.Scan.Processes, s.Scan.Processes,
		Counted(waiting, "waiting thread", "waiting threads")), Plain)
}

// finding writes a diagnosis with its chain and what can be done.
func (t *whyText) finding(f *model.Finding) {
	title := fmt.Sprintf("%s: %s (%s", f.Rule, f.Summary, f.Confidence)
	if !f.Since.IsZero() {
		title += ", since " + Age(t.snap.Taken, f.Since)
	}
	t.para("", title+")", map[model.Severity]Role{model.Critical: Alarm, model.Warning: Notice}[f.Severity])
	for i := range f.Chain {
		s := &f.Chain[i]
		w := t.graph.Waits[s.TID]
		if w == nil || w.PID != s.PID {
			t.para(" ", t.graph.Name(s.PID)+" "+s.Relation, Plain)
			continue
		}
		if f.Rule == databaseLock && i == len(f.Chain)-1 { // for the kernel this process is idle
			t.inDatabase(w, s)
			continue
		}
		next := t.graph.Waits[f.Chain[(i+1)%len(f.Chain)].TID]
		t.step(w, t.clauseFor(w, next, f))
	}
	if r := f.Root; r != nil && f.Rule != "self-wait" {
		t.para(" ", t.graph.Name(r.PID)+" "+r.Doing, Plain)
	}
	t.confidenceReasons(f)
	t.actions(f.Actions)
}

// clauseFor returns the clause of a wait that the next thread of a chain, or the root cause,
// should fulfil.
func (t *whyText) clauseFor(w, next *model.Wait, f *model.Finding) *graph.Clause {
	clauses := t.graph.Clauses(w)
	for i := range clauses {
		pids := t.graph.Releasers(&clauses[i], w)
		if next != nil && next != w && slices.Contains(pids, next.PID) || f.Root != nil && slices.Contains(pids, f.Root.PID) {
			return &clauses[i]
		}
	}
	if len(clauses) == 0 {
		return nil
	}
	return &clauses[0]
}

// step writes one thread of a chain: what it waits for, how that is known, and who could
// release it.
func (t *whyText) step(w *model.Wait, c *graph.Clause) {
	text := t.graph.Name(w.PID)
	if w.TID != w.PID {
		text += " thread " + model.PIDNumber(w.TID)
	}
	text += " " + t.graph.Wants(w)
	if ns, ok := w.BlockedFor.Get(); ok {
		text += ", for " + Duration(time.Duration(ns))
	}
	t.para(" ", text, Plain)
	if p := t.processes[w.PID]; p != nil && p.Title() != "" {
		t.para("     ", "its title: "+p.Title(), Dim)
	}
	e := t.graph.Evidence(w)
	t.para("     ", e.Source+": "+e.Text, Dim)
	t.earlier(w)
	t.para("   "+t.waits+" ", t.who(w, c), Plain)
}

// who says who could release a wait.
func (t *whyText) who(w *model.Wait, c *graph.Clause) string {
	if c == nil {
		return "it is not known who could release it"
	}
	var names []string
	for _, pid := range t.graph.Releasers(c, w) {
		names = append(names, t.graph.Name(pid))
	}
	if len(c.Processes) == 0 && len(c.Threads) == 1 && len(names) == 1 && t.processes[c.Threads[0]] == nil { // a thread other than the main one
		names[0] += " thread " + model.PIDNumber(c.Threads[0])
	}
	switch {
	case len(names) == 0 && c.Level == graph.External && len(c.Reasons) > 0:
		return c.Reasons[0]
	case len(names) == 0 && c.Level == graph.Proven:
		return "nobody else " + c.How
	case len(names) == 0 && slices.Contains(c.Processes, w.PID):
		return "no other visible process " + c.How + ": only the process itself could"
	case len(names) == 0 && len(c.Processes) == 1 && t.processes[c.Processes[0]] == nil:
		return "process " + model.PIDNumber(c.Processes[0]) + " " + c.How + "; it has ended or is not visible"
	case len(names) == 0:
		return "no visible process " + c.How
	case len(names) == 1 && (c.Level == graph.Proven || t.graph.OwnerKnown(c)):
		return "only " + names[0] + " " + c.How
	}
	if len(names) > 4 {
		return showFew(names, 4) + " " + c.How
	}
	return strings.Join(names, " or ") + " " + c.How
}

func (t *whyText) confidenceReasons(f *model.Finding) {
	for _, d := range Doubts(f) {
		t.para(" not certain: ", d, Dim)
	}
}

func (t *whyText) actions(list []model.Action) {
	for _, a := range list {
		t.para(" "+t.commandLabel("to end it:")+" ", QuoteAll(a.Argv)+" ("+a.Effect+riskWords[a.Risk]+")", Plain)
	}
}

// process writes why a process does not continue.
func (t *whyText) process(p *model.Process) {
	name := p.String()
	var stuck, idle []*model.Wait
	for i := range t.snap.Waits {
		w := &t.snap.Waits[i]
		switch {
		case w.PID != p.PID:
		case t.graph.Work(w) && !t.graph.Narrow(w) && !t.graph.HeldUp(w) && !t.found(p, w):
			idle = append(idle, w)
		default:
			stuck = append(stuck, w)
		}
	}
	slices.SortStableFunc(stuck, func(a, b *model.Wait) int {
		firm := func(w *model.Wait) int {
			if t.graph.Firm(w) {
				return 0
			}
			return 1
		}
		return cmp.Or(firm(a)-firm(b), cmp.Compare(b.BlockedFor.Or(0), a.BlockedFor.Or(0)))
	})
	end := t.graph.Doing(p.PID)
	asks := slices.IndexFunc(idle, func(w *model.Wait) bool { return t.graph.Asking(w) != nil })
	switch {
	case asks >= 0 && !end.Halts() && len(stuck) == 0:
		t.asks(idle[asks])
	case end.Halts(), len(stuck) == 0:
		t.para("", name+" "+end.Doing+".", Plain)
		if len(stuck) == 0 && end.Kind == graph.Idle {
			t.idle(idle, &end)
		}
	default:
		t.chains(stuck)
	}
	t.idleThreads(p, idle, len(stuck) > 0)
	t.findingsAbout(p.PID)
	t.waitersFor(p.PID)
}

// found reports whether a finding says that a thread is blocked, although the thread might
// also be waiting for work.
func (t *whyText) found(p *model.Process, w *model.Wait) bool {
	return p != nil && slices.ContainsFunc(t.snap.Findings, func(f model.Finding) bool {
		return slices.ContainsFunc(f.Chain, func(s model.Step) bool { return s.TID == w.TID }) ||
			f.Severity != model.Info && len(f.Chain) > 0 && slices.Contains(f.Victims, p.PID) && (p.Threads == 1 || waitsFor(w, f.Objects))
	})
}

// waitsFor reports whether a wait is for one of the objects.
func waitsFor(w *model.Wait, objects []string) bool {
	return slices.Contains(objects, w.Object) || slices.ContainsFunc(w.Objects, func(id string) bool { return slices.Contains(objects, id) })
}

// blamedForWaits reports whether a finding says that others wait for a process.
func (t *whyText) blamedForWaits(pid int) bool {
	return slices.ContainsFunc(t.snap.Findings, func(f model.Finding) bool {
		return f.Severity != model.Info && len(f.Chain) > 0 && f.Root != nil && f.Root.PID == pid
	})
}

// idleThreads says how many threads of a process wait for work, and for how many this is not
// known. It writes nothing for a single thread if there are no others.
func (t *whyText) idleThreads(p *model.Process, idle []*model.Wait, others bool) {
	n := len(idle)
	if n == 0 || n == 1 && !others {
		return
	}
	unclear := 0
	for _, w := range idle {
		if t.graph.Unclear(w) {
			unclear++
		}
	}
	if known := n - unclear; known > 0 {
		t.para(" ", fmt.Sprintf("%s for work.", threadsWait(known, max(p.Threads, n))), Dim)
	}
	if unclear > 0 {
		t.para(" ", fmt.Sprintf("%s for work or inside the application.", threadsWait(unclear, max(p.Threads, n))), Dim)
	}
}

// maxChains is the largest number of blocked threads of one process or object that are explained.
const maxChains = 5

// chains writes the chains of waits. If all of them were explained already, for example in the
// chain of another process, it only names the processes.
func (t *whyText) chains(list []*model.Wait) {
	if !slices.ContainsFunc(list, func(w *model.Wait) bool { return !t.shown[w] }) {
		var names []string
		for _, w := range list {
			if name := t.graph.Name(w.PID); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		t.para(" ", showFew(names, 6)+": see above", Plain)
		return
	}
	for i, w := range list {
		if i == maxChains {
			t.para(" ", fmt.Sprintf("and %s more", Counted(len(list)-i, "thread", "threads")), Dim)
			return
		}
		t.chain(t.graph.Chain(w))
	}
}

// chain writes a chain to its root cause, and what would release its first thread. It stops at
// a thread that was explained already.
func (t *whyText) chain(c graph.Chain) {
	for i := range c.Steps {
		w := c.Steps[i].Wait
		if t.shown[w] {
			if i > 0 {
				t.para(" ", t.graph.Name(w.PID)+": see above", Plain)
			}
			return
		}
		t.shown[w] = true
		t.step(w, c.Steps[i].Clause)
	}
	switch e := &c.End; {
	case c.Cycle >= 0:
		w := c.Steps[c.Cycle].Wait
		began := t.graph.Name(w.PID) + " is where the chain began"
		switch may := t.graph.MayAct(w); {
		case may != "":
			t.para(" ", began+"; "+may, Plain)
		case t.graph.Deadlocked(w):
			t.para(" ", began+": deadlock", Alarm)
		default:
			t.para(" ", began+t.noDeadlock(c.Steps[c.Cycle:]), Notice)
		}
	case e.Process != nil:
		t.para(" ", e.Process.String()+" "+e.Doing, Plain)
		t.inside(e)
	case len(c.Steps) == 0: // nothing is known about the thread, as may be in a dump
		t.para(" ", "the chain ends here: "+e.Doing, Plain)
	default:
		if s := c.Steps[len(c.Steps)-1]; t.who(s.Wait, s.Clause) != e.Doing {
			t.para(" ", "the chain ends here: "+e.Doing, Plain)
		}
	}
	if len(c.Steps) > 0 {
		last := c.Steps[0].Wait
		t.para(" resumes when: ", t.graph.Release(last), Plain)
	}
}

// noDeadlock says why threads that wait for each other are not called deadlocked: a signal
// may release one of them, or none of them withholds anything from the others.
func (t *whyText) noDeadlock(steps []graph.Step) string {
	for i := range steps {
		p := t.processes[steps[i].Wait.PID]
		if catches, names := t.graph.Catches(p); catches == graph.CatchesSignals && len(names) > 0 {
			return ": a deadlock, unless " + p.String() + " acts when a signal comes: it catches " + showFew(names, 3)
		}
	}
	return "; none of them holds what the others need: they may be idle"
}

// idle says that a process is idle, and what it waits for unless that was written already.
func (t *whyText) idle(list []*model.Wait, end *graph.End) {
	if len(list) > 0 && t.graph.Wants(list[0]) != end.Doing {
		w := list[0]
		text := t.graph.Name(w.PID) + " " + t.graph.Wants(w)
		if ns, ok := w.BlockedFor.Get(); ok {
			text += ", for " + Duration(time.Duration(ns))
		}
		t.para(" ", text, Plain)
	}
	if len(list) > 0 {
		t.earlier(list[0])
	}
	if len(list) > 0 && t.graph.Stuck(list[0], graph.Unlikely) != nil {
		t.para(" ", "Only a signal could wake it: all threads that could release it wait for it, directly or not.", Notice)
		t.inside(end)
		return
	}
	if len(list) > 0 && t.waitsForItself(list[0]) {
		t.para(" ", "Nobody else is known to be able to wake it; a signal handler might.", Notice)
		t.inside(end)
		return
	}
	if len(list) > 0 && t.graph.Unclear(list[0]) {
		t.para(" ", "This is how programs wait for work, but also for each other.", Plain)
		t.inside(end)
		return
	}
	if end.Process != nil && t.blamedForWaits(end.Process.PID) {
		t.para(" ", "This is how programs wait for work, but others wait for this one.", Plain)
		t.inside(end)
		return
	}
	t.para(" ", "This is how programs wait for work: it is idle.", Plain)
}

// waitsForItself reports whether a thread waits for its own process, in which no other thread can act.
func (t *whyText) waitsForItself(w *model.Wait) bool {
	c := t.graph.Stuck(w, graph.Incomplete)
	return c != nil && slices.Equal(c.Processes, []int{w.PID})
}

// findingsAbout writes the findings about a process, with the possible actions, unless they were
// written before.
func (t *whyText) findingsAbout(pid int) {
	for i := range t.snap.Findings {
		f := &t.snap.Findings[i]
		if len(f.Chain) == 0 || t.told[f] || !slices.Contains(f.PIDs, pid) {
			continue
		}
		t.told[f] = true
		t.para(" found: ", fmt.Sprintf("%s: %s (%s)", f.Rule, f.Summary, f.Confidence), Notice)
		t.confidenceReasons(f)
		t.actions(f.Actions)
	}
}

// waitersFor says who waits for a process.
func (t *whyText) waitersFor(pid int) {
	var names []string
	for i := range t.snap.Waits {
		w := &t.snap.Waits[i]
		if w.PID == pid || t.graph.Work(w) || !t.graph.BlockedBy(w, pid) {
			continue
		}
		if name := t.graph.Name(w.PID); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		t.para(" waiting for it: ", showFew(names, 6), Plain)
	}
}
