package live

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setup has the settings that the user may change while the view runs, and save.
type Setup struct {
	Delay   time.Duration
	Theme   string
	Columns Columns
}

// The effects of the setup.
type (
	// Retime scans at another interval.
	Retime struct{ Delay time.Duration }

	// Retheme draws in another theme.
	Retheme struct{ Theme string }

	// Keep writes the setup to the user's configuration; [Kept] comes back.
	Keep struct{ Setup Setup }
)

func (Retime) effect()  {}
func (Retheme) effect() {}
func (Keep) effect()    {}

// delays are the intervals to choose from.
var delays = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, time.Minute}

// The lines of the setup.
const (
	setupColumns = "columns"
	setupDelay   = "delay"
	setupTheme   = "theme"
	setupKeep    = "keep"
)

// openSetup shows the settings. Nothing is written until the user asks for it.
func (m *Model) openSetup() {
	n := &menu{title: "Setup", chosen: (*Model).setUp}
	add := func(value, shown string) { n.items = append(n.items, choice{value, shown}) }
	if m.screen != screenOverview {
		add(setupColumns, "Columns of "+screens[m.screen].title+": "+strings.Join(m.columnNames(), " "))
	}
	if m.settings.Source == "" {
		add(setupDelay, "Delay: "+interval(m.settings.Interval))
	}
	if len(m.settings.Themes) > 0 {
		add(setupTheme, "Theme: "+m.settings.Theme)
	}
	add(setupKeep, "Save these settings")
	m.menu = n
	m.keepMenuVisible()
}

// setUp opens the setting of a line.
func (m *Model) setUp(what string) {
	switch what {
	case setupColumns:
		m.openColumns(0)
	case setupDelay:
		n := &menu{title: "Delay between scans", closed: (*Model).openSetup, chosen: func(m *Model, value string) {
			i, _ := strconv.Atoi(value)
			m.settings.Interval = delays[i]
			m.addEffect(Retime{delays[i]})
			m.openSetup()
		}}
		for i, d := range delays {
			if d == m.settings.Interval {
				n.cursor = i
			}
			n.items = append(n.items, choice{strconv.Itoa(i), interval(d)})
		}
		m.menu = n
	case setupTheme:
		n := &menu{title: "Theme", closed: (*Model).openSetup, chosen: func(m *Model, value string) {
			m.settings.Theme = value
			m.addEffect(Retheme{value})
			m.openSetup()
		}}
		for i, name := range m.settings.Themes {
			if name == m.settings.Theme {
				n.cursor = i
			}
			n.items = append(n.items, choice{name, name})
		}
		m.menu = n
	case setupKeep:
		m.addEffect(Keep{Setup{m.settings.Interval, m.settings.Theme, maps.Clone(m.settings.Columns)}})
	}
	m.keepMenuVisible()
}

// columnNames returns the columns that the screen should have.
func (m *Model) columnNames() []string {
	if own := m.settings.Columns[m.screen]; own != nil {
		return own
	}
	return slices.DeleteFunc(slices.Clone(screens[m.screen].columns), func(s string) bool { return s == "" })
}

// openColumns lists the columns of a screen, the visible ones first; Enter shows or hides
// one.
func (m *Model) openColumns(cursor int) {
	now := m.columnNames()
	n := &menu{title: "Columns of " + screens[m.screen].title, cursor: cursor, closed: (*Model).openSetup}
	n.chosen = func(m *Model, value string) {
		at := slices.IndexFunc(n.items, func(c choice) bool { return c.value == value })
		m.toggleColumn(value)
		m.openColumns(max(at, 0))
	}
	for _, name := range now {
		n.items = append(n.items, choice{name, "[x] " + name})
	}
	for _, name := range columnNames(m.screen) {
		if !slices.Contains(now, name) {
			n.items = append(n.items, choice{name, "[ ] " + name})
		}
	}
	n.cursor = min(n.cursor, len(n.items)-1)
	m.menu = n
	m.keepMenuVisible()
}

// toggleColumn shows or hides a column. The last visible one cannot be hidden.
func (m *Model) toggleColumn(name string) {
	now := slices.Clone(m.columnNames())
	if i := slices.Index(now, name); i < 0 {
		now = append(now, name)
	} else if len(now) > 1 {
		now = slices.Delete(now, i, i+1)
	}
	m.settings.Columns = maps.Clone(m.settings.Columns)
	if m.settings.Columns == nil {
		m.settings.Columns = Columns{}
	}
	m.settings.Columns[m.screen] = now
	m.arrange()
}

// ByName returns the chosen columns by the names of the screens, as in the configuration.
func (c Columns) ByName() map[string][]string {
	byName := map[string][]string{}
	for s, list := range c {
		if s < keyed {
			byName[strings.ToLower(screens[s].title)] = list
		}
	}
	return byName
}
