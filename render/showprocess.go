package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

func (t *showText) process(x *model.Index, p *model.Process) {
	title := t.who(x, p.PID, p.Comm)
	if p.Exe != "" {
		title += "  " + t.esc(p.Exe)
	}
	t.line("%s", title)
	t.processIdentity(x, p)
	t.placement(x, p)
	t.signals(p)
	t.threads(p)
	t.processObjects(x, p)
	t.waits(x, func(w *model.Wait) bool { return w.PID == p.PID })
	t.findings(func(f *model.Finding) bool { return slices.Contains(f.PIDs, p.PID) }, x)
}

// showStates are the letters of /proc/PID/stat in words.
var showStates = map[string]string{
	"R": "running", "S": "sleeping", "D": "in uninterruptible sleep", "T": "stopped", "t": "stopped by a tracer",
	"Z": "zombie: it has ended, its parent has not yet asked for its status", "X": "dead", "I": "idle kernel thread",
}

func (t *showText) processIdentity(x *model.Index, p *model.Process) {
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	pid := model.PIDNumber(p.PID)
	if len(p.NSPIDs) > 0 {
		pid += fmt.Sprintf(" (inside its pid namespace %d)", p.NSPIDs[len(p.NSPIDs)-1])
	}
	add("pid", pid)
	if p.Comm != p.Name() {
		add("command name", t.esc(p.Comm))
	}
	add("command line", t.esc(strings.Join(p.Cmdline, " ")))
	state := t.esc(p.State)
	if words := showStates[p.State]; words != "" {
		state += " (" + words + ")"
	}
	add("state", state)
	var notes []string
	for note, is := range map[string]bool{
		"kernel thread": p.Kernel, "frozen": p.Frozen, "dumping core": p.CoreDump, "this ipctop": p.Self,
	} {
		if is {
			notes = append(notes, note)
		}
	}
	slices.Sort(notes)
	add("is", strings.Join(notes, ", "))
	if !p.StartTime.IsZero() {
		add("started", showTime(p.StartTime))
	}
	if p.PPID != 0 {
		add("parent", t.who(x, p.PPID, ""))
	}
	if p.Tracer != 0 {
		add("traced by", t.who(x, p.Tracer, ""))
	}
	add("group, session", fmt.Sprintf("%d, %d", p.PGID, p.SID))
	add("terminal", t.esc(p.TTY))
	if uid, ok := p.UID.Get(); ok {
		add("user", strings.TrimSpace(t.esc(p.User)+" (uid "+strconv.Itoa(uid)+")"))
	}
	add("threads", strconv.Itoa(p.Threads))
	if n, ok := p.FDs.Get(); ok {
		add("descriptors", strconv.Itoa(n))
	}
	t.table(rows)
}

// placement writes where a process runs: container, unit, namespaces.
func (t *showText) placement(x *model.Index, p *model.Process) {
	var rows [][]string
	if c := p.Container; c != nil {
		rows = append(rows, []string{"container", strings.TrimSpace(t.esc(c.Name) + " " + t.esc(c.ID))})
		if c.Pod != "" {
			rows = append(rows, []string{"pod", t.esc(strings.TrimPrefix(c.PodNamespace+"/"+c.Pod, "/"))})
		}
	}
	if p.Unit != "" {
		rows = append(rows, []string{"unit", t.esc(p.Unit)})
	}
	if p.Cgroup != "" {
		rows = append(rows, []string{"control group", t.esc(p.Cgroup)})
	}
	var types []string
	for ns := range p.Namespaces {
		types = append(types, ns)
	}
	slices.Sort(types)
	for _, ns := range types {
		row := []string{ns + " namespace", strconv.FormatUint(model.NamespaceNumber(p.Namespaces[ns]), 10)}
		if own := x.Snapshot.Host.Namespaces[ns]; own != 0 && own != p.Namespaces[ns] {
			row = append(row, "not ipctop's own")
		}
		rows = append(rows, row)
	}
	if rows != nil {
		t.heading("Place")
		t.table(rows)
	}
}

func (t *showText) signals(p *model.Process) {
	g := p.Signals
	if g == nil {
		return
	}
	t.heading("Signals")
	rows := showSignalRows(g)
	if used, ok := g.Queued.Get(); ok {
		value := strconv.FormatInt(used, 10)
		if limit, ok := g.QueueLimit.Get(); ok {
			value += " of " + strconv.FormatInt(limit, 10)
		}
		rows = append(rows, []string{"queued", value, "by all processes of this user"})
	}
	t.table(rows)
}

func showSignalRows(g *model.Signals) [][]string {
	var rows [][]string
	for _, m := range []struct {
		name string
		set  []string
	}{
		{"pending", g.Pending}, {"shared pending", g.SharedPending}, {"blocked", g.Blocked}, {"ignored", g.Ignored}, {"caught", g.Caught},
	} {
		value := "-"
		if len(m.set) > 0 {
			value = strings.Join(m.set, " ")
		}
		rows = append(rows, []string{m.name, value})
	}
	return rows
}

