package live

import "strings"

// barKeys are the function keys of the last line, as htop has them.
var barKeys = []struct{ key, does string }{
	{"F1", "Help"}, {"F2", "Setup"}, {"F3", "Search"}, {"F4", "Filter"}, {"F5", "Tree"}, {"F6", "Sort"}, {"F9", "Kill"}, {"F10", "Quit"},
}

// barPlaces returns the place of each function key. If there is not enough room, the last
// ones are left out first, except F10.
func barPlaces(width int) []tab {
	for _, gap := range []string{" ", ""} {
		total := 0
		for _, b := range barKeys {
			total += len(b.key) + len(b.does) + len(gap)
		}
		if total > width && gap != "" {
			continue
		}
		var list []tab
		at := 0
		for i, b := range barKeys {
			n := len(b.key) + len(b.does)
			quit := barKeys[len(barKeys)-1]
			if i < len(barKeys)-1 && at+n+len(gap)+len(quit.key)+len(quit.does) > width {
				continue
			}
			list = append(list, tab{at, at + n, b.key + b.does})
			at += n + len(gap)
		}
		return list
	}
	return nil
}

// barLine is the line of function keys.
func (m *Model) barLine(width int) Line {
	var l Line
	for _, t := range barPlaces(width) {
		l.fill(t.from)
		key := t.key()
		l.add(KeyName, key)
		l.add(Normal, t.text[len(key):])
	}
	return crop(l, 0, width, "")
}

// key returns the name of the key at a place on the line.
func (t tab) key() string { return strings.TrimRight(t.text, "abcdefghijklmnopqrstuvwxyzHSFTKQ") }

// barKey returns the function key at a cell of the last line; "" if there is none.
func (m *Model) barKey(x int) string {
	if _, is := m.statusLine(m.width); is {
		return ""
	}
	for _, t := range barPlaces(m.width) {
		if x >= t.from && x < t.to {
			return t.key()
		}
	}
	return ""
}
