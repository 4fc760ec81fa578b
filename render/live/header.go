package live

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// titleLine returns the first line: what is shown, how old it is, what ipctop costs, and
// what is hidden. If there is not enough room, the least important parts are left out first.
func (m *Model) titleLine(width int) Line {
	left := m.titleParts()
	right := []string{""}
	if m.data != nil {
		right = processCounts(m.data.Snap)
	}
	for n := len(left); n >= min(3, len(left)); n-- {
		for _, r := range right {
			if r == "" && n > min(3, len(left)) {
				continue // the number of hidden processes is more important than what ipctop costs
			}
			l := text(Title, left[0])
			for _, p := range left[1:n] {
				l.add(Normal, " "+p)
			}
			gap := 0
			if r != "" {
				gap = 2
			}
			if l.Width()+gap+render.Width(r) > width {
				continue
			}
			l.fill(width - render.Width(r))
			role := Normal
			if m.data != nil && m.data.Snap.Scan.ProcessesUnreadable > 0 {
				role = Warn
			}
			l.add(role, r)
			return l
		}
	}
	return crop(text(Title, strings.Join(left, " ")), 0, width, "")
}

// processCounts says how many processes there are and how many of them could not be read,
// in versions of decreasing length. If some could not be read, holders may be missing
// everywhere, so this is said only here.
func processCounts(s *model.Snapshot) []string {
	all, n := render.Counted(s.Scan.Processes, "process", "processes"), s.Scan.ProcessesUnreadable
	if n == 0 {
		return []string{all, ""}
	}
	hidden := strconv.Itoa(n) + " hidden"
	if s.Scan.EUID == 0 {
		return []string{all + ", " + hidden + ": holders may be missing", all + ", " + hidden, hidden, ""}
	}
	return []string{all + ", " + hidden + ": sudo shows them", hidden + ": sudo shows them", hidden, ""}
}

// readingText says how far the first snapshot is. After all processes have been read, the
// kernel's tables remain.
func (m *Model) readingText() string {
	if r := m.reading; r.Done < r.Total {
		return fmt.Sprintf("reading %d of %s", r.Done, render.Counted(r.Total, "process", "processes"))
	}
	return "reading..."
}

// titleParts are the parts of the title, the most important first.
func (m *Model) titleParts() []string {
	parts := []string{"ipctop"}
	d := m.data
	if d == nil {
		if m.failure != "" {
			return append(parts, "cannot look")
		}
		return append(parts, "reading...")
	}
	if host := d.Snap.Host.Hostname; host != "" {
		parts = append(parts, m.escape(host))
	}
	switch {
	case m.settings.Timeline != nil:
		return append(parts, m.replayParts(d)...)
	case m.settings.Source != "":
		return append(parts, "DUMP", d.local(d.Snap.Taken).Format("2006-01-02 15:04:05"), "from "+m.escape(m.settings.Source))
	case m.paused:
		parts = append(parts, d.clock(d.Snap.Taken), "PAUSED")
		if at := m.history.position(); at != "" {
			parts = append(parts, at)
		}
		return parts
	}
	if m.glimpse {
		return append(parts, d.clock(d.Snap.Taken), m.readingText())
	}
	parts = append(parts, d.clock(d.Snap.Taken), "live "+interval(m.settings.Interval), "scan "+render.Duration(time.Duration(d.Snap.Scan.Duration)))
	if share, ok := m.cpu.Get(); ok {
		parts = append(parts, "cpu "+strconv.Itoa(int(share*100+0.5))+"%")
	}
	for _, on := range []struct {
		is   bool
		word string
	}{{m.wide, "WIDE"}, {m.follow, "FOLLOW"}, {m.threads, "THREADS"}, {m.paths, "PATHS"}, {m.rates, m.ratesWord()}, {m.tracing.on, m.traceWord()}} {
		if on.is { // before the scan time and CPU: it changes what is shown
			parts = slices.Insert(parts, min(3, len(parts)), on.word)
		}
	}
	if m.settings.ReadOnly {
		parts = append(parts, "read-only")
	}
	return parts
}

// interval returns an interval as text: 2s, 0.5s, 1m.
func interval(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
	}
	return render.Duration(d)
}

