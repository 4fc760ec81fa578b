package live

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/query"
)

// Columns are the columns that a user has chosen instead of the default ones, by screen.
type Columns map[int][]string

// Set parses a user's choice: SCREEN=A,B for these columns in this order, or SCREEN=+C
// for the default ones and one more. Without SCREEN= it applies to every screen that has
// all of these columns. The error lists the valid names.
func (c Columns) Set(spec string) error {
	name, list, given := strings.Cut(spec, "=")
	if !given {
		name, list = "", spec
	}
	add := strings.HasPrefix(list, "+")
	var wanted []string
	for _, column := range strings.Split(strings.TrimPrefix(list, "+"), ",") {
		if column = strings.ToUpper(strings.TrimSpace(column)); column != "" {
			wanted = append(wanted, column)
		}
	}
	if len(wanted) == 0 {
		return fmt.Errorf("columns %q: there is no column in it", spec)
	}
	if given {
		s := screenNamed(name)
		if s < 0 {
			return fmt.Errorf("columns %q: there is no screen %q; there are %s", spec, name, strings.Join(screenNames(), ", "))
		}
		for _, column := range wanted {
			if _, ok := columnNamed(s, column); !ok {
				return fmt.Errorf("columns %q: screen %s has no column %q%s", spec, name, column, nearest(column, columnNames(s)))
			}
		}
		c.set(s, wanted, add)
		return nil
	}
	fits := false
	for s := range screens {
		if !slices.ContainsFunc(wanted, func(column string) bool { _, ok := columnNamed(s, column); return !ok }) {
			c.set(s, wanted, add)
			fits = true
		}
	}
	if !fits {
		var all []string
		for s := range screens {
			all = append(all, columnNames(s)...)
		}
		return fmt.Errorf("columns %q: no screen has them all%s", spec, nearest(wanted[0], all))
	}
	return nil
}

func (c Columns) set(s int, wanted []string, add bool) {
	if add {
		usual := c[s]
		if usual == nil {
			usual = screens[s].columns
		}
		wanted = append(slices.Clone(usual), slices.DeleteFunc(slices.Clone(wanted), func(w string) bool { return slices.Contains(usual, w) })...)
	}
	c[s] = wanted
}

func nearest(column string, all []string) string {
	if near := query.Nearest(column, all); len(near) > 0 {
		return "; did you mean " + strings.Join(near, ", ") + "?"
	}
	return ""
}

// screenNamed finds a screen by its title, ignoring case; -1: there is none.
func screenNamed(name string) int {
	return slices.IndexFunc(screens[:keyed], func(s screen) bool { return strings.EqualFold(s.title, name) })
}

func screenNames() []string {
	var names []string
	for _, s := range screens[:keyed] {
		names = append(names, strings.ToLower(s.title))
	}
	return names
}

// columnNames lists the columns that a screen can have.
func columnNames(s int) []string {
	var names []string
	for _, c := range columnsFor(s) {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// CompleteColumns returns the completions of a text for [Columns.Set]: names of screens, each
// with =, and names of columns.
func CompleteColumns(typed string) []string {
	name, list, given := strings.Cut(typed, "=")
	var words []string
	seen := func(s int) {
		for _, c := range columnNames(s) {
			if !slices.Contains(words, c) {
				words = append(words, c)
			}
		}
	}
	if given {
		if s := screenNamed(name); s >= 0 {
			seen(s)
		}
	} else {
		list = typed
		for _, s := range screenNames() {
			words = append(words, s+"=")
		}
		for s := range screens[:keyed] {
			seen(s)
		}
	}
	before := typed[:len(typed)-len(list)+strings.LastIndexAny(list, ",+")+1]
	last := typed[len(before):]
	var ways []string
	for _, w := range words {
		screen := strings.HasSuffix(w, "=")
		if screen && before != "" {
			continue
		}
		if last != "" && last == strings.ToLower(last) {
			w = strings.ToLower(w) // names of columns may be in lower case
		}
		if strings.HasPrefix(w, last) {
			ways = append(ways, before+w)
		}
	}
	return ways
}
