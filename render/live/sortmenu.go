package live

// unsorted is the value of the menu's line for the natural order.
const unsorted = ""

// chooseSort offers the columns to sort by.
func (m *Model) chooseSort() {
	a := m.table().arranged
	if a == nil || len(m.pages) > 0 {
		m.setMessage(Dim, "Only tables can be sorted.")
		return
	}
	n := &menu{title: "Sort by", items: []choice{{unsorted, "(as listed)"}}, chosen: func(m *Model, value string) { m.sortByName(value) }}
	for _, c := range a.columns {
		if c.name == "" {
			continue
		}
		if c.name == m.table().wanted.column {
			n.cursor = len(n.items)
		}
		n.items = append(n.items, choice{c.name, c.name})
	}
	m.menu = n
	m.keepMenuVisible()
}
