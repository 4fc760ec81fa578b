package render

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// Column is one column of a table of T. There is no list of all columns: each table
// defines its own.
type Column[T any] struct {
	Name  string // heading, and what --columns takes
	Doc   string
	Right bool // aligned to the right: numbers
	Flex  bool // may be cut to fit the terminal
	Wide  bool // shown by -o wide only
	Spare bool // left out if the terminal is too narrow for all columns
	Text  func(v *View, r *T) Cell
	// Key returns the value itself, for sorting and CSV; nil: the text is used.
	Key func(v *View, r *T) Key
}

// Key is a value that can be sorted and written unformatted. Its zero value is unknown.
type Key struct {
	kind keyKind
	num  int64
	real float64
	text string
}

type keyKind uint8

const (
	keyUnknown keyKind = iota
	keyInt
	keyReal
	keyText
)

// IntKey is a whole number.
func IntKey[N ~int | ~int32 | ~int64](n N) Key { return Key{kind: keyInt, num: int64(n)} }

// TextKey is text; empty text is unknown.
func TextKey(s string) Key {
	if s == "" {
		return Key{}
	}
	return Key{kind: keyText, text: s}
}

// OptKey is a number that may be unknown.
func OptKey[N ~int | ~int32 | ~int64](o model.Opt[N]) Key {
	if n, ok := o.Get(); ok {
		return IntKey(n)
	}
	return Key{}
}

// Compare orders keys: numbers by value, text naturally (see [model.CompareIDs]); unknown
// values sort last.
func (k Key) Compare(l Key) int {
	switch {
	case k.kind == keyUnknown || l.kind == keyUnknown:
		return cmp.Compare(b2i(k.kind == keyUnknown), b2i(l.kind == keyUnknown))
	case k.kind != l.kind:
		return cmp.Compare(k.kind, l.kind)
	case k.kind == keyInt:
		return cmp.Compare(k.num, l.num)
	case k.kind == keyReal:
		return cmp.Compare(k.real, l.real)
	}
	return model.CompareIDs(k.text, l.text)
}

// Known reports whether there is a value.
func (k Key) Known() bool { return k.kind != keyUnknown }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// raw returns the unformatted value, and whether it is text that came from another
// process.
func (k Key) raw() (string, bool) {
	switch k.kind {
	case keyInt:
		return strconv.FormatInt(k.num, 10), false
	case keyReal:
		return strconv.FormatFloat(k.real, 'f', -1, 64), false
	case keyText:
		return k.text, true
	}
	return "", false
}

// cell is a key shown as it is.
func (v *View) cell(k Key) Cell {
	if k.kind == keyUnknown {
		return Cell{Unknown, Dim}
	}
	s, _ := k.raw()
	return Cell{Text: v.escape(s)}
}

// textColumn shows text as it is; empty text means that the field does not apply.
func textColumn[T any](name, doc string, get func(*T) string) Column[T] {
	return Column[T]{
		Name: name, Doc: doc, Flex: true,
		Key:  func(_ *View, r *T) Key { return TextKey(get(r)) },
		Text: func(v *View, r *T) Cell { return Cell{Text: v.escape(get(r))} },
	}
}

// unsure marks a blank cell as unknown, for a value that every object of the kind has.
func unsure[T any](c Column[T]) Column[T] {
	shown := c.Text
	c.Text = func(v *View, r *T) Cell {
		if cell := shown(v, r); cell.Text != "" {
			return cell
		}
		return Cell{Unknown, Dim}
	}
	return c
}

// onlyFor makes the cell blank if the column does not apply to the record.
func onlyFor[T any](applies func(*T) bool, c Column[T]) Column[T] {
	shown := c.Text
	c.Text = func(v *View, r *T) Cell {
		if !applies(r) {
			return Cell{}
		}
		return shown(v, r)
	}
	return c
}

// intColumn shows a number as it is.
func intColumn[T any](name, doc string, get func(*T) model.Opt[int64]) Column[T] {
	key := func(_ *View, r *T) Key { return OptKey(get(r)) }
	return Column[T]{
		Name: name, Doc: doc, Right: true, Key: key,
		Text: func(v *View, r *T) Cell { return v.cell(key(v, r)) },
	}
}

