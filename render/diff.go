package render

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
)

// DiffSchema is the version of the JSON of [DiffJSON] and [TrendJSON].
const DiffSchema = "ipctop-diff/1"

var diffColumns = []Column[record.Change]{
	{Name: "CHANGE", Text: func(_ *View, c *record.Change) Cell { return Cell{c.Change, changeRoles[c.Change]} }},
	{Name: "WHAT", Text: func(v *View, c *record.Change) Cell { return Cell{Text: v.escape(changeSubject(c))} }},
	{Name: "PROCESS", Text: func(v *View, c *record.Change) Cell {
		if c.PID == 0 {
			return Cell{}
		}
		return Cell{Text: v.named(v.nameOf(c.PID, c.Comm), c.PID)}
	}},
	{Name: "HOW", Flex: true, Text: func(v *View, c *record.Change) Cell { return Cell{Text: v.escape(changeHow(c))} }},
}

var changeRoles = map[string]Role{record.Grew: Notice}

func changeSubject(c *record.Change) string {
	switch c.List {
	case "processes":
		return "process"
	case "findings":
		return "finding"
	case "holders":
		return "holder of " + c.ID
	}
	return c.ID
}

// changeHow describes a change: the fields that changed, or the thing that is new or gone.
func changeHow(c *record.Change) string {
	var parts []string
	for _, f := range c.Fields {
		switch {
		case c.List == "holders":
			parts = append(parts, f.Before+f.After)
		case f.Before == "" && f.After == "":
			parts = append(parts, f.Name)
		default:
			parts = append(parts, f.Name+" "+orUnknown(f.Before)+" -> "+orUnknown(f.After))
		}
	}
	if c.Name != "" && (c.List == "findings" || c.List == "objects" && len(parts) == 0) {
		parts = append([]string{c.Name}, parts...)
	}
	return strings.Join(parts, ", ")
}

func orUnknown(s string) string {
	if s == "" {
		return Unknown
	}
	return s
}

// Diff writes what changed as a table.
func Diff(w io.Writer, o *Options, d *record.Difference) error {
	return writeTable(w, NewView(model.NewIndex(&model.Snapshot{}), o), diffColumns, pointers(d.Changes))
}

// DiffJSON writes what changed as JSON.
func DiffJSON(w io.Writer, d *record.Difference) error {
	b := fmt.Appendf(nil, "{\"schema\":%q,\n\"before\":", DiffSchema)
	b = model.AppendJSON(b, &d.Before)
	b = model.AppendJSON(append(b, ",\n\"after\":"...), &d.After)
	if why := d.Comparable(); why != "" {
		b = fmt.Appendf(b, ",\n\"incomparable\":%q", why)
	}
	return writeJSONList(w, b, "changes", d.Changes)
}

var trendColumns = []Column[record.Growth]{
	{Name: "WHO", Text: func(v *View, g *record.Growth) Cell {
		if g.PID == 0 {
			return Cell{Text: "machine"}
		}
		return Cell{Text: v.named(v.nameOf(g.PID, g.Comm), g.PID)}
	}},
	{Name: "WHAT", Text: func(_ *View, g *record.Growth) Cell {
		if g.Kind == "" {
			return Cell{Text: "descriptors"}
		}
		return Cell{Text: string(g.Kind)}
	}},
	{Name: "FIRST", Right: true, Text: func(_ *View, g *record.Growth) Cell { return Cell{Text: strconv.Itoa(g.First)} }},
	{Name: "LAST", Right: true, Text: func(_ *View, g *record.Growth) Cell { return Cell{Text: strconv.Itoa(g.Last)} }},
	{Name: "GREW", Right: true, Text: func(_ *View, g *record.Growth) Cell { return Cell{Text: strconv.Itoa(g.Times) + " times"} }},
	{Name: "SINCE", Text: func(_ *View, g *record.Growth) Cell { return Cell{Text: g.Since.Local().Format(time.DateTime)} }},
}

// Trend writes the counts that only grew as a table.
func Trend(w io.Writer, o *Options, t *record.Trend) error {
	return writeTable(w, NewView(model.NewIndex(&model.Snapshot{}), o), trendColumns, pointers(t.Growing()))
}

// TrendJSON writes the counts that only grew as JSON.
func TrendJSON(w io.Writer, t *record.Trend) error {
	n, first, last := t.Samples()
	b := fmt.Appendf(nil, "{\"schema\":%q,\n\"samples\":%d,\n\"first\":%q,\n\"last\":%q", DiffSchema, n,
		first.UTC().Format(time.RFC3339Nano), last.UTC().Format(time.RFC3339Nano))
	return writeJSONList(w, b, "growing", t.Growing())
}

// writeJSONList writes the list at the end of a document, one element per line.
func writeJSONList[T any](w io.Writer, head []byte, name string, list []T) error {
	out := bufio.NewWriter(w)
	out.Write(head)
	fmt.Fprintf(out, ",\n%q:[", name)
	var b []byte
	for i := range list {
		b = append(b[:0], ",\n"...)
		if i == 0 {
			b = b[1:]
		}
		out.Write(model.AppendJSON(b, &list[i]))
	}
	out.WriteString("]}\n")
	return out.Flush()
}
