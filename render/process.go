package render

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// signalNames shows a mask without the SIG that all names share.
func signalNames(name, doc string, get func(*model.Signals) []string) Column[model.Process] {
	key := func(_ *View, p *model.Process) Key {
		if p.Signals == nil {
			return Key{}
		}
		return TextKey(strings.Join(get(p.Signals), " "))
	}
	return Column[model.Process]{
		Name: name, Doc: doc, Flex: true, Key: key,
		Text: func(v *View, p *model.Process) Cell {
			if p.Signals == nil {
				return Cell{Unknown, Dim}
			}
			list := get(p.Signals)
			if len(list) == 0 {
				return Cell{"none", Dim}
			}
			short := make([]string, len(list))
			for i, s := range list {
				short[i] = strings.TrimPrefix(s, "SIG")
			}
			return Cell{Text: v.escape(strings.Join(short, " "))}
		},
	}
}

var processColumns = []Column[model.Process]{
	pidColumn("PID", "process id", func(p *model.Process) int { return p.PID }),
	wide(pidColumn("PPID", "parent process", func(p *model.Process) int { return p.PPID })),
	wide(pidColumn("PGID", "process group", func(p *model.Process) int { return p.PGID })),
	wide(pidColumn("SID", "session", func(p *model.Process) int { return p.SID })),
	{
		Name: "USER", Doc: "effective user: its name, else its number",
		Key:  func(_ *View, p *model.Process) Key { return userKey(p) },
		Text: func(v *View, p *model.Process) Cell { return v.cell(userKey(p)) },
	},
	{
		Name: "S", Doc: "state as ps shows it, and in words what stops it",
		Key: func(_ *View, p *model.Process) Key { return TextKey(p.State) },
		Text: func(v *View, p *model.Process) Cell {
			c := Cell{Text: v.escape(p.State)}
			switch {
			case p.Frozen:
				c = Cell{c.Text + " frozen", Notice}
			case p.CoreDump:
				c = Cell{c.Text + " dumping core", Notice}
			case p.Tracer != 0:
				c = Cell{c.Text + " traced by " + v.process(p.Tracer), Notice}
			case p.State == "T":
				c = Cell{c.Text + " stopped", Notice}
			case p.State == "Z":
				c = Cell{c.Text + " zombie", Notice}
			}
			return c
		},
	},
	spare(intColumn("THREADS", "number of threads", func(p *model.Process) optInt { return model.Some(int64(p.Threads)) })),
	spare(intColumn("FDS", "number of open descriptors", func(p *model.Process) optInt { return widen(p.FDs) })),
	textColumn("COMMAND", "its display name: the command, of an interpreter the script", (*model.Process).Name),
	signalNames("PENDING", "signals sent to its main thread and not delivered", func(s *model.Signals) []string { return s.Pending }),
	signalNames("SHARED", "signals sent to the process and not delivered", func(s *model.Signals) []string { return s.SharedPending }),
	signalNames("BLOCKED", "signals not delivered while blocked", func(s *model.Signals) []string { return s.Blocked }),
	wide(signalNames("IGNORED", "signals discarded", func(s *model.Signals) []string { return s.Ignored })),
	wide(signalNames("CAUGHT", "signals handled by a function", func(s *model.Signals) []string { return s.Caught })),
	wide(fillSignals),
	wide(textColumn("TTY", "controlling terminal", func(p *model.Process) string { return p.TTY })),
	wide(textColumn("UNIT", "systemd unit", func(p *model.Process) string { return p.Unit })),
	wide(textColumn("CONTAINER", "container: its name, else its id", containerName)),
	{
		Name: "CMDLINE", Doc: "arguments, quoted for a shell", Flex: true, Wide: true,
		Key: func(_ *View, p *model.Process) Key { return TextKey(QuoteAll(p.Cmdline)) },
		Text: func(v *View, p *model.Process) Cell {
			switch words := QuoteAll(p.Cmdline); {
			case words == "" && (p.State == "Z" || p.Kernel): // has none
				return Cell{}
			case words == "":
				return Cell{Unknown, Dim}
			case v.ASCII:
				return Cell{Text: v.escape(words)}
			default: // has nothing left to escape
				return Cell{Text: words}
			}
		},
	},
}

// ProcessColumns returns the columns of processes.
func ProcessColumns() []Column[model.Process] { return processColumns }

var fillSignals = Column[model.Process]{
	Name: "QUEUED", Doc: "signals queued for its user, and the limit", Right: true,
	Key: func(_ *View, p *model.Process) Key {
		if p.Signals == nil {
			return Key{}
		}
		return OptKey(p.Signals.Queued)
	},
	Text: func(_ *View, p *model.Process) Cell {
		if p.Signals == nil || !p.Signals.Queued.Known() {
			return Cell{Unknown, Dim}
		}
		used, limit := p.Signals.Queued.Or(0), p.Signals.QueueLimit
		c := Cell{Text: count(used)}
		if m, ok := limit.Get(); ok {
			c.Text += "/" + count(m)
			if m > 0 && used >= m {
				c = Cell{c.Text + " FULL", Alarm}
			}
		}
		return c
	},
}

func userKey(p *model.Process) Key {
	if p.User != "" {
		return TextKey(p.User)
	}
	return OptKey(p.UID)
}

func containerName(p *model.Process) string {
	switch {
	case p.Container == nil:
		return ""
	case p.Container.Name != "":
		return p.Container.Name
	}
	return p.Container.ID
}