// headLine returns the second line: what went wrong, whose objects are shown, or the headline.
func (m *Model) headLine(width int) Line {
	switch {
	case m.failure != "":
		return crop(text(Critical, "The last scan failed: "+m.escape(m.failure)), 0, width, m.more())
	case m.data == nil:
		return text(Dim, "")
	case m.screen == screenHeld:
		id := m.table().wanted.held
		if p := m.data.find(id).process; p != nil {
			what := "Objects"
			if m.table().wanted.locks {
				what = "Locks, semaphores and futexes"
			}
			return crop(text(Title, what+" of "+m.data.who(p.PID, p.Comm)+". Esc: back"), 0, width, m.more())
		}
		return crop(text(Warn, "Process "+strconv.Itoa(id.PID)+" has ended. Esc: back"), 0, width, m.more())
	}
	return m.headline(width)
}

// tab is a screen's place on the line of screens.
type tab struct {
	from, to int
	text     string
}

// tabs returns the names of the screens: number and title; if there is not enough room,
// only the number, except for the current screen.
func (m *Model) tabs(width int) []tab {
	for _, short := range []bool{false, true} {
		var list []tab
		at := 0
		for i, s := range screens[:keyed] {
			name := strconv.Itoa(i + 1)
			if !short || i == m.screen {
				name += " " + s.title
			}
			// The current screen has brackets where the others have a space.
			name = " " + name + " "
			if i == m.screen {
				name = "[" + name[1:len(name)-1] + "]"
			}
			list = append(list, tab{at, at + len(name), name})
			at += len(name) - 1
		}
		if short || at+1 <= width {
			return list
		}
	}
	return nil
}

// screensLine returns the line of screens, with the key for help if there is no line of function keys.
func (m *Model) screensLine(width int) Line {
	var l Line
	for i, t := range m.tabs(width) {
		name := t.text
		if i > 0 && l.Width() > t.from { // two neighbours share one cell, which has the bracket of the current screen
			if i == m.screen {
				l = crop(l, 0, t.from, "")
			} else {
				name = name[1:]
			}
		}
		role := Normal
		if i == m.screen {
			role = Current
		}
		l.add(role, name)
	}
	if m.height < barHeight && l.Width()+1+len(helpKey) <= width { // there is no bar of function keys
		l.fill(width - len(helpKey))
		l.add(KeyName, helpKey)
	}
	return crop(l, 0, width, "")
}

const helpKey = "?help"

// statusLine returns the last line if there is a message or a prompt.
func (m *Model) statusLine(width int) (Line, bool) {
	t := m.table()
	switch f := t.wanted.filter; {
	case m.prompt.kind != promptNone:
		l := text(KeyName, m.prompt.label())
		if m.prompt.kind == promptConfirm {
			l = crop(l, 0, width-1, m.more())
			l.Cursor = l.Width()
			return l, true
		}
		if l.Width() > width/2 {
			l = text(KeyName, m.prompt.label()[:1]+": ")
		}
		// Show the end of the text, where the user is typing.
		typed := m.escape(m.prompt.text)
		if over := render.Width(typed) + l.Width() + 1 - width; over > 0 {
			typed = render.Cells(typed, over, 1<<20)
		}
		l.add(Normal, typed)
		l.Cursor = l.Width()
		if m.message != "" { // an error in the typed text
			l.add(m.messageRole, "  "+m.message)
		}
		return crop(l, 0, width, m.more()), true
	case m.message != "":
		return crop(text(m.messageRole, m.message), 0, width, m.more()), true
	case t.lost:
		return crop(text(Warn, "What is followed is gone. F: stop following."), 0, width, m.more()), true
	case f.text != "" && t.arranged != nil && len(m.pages) == 0:
		what := "text"
		if f.expr {
			what = "expression"
		}
		s := fmt.Sprintf("%d of %d rows: %s %s. Esc shows all.", len(t.arranged.rows), t.arranged.total, what, m.escape(f.text))
		if t.arranged.leftOut != "" {
			s += " " + m.escape(t.arranged.leftOut) + "."
		}
		return crop(text(KeyName, s), 0, width, m.more()), true
	case m.narrowing != (narrowing{}):
		return crop(text(KeyName, "Only "+m.escape(m.narrowing.words())+". Esc shows all."), 0, width, m.more()), true
	}
	return Line{}, false
}

// more returns the sign at the end of a text that was cut.
func (m *Model) more() string {
	if m.settings.ASCII {
		return "~"
	}
	return "…"
}