// sizeColumn shows a number of bytes.
func sizeColumn[T any](name, doc string, get func(*T) model.Opt[int64]) Column[T] {
	return Column[T]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, r *T) Key { return OptKey(get(r)) },
		Text: func(_ *View, r *T) Cell {
			o := get(r)
			if !o.Known() {
				return Cell{Unknown, Dim}
			}
			return Cell{Text: OptSize(o)}
		},
	}
}

func wide[T any](c Column[T]) Column[T] { c.Wide = true; return c }

func spare[T any](c Column[T]) Column[T] { c.Spare = true; return c }

func narrow[T any](c Column[T]) Column[T] { c.Flex = false; return c }

// FieldColumn returns a column for a JSON field, given by its dotted name.
func FieldColumn[T any](name string) (Column[T], error) {
	path, err := query.ParsePath(reflect.TypeFor[T](), name)
	if err != nil {
		return Column[T]{}, err
	}
	key := func(_ *View, r *T) Key { return keyOf(path.Get(r)) }
	return Column[T]{
		Name: name, Doc: "the JSON field", Flex: true, Key: key,
		Text: func(v *View, r *T) Cell { return v.cell(key(v, r)) },
	}, nil
}

// keyOf combines the values at a path into one key.
func keyOf(values []any) Key {
	if len(values) == 0 {
		return Key{}
	}
	if len(values) > 1 {
		texts := make([]string, len(values))
		for i, x := range values {
			texts[i], _ = keyOf([]any{x}).raw()
		}
		return TextKey(strings.Join(texts, " "))
	}
	switch x := values[0].(type) {
	case string:
		return TextKey(x)
	case int64:
		return IntKey(x)
	case float64:
		return Key{kind: keyReal, real: x}
	case bool:
		return TextKey(strconv.FormatBool(x))
	case time.Time:
		return TextKey(x.UTC().Format(time.RFC3339Nano))
	}
	return TextKey(fmt.Sprint(values[0]))
}

// choose applies the user's choice of columns to a table's own columns. all are the
// columns that may be named, in addition to JSON fields.
func choose[T any](o *Options, own, all []Column[T]) ([]Column[T], error) {
	list := own
	if !o.Wide {
		list = slices.DeleteFunc(slices.Clone(own), func(c Column[T]) bool { return c.Wide })
	}
	if o.Columns == "" {
		return list, nil
	}
	spec, added := strings.CutPrefix(o.Columns, "+")
	if !added {
		list = nil
	}
	list = slices.Clone(list)
	for name := range strings.SplitSeq(spec, ",") {
		name = strings.TrimPrefix(strings.TrimSpace(name), "+")
		if name == "" {
			continue
		}
		c, err := columnNamed(name, own, all)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(list, func(d Column[T]) bool { return d.Name == c.Name }) || !added {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no column in %q", o.Columns)
	}
	return list, nil
}

func columnNamed[T any](name string, own, all []Column[T]) (Column[T], error) {
	for _, list := range [][]Column[T]{own, all} {
		for _, c := range list {
			if strings.EqualFold(c.Name, name) {
				return c, nil
			}
		}
	}
	c, err := FieldColumn[T](strings.ToLower(name))
	if err == nil {
		return c, nil
	}
	var names []string
	for _, list := range [][]Column[T]{own, all} {
		for _, c := range list {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	for _, f := range query.Fields(reflect.TypeFor[T]()) {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, f.Name) }) {
			names = append(names, f.Name)
		}
	}
	near := ""
	if n := query.Closest(strings.ToUpper(name), names); n != "" {
		near = fmt.Sprintf(" (did you mean %s?)", n)
	} else if strings.Contains(name, ".") {
		near = " (" + err.Error() + ")"
	}
	return Column[T]{}, fmt.Errorf("there is no column %q%s: there are %s", name, near, strings.Join(names, ", "))
}
