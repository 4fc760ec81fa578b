package live

import (
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// filter keeps some rows of a screen.
type filter struct {
	text string
	expr bool // an expression over the records' fields; else plain text
}

// parseFilter decides what the user meant: an expression if it is one, an error
// if it only looks like one, else text to be found in the row.
func parseFilter(list recordList, s string) (filter, error) {
	s = strings.TrimSpace(s)
	if s == "" || list == listNone {
		return filter{text: s}, nil
	}
	var err error
	switch list {
	case listObjects:
		_, err = query.CompileWhere[model.Object](s)
	case listProcesses:
		_, err = query.CompileWhere[model.Process](s)
	}
	switch {
	case err == nil:
		return filter{s, true}, nil
	case looksLikeExpression(s):
		return filter{}, err
	}
	return filter{text: s}, nil
}

// looksLikeExpression reports whether text is more likely a mistyped expression
// than something to be found in a row.
func looksLikeExpression(s string) bool {
	for _, op := range []string{"==", "!=", "<", ">", "&&", "||", "??", " in ", " contains ", " matches ", " startsWith ", " endsWith "} {
		if strings.Contains(s, op) {
			return true
		}
	}
	return false
}

// test makes the function that keeps rows, and one that says afterwards what
// could not be decided. It is made anew for every use: an expression is for one
// goroutine.
func (f filter) test(columns []column, d *Data) (keep func(*row) bool, leftOut func() string) {
	none := func() string { return "" }
	if f.text == "" {
		return func(*row) bool { return true }, none
	}
	if f.expr {
		objects, err := query.CompileWhere[model.Object](f.text)
		processes, err2 := query.CompileWhere[model.Process](f.text)
		keep = func(r *row) bool {
			switch {
			case r.object != nil && err == nil:
				return objects.Match(r.object)
			case r.process != nil && err2 == nil:
				return processes.Match(r.process)
			}
			return false
		}
		return keep, func() string {
			var list []query.LeftOut
			if err == nil {
				list = objects.LeftOut()
			}
			if err2 == nil {
				list = append(list, processes.LeftOut()...)
			}
			if len(list) == 0 {
				return ""
			}
			return list[0].String()
		}
	}
	wanted := strings.ToLower(f.text)
	return func(r *row) bool { return strings.Contains(rowText(columns, d, r), wanted) }, none
}

// rowText is all that a row says, nothing folded, in small letters.
func rowText(columns []column, d *Data, r *row) string {
	var b strings.Builder
	for i := range columns {
		b.WriteString(columns[i].cell(d, d.whole, r).Text)
		b.WriteByte(' ')
	}
	if o := r.object; o != nil {
		for _, s := range append([]string{o.Name}, o.Aliases...) {
			b.WriteString(d.escape(s) + " ")
		}
	}
	if p := r.process; p != nil {
		b.WriteString(d.escape(p.Comm) + " " + d.escape(strings.Join(p.Cmdline, " ")))
	}
	return strings.ToLower(b.String())
}
