package render

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// writeObjects writes a table for each kind, or one for all if the user chose
// the columns.
func writeObjects(w io.Writer, v *View, objects []*model.Object) error {
	objects = inSocketOrder(objects)
	if v.Columns != "" && !strings.HasPrefix(v.Columns, "+") {
		columns, err := choose(v.Options, nil, everyColumn())
		if err != nil {
			return err
		}
		return writeTable(w, v, columns, objects)
	}
	for i := 0; i < len(objects); {
		k := objects[i].Kind
		end := i
		for end < len(objects) && objects[end].Kind == k {
			end++
		}
		own := ColumnsOf(k)
		if v.traffic != nil && HasRates(k) {
			own = append(slices.Clone(own), rateOfColumn)
		}
		columns, err := choose(v.Options, own, everyColumn())
		if err != nil {
			return err
		}
		shown, folded := foldPrivate(v, objects[i:end])
		if !v.NoHeadings {
			title := tableTitle(v, k, len(shown))
			if i > 0 {
				title = "\n" + title
			}
			if _, err := io.WriteString(w, title); err != nil {
				return err
			}
		}
		if len(shown) > 0 {
			if err := writeTable(w, v, columns, shown); err != nil {
				return err
			}
		}
		if folded > 0 {
			if _, err := fmt.Fprintf(w, "%s: %d private to one process (-k %s lists them)\n", k, folded, k); err != nil {
				return err
			}
		}
		i = end
	}
	return nil
}

// tableTitle returns the title of a kind's table: the kind, and the number of objects.
func tableTitle(v *View, k model.Kind, n int) string {
	title := v.escape(string(k))
	if info, ok := model.LookupKind(k); ok && info.Title != string(k) {
		title += ": " + info.Title
	}
	title += " (" + strconv.Itoa(n) + ")"
	if v.Color {
		title = sgr[Heading] + title + sgrReset
	}
	return title + "\n"
}

// private is implemented by details of objects that may belong to only one process: the
// many locks of language runtimes, which do not communicate with other processes.
type private interface{ Private() bool }

// foldPrivate leaves out private objects and counts them.
func foldPrivate(v *View, objects []*model.Object) (shown []*model.Object, folded int) {
	if !v.FoldPrivate {
		return objects, 0
	}
	for _, o := range objects {
		if p, ok := o.Detail.(private); ok && p.Private() && len(o.Holders) > 0 {
			folded++
			continue
		}
		shown = append(shown, o)
	}
	return shown, folded
}

// everyColumn returns the columns that can be selected by name: those of any object, then
// those of single kinds. The list is made once and must not be changed.
var everyColumn = sync.OnceValue(func() objectColumns {
	list := append(objectColumns{}, commonColumns...)
	seen := map[string]bool{}
	for _, c := range list {
		seen[c.Name] = true
	}
	for _, k := range model.Kinds() {
		for _, c := range ColumnsOf(k.Name) {
			// A name that several kinds use stands for the column of the object's own kind.
			if !seen[c.Name] {
				seen[c.Name] = true
				c.Text, c.Key = byKind(c.Name)
				list = append(list, c)
			}
		}
	}
	return slices.Clip(list)
})

// ObjectColumns returns all columns of objects: those of any object, then those of single
// kinds. A name that several kinds use is one column, which shows the value of each
// object's own kind.
func ObjectColumns() []Column[model.Object] { return everyColumn() }

// byKind returns the functions of a column that shows, for each object, its own kind's column
// with that name.
func byKind(name string) (func(*View, *model.Object) Cell, func(*View, *model.Object) Key) {
	of := map[model.Kind]*Column[model.Object]{}
	for _, k := range model.Kinds() {
		for _, c := range ColumnsOf(k.Name) {
			if c.Name == name {
				of[k.Name] = &c
			}
		}
	}
	text := func(v *View, o *model.Object) Cell {
		if c := of[o.Kind]; c != nil {
			return c.Text(v, o)
		}
		return Cell{} // the kind has no such column
	}
	key := func(v *View, o *model.Object) Key {
		switch c := of[o.Kind]; {
		case c == nil:
			return Key{}
		case c.Key != nil:
			return c.Key(v, o)
		default:
			return TextKey(c.Text(v, o).Text)
		}
	}
	return text, key
}

// CheckColumns returns an error if a list of columns is wrong, so that this is known before
// the scan.
func CheckColumns(o *Options, only []string) error {
	if o.Columns == "" {
		return nil
	}
	return eachList(only, func(list string) error {
		if l, ok := tables[list]; ok {
			return l.check(o)
		}
		return nil
	})
}

func eachList(only []string, f func(string) error) error {
	for _, list := range only {
		if err := f(list); err != nil {
			return err
		}
	}
	return nil
}
