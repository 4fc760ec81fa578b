package live

import "slices"

// binding says what one or several keys do. Help is made from the same table.
type binding struct {
	keys  []string // the character itself, or a name
	shown string   // how help shows them; "": unchanged
	does  string
	do    func(*Model)
}

// bindings returns the keys that work wherever no text is typed. It is a function, because
// help is one of the actions and is made from the table.
func bindings() []binding {
	return []binding{
		{[]string{"Up", "Down"}, "", "select the row above, below", nil},
		{[]string{"PgUp", "PgDn"}, "", "one page up, down", nil},
		{[]string{"Home", "End"}, "", "the first, the last row", nil},
		{[]string{"Left", "Right"}, "", "scroll sideways", nil},
		{[]string{"Tab"}, "", "the next screen", func(m *Model) { m.switchScreen(1) }},
		{[]string{"Shift-Tab"}, "", "the previous screen", func(m *Model) { m.switchScreen(-1) }},
		{[]string{"1", "2", "3", "4", "5", "6", "7", "8"}, "1-8", "the screen of that number", nil},
		{[]string{"Enter"}, "", "details of the selected row", (*Model).openDetail},
		{[]string{"w"}, "", "why it is stuck, and on whom", (*Model).openWhy},
		{[]string{"g"}, "", "its relations, full screen; again: one hop further", (*Model).openRelations},
		{[]string{"Esc", "Backspace"}, "", "back; ends a filter", (*Model).goBack},
		{[]string{"o"}, "", "jump to the other end", (*Model).otherEnd},
		{[]string{"l"}, "", "the objects that the process has open", func(m *Model) { m.openHeld(false) }},
		{[]string{"x"}, "", "its locks, semaphores and futexes", func(m *Model) { m.openHeld(true) }},
		{[]string{"F2"}, "", "setup: columns, delay, theme", (*Model).openSetup},
		{[]string{"/", "F3"}, "", "search", func(m *Model) { m.ask(promptSearch, "") }},
		{[]string{"n", "N"}, "", "the next, the previous match", nil},
		{[]string{"F4", "\\"}, "", "filter the rows by text or an expression", func(m *Model) { m.ask(promptFilter, m.table().wanted.filter.text) }},
		{[]string{"F6"}, "", "choose the column to sort by", (*Model).chooseSort},
		{[]string{">"}, "", "sort by the next column", func(m *Model) { m.sortBy(1) }},
		{[]string{"<"}, "", "sort by the previous column", func(m *Model) { m.sortBy(-1) }},
		{[]string{"I"}, "", "reverse the order", (*Model).reverseSort},
		{[]string{"F5", "t"}, "", "tree: processes below their parents", (*Model).toggleTree},
		{[]string{"u"}, "", "only one user", (*Model).chooseUser},
		{[]string{"c"}, "", "only one container", (*Model).chooseContainer},
		{[]string{" "}, "Space", "tag the row", (*Model).tagSelected},
		{[]string{"Z"}, "", "pause, resume", (*Model).pause},
		{[]string{"[", "]"}, "", "pause, and go to an earlier, a later sample", nil},
		{[]string{"{", "}"}, "", "in a recording: the previous, the next change in findings", nil},
		{[]string{"^", "$"}, "", "in a recording: the first, the last sample", nil},
		{[]string{"@"}, "", "in a recording: the sample of a time", nil},
		{[]string{"F"}, "", "follow the row, even if it vanishes", (*Model).followSelected},
		{[]string{"F9", "k"}, "", "actions for a problem, or send a signal", (*Model).act},
		{[]string{"H"}, "", "show threads", (*Model).toggleThreads},
		{[]string{"p"}, "", "full paths of programs", (*Model).togglePaths},
		{[]string{"Del"}, "", "remove what was left behind", (*Model).removeSelected},
		{[]string{"W"}, "", "wide: all columns, nothing cut", (*Model).widen},
		{[]string{"r"}, "", "rates: measure how much goes through each channel", (*Model).toggleRates},
		{[]string{"T"}, "", "trace: signals, long waits and exits go into the log", (*Model).toggleTrace},
		{[]string{"y"}, "", "copy the id, the pid or the suggested command", (*Model).copySelected},
		{[]string{"S"}, "", "save this snapshot as a dump", (*Model).save},
		{[]string{"?", "F1"}, "", "this help", (*Model).openHelp},
		{[]string{"Ctrl-L"}, "", "redraw the screen", func(m *Model) { m.addEffect(Redraw{}) }},
		{[]string{"Ctrl-Z"}, "", "suspend ipctop", func(m *Model) { m.addEffect(Suspend{}) }},
		{[]string{"q", "F10", "Ctrl-C"}, "", "quit", func(m *Model) { m.addEffect(Quit{}) }},
	}
}

// motion handles the keys that are not in the table because they come in families.
func (m *Model) motion(key string) bool {
	if m.replayed(key) {
		return true
	}
	switch page := m.pageHeight(); key {
	case "Up":
		m.scroll(-1)
	case "Down":
		m.scroll(1)
	case "PgUp":
		m.scroll(-page)
	case "PgDn":
		m.scroll(page)
	case "Home":
		m.scroll(-1 << 30)
		if len(m.pages) == 0 {
			m.table().moved = false // follow the top of the list: new rows there are visible
		}
	case "End":
		m.scroll(1 << 30)
	case "Left":
		m.shift(-shiftBy)
	case "Right":
		m.shift(shiftBy)
	case "1", "2", "3", "4", "5", "6", "7", "8":
		m.pages = nil
		m.turnTo(int(key[0] - '1'))
	case "[":
		m.step(1)
	case "]":
		m.step(-1)
	case "{", "}", "^", "$", "@":
		m.setMessage(Dim, "This key is for recordings (ipctop replay).")
	case "n":
		m.searchOn(1)
	case "N":
		m.searchOn(-1)
	default:
		return false
	}
	return true
}

// key performs the action of a key.
func (m *Model) key(name string) {
	if m.prompt.kind != promptNone {
		m.typed(name)
		return
	}
	if m.menu != nil {
		m.menuKey(name)
		return
	}
	m.message = ""
	if m.toggleEvent(name) || m.motion(name) {
		return
	}
	for _, b := range bindings() {
		if slices.Contains(b.keys, name) && b.do != nil {
			b.do(m)
			return
		}
	}
	m.setMessage(Dim, m.escape(name)+" is not a key here. ? lists the keys.")
}