// threads lists the threads that differ from their process in name, state or
// signals.
func (t *showText) threads(p *model.Process) {
	rows := [][]string{{"TID", "NAME", "STATE", "WAITS IN", "SIGNALS"}}
	for i := range p.ThreadList {
		th := &p.ThreadList[i]
		if th.Comm == p.Comm && th.State == p.State && th.Signals == nil {
			continue
		}
		var signals []string
		if g := th.Signals; g != nil {
			if len(g.Pending) > 0 {
				signals = append(signals, "pending "+strings.Join(g.Pending, " "))
			}
			signals = append(signals, strings.TrimSpace("blocked "+strings.Join(g.Blocked, " ")))
		}
		rows = append(rows, []string{model.PIDNumber(th.TID), t.esc(th.Comm), t.esc(th.State), t.esc(th.Wchan), strings.Join(signals, ", ")})
	}
	if len(rows) == 1 {
		return
	}
	t.heading("Threads that differ (%d of %d)", len(rows)-1, p.Threads)
	t.table(rows)
}

// processObjects lists what the process holds, by kind, with who is at the
// other end.
func (t *showText) processObjects(x *model.Index, p *model.Process) {
	list := showHeldBy(x.Snapshot, p.PID)
	if len(list) == 0 {
		t.heading("IPC objects (none that could be seen)")
		return
	}
	t.heading("IPC objects (%d)", len(list))
	var rows [][]string
	for _, h := range list {
		fill := ""
		if r, ok := h.object.Fill.Get(); ok {
			fill = showPercent(r)
		}
		rows = append(rows, []string{t.esc(h.object.ID), showHolds(h.holders), fill, t.otherEnd(x, p.PID, h), t.esc(h.object.Name)})
	}
	t.table(append([][]string{{"ID", "HELD BY", "FULL", "OTHER END", "NAME"}}, rows...))
}

// showHolds says how a process holds an object: "fd 1 w, fd 2 w O_APPEND, map rw".
func showHolds(holders []*model.Holder) string {
	var parts []string
	for _, h := range holders {
		part := string(h.Via)
		if fd, ok := h.FD.Get(); ok {
			part += " " + strconv.Itoa(int(fd))
		}
		if h.Access != "" {
			part += " " + string(h.Access)
		}
		if h.Extent != nil {
			for _, flag := range h.Flags {
				if strings.HasPrefix(flag, "O_") && flag != "O_CLOEXEC" { // most descriptors have this flag
					part += " " + flag
				}
			}
			if rss, ok := h.RSS.Get(); ok {
				part += ", " + Size(rss) + " resident"
			}
		}
		parts = append(parts, part)
	}
	return showFew(parts, 4)
}

// otherEnd names the processes that a process reaches through an object: the holders of
// its peers; the readers if it writes, the writers if it reads; else all processes that
// share it.
func (t *showText) otherEnd(x *model.Index, pid int, h showHeld) string {
	var names []string
	if len(h.object.Peers) > 0 {
		for _, p := range h.object.Peers {
			peer := x.Object(p.ID)
			if peer == nil {
				names = append(names, t.esc(p.ID))
				continue
			}
			names = append(names, t.holderNames(x, peer, showAnyHolder)...)
		}
		return showFew(names, 4)
	}
	info, _ := model.LookupKind(h.object.Kind)
	reads := slices.ContainsFunc(h.holders, func(h *model.Holder) bool { return h.Access.CanRead() })
	writes := slices.ContainsFunc(h.holders, func(h *model.Holder) bool { return h.Access.CanWrite() })
	names = t.holderNames(x, h.object, func(o *model.Holder) bool {
		if int(o.PID) == pid {
			return false
		}
		return info.Direction != "one way" || reads && o.Access.CanWrite() || writes && o.Access.CanRead()
	})
	return showFew(names, 4)
}

// waits lists the blocked threads that fit.
func (t *showText) waits(x *model.Index, fits func(*model.Wait) bool) {
	var rows [][]string
	for i := range x.Snapshot.Waits {
		w := &x.Snapshot.Waits[i]
		if !fits(w) {
			continue
		}
		on := w.Objects
		if w.Object != "" {
			on = []string{w.Object}
		}
		age := ""
		if ns, ok := w.BlockedFor.Get(); ok {
			age = time.Duration(ns).Round(time.Millisecond).String()
		}
		var blockers []string
		for _, b := range w.Blockers {
			blockers = append(blockers, t.who(x, b.PID, b.Comm))
		}
		rows = append(rows, []string{
			t.who(x, w.PID, w.Comm), model.PIDNumber(w.TID), t.esc(w.Call), t.esc(w.Needs),
			t.esc(showFew(on, 4)), showFew(slices.Compact(blockers), 4), age,
		})
	}
	if rows != nil {
		t.heading("Waits (%d)", len(rows))
		t.table(append([][]string{{"PROCESS", "THREAD", "CALL", "NEEDS", "OBJECT", "COULD BE RELEASED BY", "FOR"}}, rows...))
	}
}

// findings lists the diagnoses that fit.
func (t *showText) findings(fits func(*model.Finding) bool, x *model.Index) {
	var rows [][]string
	for i := range x.Snapshot.Findings {
		if f := &x.Snapshot.Findings[i]; fits(f) {
			rows = append(rows, []string{string(f.Severity), string(f.Confidence), t.esc(f.Summary)})
		}
	}
	if rows != nil {
		t.heading("Findings (%d)", len(rows))
		t.table(rows)
	}
}
