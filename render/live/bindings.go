package live

import "slices"

// binding is what some keys do. Help is made of the same table.
type binding struct {
	keys  []string // the character itself, or a name
	shown string   // how help writes them; "": as they are
	does  string
	do    func(*Model)
}

// bindings are the keys that work wherever no text is typed. It is a function
// because help, which is made of it, is among them.
func bindings() []binding {
	return []binding{
		{[]string{"Up", "Down"}, "", "select the row above, below", nil},
		{[]string{"PgUp", "PgDn"}, "", "a screenful up, down", nil},
		{[]string{"Home", "End"}, "", "the first, the last row", nil},
		{[]string{"Left", "Right"}, "", "scroll sideways", nil},
		{[]string{"Tab"}, "", "the next screen", func(m *Model) { m.turn(1) }},
		{[]string{"Shift-Tab"}, "", "the screen before", func(m *Model) { m.turn(-1) }},
		{[]string{"1", "2", "3", "4", "5", "6", "7", "8"}, "1-8", "the screen of that number", nil},
		{[]string{"Enter"}, "", "all about the selected row", (*Model).openDetail},
		{[]string{"w"}, "", "why it is stuck, and on whom", (*Model).openWhy},
		{[]string{"g"}, "", "its relations, full screen; again: one hop further", (*Model).openRelations},
		{[]string{"Esc", "Backspace"}, "", "back; ends a filter", (*Model).goBack},
		{[]string{"o"}, "", "jump to the other end", (*Model).otherEnd},
		{[]string{"l"}, "", "the objects the process has open", func(m *Model) { m.openHeld(false) }},
		{[]string{"x"}, "", "its locks, semaphores and futexes", func(m *Model) { m.openHeld(true) }},
		{[]string{"F2"}, "", "setup: columns, delay, theme", (*Model).openSetup},
		{[]string{"/", "F3"}, "", "search", func(m *Model) { m.ask(promptSearch, "") }},
		{[]string{"n", "N"}, "", "the next match, the one before", nil},
		{[]string{"F4", "\\"}, "", "keep only some rows: text, or an expression", func(m *Model) { m.ask(promptFilter, m.table().wanted.filter.text) }},
		{[]string{"F6"}, "", "choose the column to sort by", (*Model).chooseSort},
		{[]string{">"}, "", "sort by the next column", func(m *Model) { m.sortBy(1) }},
		{[]string{"<"}, "", "sort by the column before", func(m *Model) { m.sortBy(-1) }},
		{[]string{"I"}, "", "reverse the order", (*Model).turnOver},
		{[]string{"F5", "t"}, "", "tree: processes below their parents", (*Model).toggleTree},
		{[]string{"u"}, "", "only what one user has", (*Model).chooseUser},
		{[]string{"c"}, "", "only what one container has", (*Model).chooseContainer},
		{[]string{" "}, "Space", "tag the row", (*Model).tagSelected},
		{[]string{"Z"}, "", "pause, and go on", (*Model).pause},
		{[]string{"[", "]"}, "", "pause, and step back and forth in the last minutes", nil},
		{[]string{"{", "}"}, "", "in a recording: the previous, the next change in findings", nil},
		{[]string{"^", "$"}, "", "in a recording: the first, the last sample", nil},
		{[]string{"@"}, "", "in a recording: the sample of a time", nil},
		{[]string{"F"}, "", "follow: keep to the row even if it vanishes", (*Model).followSelected},
		{[]string{"F9", "k"}, "", "what can be done: the actions of a problem, else a signal", (*Model).act},
		{[]string{"H"}, "", "with the threads of processes", (*Model).toggleThreads},
		{[]string{"p"}, "", "paths of programs", (*Model).togglePaths},
		{[]string{"Del"}, "", "remove what no process uses any more", (*Model).removeSelected},
		{[]string{"W"}, "", "wide: all columns, nothing cut", (*Model).widen},
		{[]string{"y"}, "", "copy: the id, the pid, the command that helps", (*Model).copySelected},
		{[]string{"S"}, "", "save a dump of this moment", (*Model).save},
		{[]string{"?", "F1"}, "", "this help", (*Model).openHelp},
		{[]string{"Ctrl-L"}, "", "draw everything anew", func(m *Model) { m.want(Redraw{}) }},
		{[]string{"Ctrl-Z"}, "", "put ipctop into the background", func(m *Model) { m.want(Suspend{}) }},
		{[]string{"q", "F10", "Ctrl-C"}, "", "quit", func(m *Model) { m.want(Quit{}) }},
	}
}

// motion does what the keys without a function above do: they come in families.
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
			m.table().moved = false // the top of the list: what comes there is seen
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
		m.say(Dim, "That is for recordings: ipctop replay.")
	case "n":
		m.searchOn(1)
	case "N":
		m.searchOn(-1)
	default:
		return false
	}
	return true
}

// key does what a key is bound to.
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
	m.say(Dim, "No key: "+m.escape(name)+". ? lists them.")
}
