package render

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ipctop/ipctop/model"
)

// value returns a field's value for people: sizes and durations also in units that are easy
// to read.
func (t *showText) value(f model.FieldValue) string {
	switch v := f.Value.(type) {
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		return t.esc(v)
	case int64:
		return showNumber(v, f.Unit)
	case uint64:
		return showNumber(int64(v), f.Unit)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return showTime(v)
	case fmt.Stringer:
		return v.String()
	case []string:
		escaped := make([]string, len(v))
		for i, s := range v {
			escaped[i] = t.esc(s)
		}
		return strings.Join(escaped, ", ")
	}
	return t.nested(reflect.ValueOf(f.Value))
}

// nested returns a record within a record on one line: names and values, with lists
// separated by semicolons.
func (t *showText) nested(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return t.nested(v.Elem())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = t.nested(v.Index(i))
		}
		return strings.Join(parts, "; ")
	case reflect.Map:
		var parts []string
		for _, k := range v.MapKeys() {
			parts = append(parts, t.esc(k.String())+" "+t.nested(v.MapIndex(k)))
		}
		slices.Sort(parts)
		return strings.Join(parts, ", ")
	case reflect.Struct:
		p := reflect.New(v.Type()) // fields are read through a pointer
		p.Elem().Set(v)
		var parts []string
		for _, f := range model.Values(p.Interface()) {
			parts = append(parts, showLabel(f.FieldInfo)+" "+t.value(f))
		}
		return strings.Join(parts, ", ")
	case reflect.String:
		return t.esc(v.String())
	}
	return fmt.Sprint(v.Interface())
}

func showNumber(n int64, unit string) string {
	switch unit {
	case "bytes":
		return strconv.FormatInt(n, 10) + " bytes" + showBinary(n)
	case "ns":
		return time.Duration(n).String()
	case "":
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + " " + unit
}

// showBinary returns a size in a suitable unit, in parentheses; "" for small sizes.
func showBinary(n int64) string {
	size, unit := float64(n), 0
	units := []string{"", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for size >= 1024 && unit < len(units)-1 {
		size /= 1024
		unit++
	}
	if unit == 0 {
		return ""
	}
	digits := strings.TrimSuffix(strconv.FormatFloat(size, 'f', 1, 64), ".0")
	return " (" + digits + " " + units[unit] + ")"
}

func showTime(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// showMaxColumn limits the width of a column, so that one long cell does not widen the whole
// table.
const showMaxColumn = 44

// table writes rows in columns, indented.
func (t *showText) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if n := utf8.RuneCountInString(cell); n <= showMaxColumn {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, row := range rows {
		line := " "
		for i, cell := range row {
			line += " " + cell
			if n := widths[i] - utf8.RuneCountInString(cell); n >= 0 {
				line += strings.Repeat(" ", n)
			}
			line += " "
		}
		t.line("%s", strings.TrimRight(line, " "))
	}
}
