package live

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// menu is a list to choose from, above the table. The model's menu is never changed, only
// replaced.
type menu struct {
	title  string // escaped
	items  []choice
	cursor int
	top    int
	chosen func(m *Model, value string)
	closed func(m *Model) // called if nothing is chosen; may be nil
}

// choice is a line of a menu.
type choice struct {
	value string
	shown string // escaped
}

// menuKey handles a key in the menu.
func (m *Model) menuKey(name string) {
	n := *m.menu
	switch page := m.pageHeight(); name {
	case "Up":
		n.cursor--
	case "Down":
		n.cursor++
	case "PgUp":
		n.cursor -= page
	case "PgDn":
		n.cursor += page
	case "Home":
		n.cursor = 0
	case "End":
		n.cursor = len(n.items) - 1
	case "Enter":
		m.menu = nil
		n.chosen(m, n.items[n.cursor].value)
		return
	case "Esc", "q", "Ctrl-C", "Backspace":
		m.menu = nil
		if n.closed != nil {
			n.closed(m)
		}
		return
	default:
		n.jumpTo(name)
	}
	n.cursor = clamp(max(n.cursor, 0), len(n.items))
	m.menu = &n
	m.keepMenuVisible()
}

// jumpTo goes to the next line that begins with a letter.
func (n *menu) jumpTo(letter string) {
	if utf8.RuneCountInString(letter) != 1 {
		return
	}
	for k := 1; k <= len(n.items); k++ {
		i := (n.cursor + k) % len(n.items)
		// All signals begin with SIG.
		if strings.HasPrefix(strings.ToLower(strings.TrimPrefix(n.items[i].shown, "SIG")), strings.ToLower(letter)) {
			n.cursor = i
			return
		}
	}
}

func (m *Model) keepMenuVisible() {
	if m.menu == nil {
		return
	}
	n, height := *m.menu, max(m.layout(m.width, m.height).page, 1)
	n.top = min(n.top, len(n.items)-height)
	n.top = max(min(n.top, n.cursor), n.cursor-height+1, 0)
	m.menu = &n
}

// menuLines returns the menu's title and its visible lines.
func (m *Model) menuLines(height, width int) []Line {
	n := m.menu
	top := max(min(n.top, len(n.items)-height), 0)
	end := min(top+height, len(n.items))
	lines := []Line{m.rule(n.title, fmt.Sprintf("%d/%d  Enter: choose  Esc: back", n.cursor+1, len(n.items)), width)}
	for i, c := range n.items[top:end] {
		l := crop(text(Normal, "  "+c.shown), 0, width, m.more())
		l.Selected = top+i == n.cursor
		lines = append(lines, l)
	}
	return blank(lines, height+1)
}

// everyone is the value of the first line of menus that restrict what is shown.
const everyone = ""

// chooseUser restricts all screens to the processes of one user, and the objects that they
// hold.
func (m *Model) chooseUser() {
	m.narrow("Whose processes, and what they hold?", "every user", "No process with a known user was found.", func(d *Data) []string {
		var names []string
		for i := range d.Snap.Processes {
			names = append(names, userOf(d.Snap.Processes[i]))
		}
		return names
	}, m.user, func(m *Model, name string) { m.user = name })
}

// chooseContainer restricts all screens to one container.
func (m *Model) chooseContainer() {
	m.narrow("Which container?", "everything", "No container was found.", func(d *Data) []string {
		var names []string
		for i := range d.Snap.Processes {
			names = append(names, containerOf(d.Snap.Processes[i]))
		}
		return names
	}, m.container, func(m *Model, name string) { m.container = name })
}

func (m *Model) narrow(title, all, none string, names func(*Data) []string, now string, set func(*Model, string)) {
	if m.data == nil || len(m.pages) > 0 {
		m.setMessage(Dim, "Go back to a table first (Esc).")
		return
	}
	list := slices.DeleteFunc(names(m.data), func(s string) bool { return s == "" })
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) == 0 {
		m.setMessage(Dim, none)
		return
	}
	n := &menu{title: title, items: []choice{{everyone, "(" + all + ")"}}, chosen: func(m *Model, value string) {
		set(m, value)
		m.arrange()
	}}
	for i, name := range list {
		n.items = append(n.items, choice{name, m.escape(name)})
		if name == now {
			n.cursor = i + 1
		}
	}
	m.menu = n
	m.keepMenuVisible()
}
