package postmortem

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/corefile"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Text is the postmortem as text for people; name is the core file. What the snapshot adds comes last.
func (r *Core) Text(name string) []byte {
	var b bytes.Buffer
	writeCore(&b, name, r.Core, r.sender)
	if r.With == nil || r.With.Process == nil {
		return b.Bytes()
	}
	fmt.Fprintf(&b, "\nat %s:\n", clock(r.With.Taken))
	for i := range r.With.Links {
		fmt.Fprintf(&b, " %s\n", linkText(r.With.Links[i]))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func writeCore(b *bytes.Buffer, name string, core *corefile.Core, sender *model.Process) {
	p := &core.Process
	fmt.Fprintf(b, "%s is a core file (%s) of %s(%d)", render.Escape(name), core.Arch, render.Escape(p.Comm), p.PID)
	if p.Args != "" {
		fmt.Fprintf(b, ": %s", render.Escape(p.Args))
	}
	fmt.Fprintf(b, "\n%s\n", signalText(core, sender))
	for _, n := range core.Notes {
		fmt.Fprintf(b, "not seen: %s\n", render.Escape(n))
	}
	first := ", the one that got the signal first"
	if core.Signal == nil {
		first = ""
	}
	fmt.Fprintf(b, "\n%d threads%s:\n", len(core.Threads), first)
	for i := range core.Threads {
		writeThread(b, &core.Threads[i])
	}
	if len(core.Mappings) == 0 {
		b.WriteString("\nIt had no shared memory that could be told by its name.\n")
		return
	}
	b.WriteString("\nshared memory:\n")
	for _, m := range core.Mappings {
		fmt.Fprintf(b, " %-9s  %v  %s  %s, %s\n", m.Kind, m.Address, render.Size(m.Size), render.Escape(m.Name), contentWords[m.Content])
	}
}

var contentWords = map[string]string{"all": "in the core", "part": "partly in the core", "none": "not in the core"}

// signalText says what ended the process.
func signalText(core *corefile.Core, sender *model.Process) string {
	s := core.Signal
	what := "ended by "
	if core.Living {
		what = "not ended: the core was taken of the living process, as gcore does"
		if s == nil {
			return what
		}
		what += "; it had got "
	}
	from := ""
	pid, sent := s.Sender.Get()
	addr, fault := s.Address.Get()
	switch {
	case sent && sender != nil:
		from = fmt.Sprintf(", sent by %s(%d)", render.Escape(sender.Name()), pid)
	case sent && pid == 0:
		from = ", sent by a process outside its pid namespace"
	case sent:
		from = fmt.Sprintf(", sent by process %d", pid)
	case fault:
		from = fmt.Sprintf(", by what it did itself: address %v", addr)
	case s.Code == "SI_KERNEL":
		from = ", by the kernel"
	}
	if uid, ok := s.UID.Get(); ok {
		from += fmt.Sprintf(" of user %d", uid)
	}
	if s.Code != "" {
		from += " (" + s.Code + ")"
	}
	return what + s.Name + from
}

func writeThread(b *bytes.Buffer, t *corefile.Thread) {
	fmt.Fprintf(b, " %d", t.TID)
	switch k := t.Call; {
	case k == nil:
		b.WriteString(" was in no system call that could be told\n")
	case k.Interrupted:
		fmt.Fprintf(b, " was blocked in %s\n", render.Escape(k.Text))
	default:
		fmt.Fprintf(b, " came out of %s\n", render.Escape(k.Text))
	}
	for _, l := range t.Locks {
		where := l.Address.String()
		if at, ok := l.Offset.Get(); ok {
			where = fmt.Sprintf("%s+%#x", render.Escape(l.Object), at)
		}
		more := ""
		if waiters, ok := l.Waiters.Get(); ok && waiters {
			more = ", and somebody waited for it"
		}
		if l.Pending {
			more += ", which was just being taken or given back"
		}
		fmt.Fprintf(b, "   held the robust mutex at %s%s\n", where, more)
	}
	if len(t.Pending) > 0 {
		fmt.Fprintf(b, "   pending: %s\n", strings.Join(t.Pending, " "))
	}
	if len(t.Blocked) > 0 {
		fmt.Fprintf(b, "   blocked signals: %s\n", signalWords(t.Blocked))
	}
}

// signalWords lists signals; if there are many, it lists those that are not in the list.
func signalWords(list []string) string {
	const many = 20
	if len(list) <= many {
		return strings.Join(list, " ")
	}
	has := map[string]bool{}
	for _, s := range list {
		has[s] = true
	}
	var missing []string
	for n := 1; n <= model.MaxSignal; n++ {
		if s := model.SignalName(n); !has[s] {
			missing = append(missing, s)
		}
	}
	if len(missing) > many {
		return strings.Join(list, " ")
	}
	return "all but " + strings.Join(missing, " ")
}

// linkText describes a channel between processes.
func linkText(l *model.Link) string {
	ends := func(pids []int, comms []string) string {
		var list []string
		for i, pid := range pids {
			comm := "?"
			if i < len(comms) {
				comm = comms[i]
			}
			list = append(list, fmt.Sprintf("%s(%d)", render.Escape(comm), pid))
		}
		if list == nil {
			return "nobody"
		}
		return strings.Join(list, ", ")
	}
	arrow := "->"
	if l.BothWays {
		arrow = "<=>"
	}
	return fmt.Sprintf("%s %s %s  %s", ends(l.From, l.FromComm), arrow, ends(l.To, l.ToComm), render.Escape(l.Object))
}
