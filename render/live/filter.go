package live

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// filter selects rows of a screen.
type filter struct {
	text string
	expr bool // an expression over the records' fields; else plain text
}

// parseFilter decides what the user meant: an expression if it is a valid one, an error if
// it only looks like one, else a text to find in the row.
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

// looksLikeExpression reports whether a text is more likely a mistyped expression than a
// text to find in a row.
func looksLikeExpression(s string) bool {
	for _, op := range []string{"==", "!=", "<", ">", "&&", "||", "??", " in ", " contains ", " matches ", " startsWith ", " endsWith "} {
		if strings.Contains(s, op) {
			return true
		}
	}
	return false
}

// apply returns the rows that match the filter, and says for how many this could not be
// decided.
func (f filter) apply(source []row, columns []column, d *Data) (kept []row, leftOut string) {
	if !f.expr {
		return keepRows(source, func(r *row) bool { return rowHas(columns, d, r, f.text) }), ""
	}
	objects, err := query.CompileWhere[model.Object](f.text)
	processes, err2 := query.CompileWhere[model.Process](f.text)
	for i := range source {
		r := &source[i]
		if r.object != nil && err == nil && objects.Match(r.object) || r.process != nil && err2 == nil && processes.Match(r.process) {
			kept = append(kept, *r)
		}
	}
	var list []query.LeftOut
	if err == nil {
		list = objects.LeftOut()
	}
	if err2 == nil {
		list = append(list, processes.LeftOut()...)
	}
	if len(list) > 0 {
		leftOut = list[0].String()
	}
	return kept, leftOut
}

// keepRows filters on all processors: on one processor the texts of 100,000 rows would take
// longer than a user wants to wait.
func keepRows(source []row, keep func(*row) bool) []row {
	parts := make([][]row, runtime.GOMAXPROCS(0))
	var done sync.WaitGroup
	for n := range parts {
		done.Go(func() {
			for i := n * len(source) / len(parts); i < (n+1)*len(source)/len(parts); i++ {
				if keep(&source[i]) {
					parts[n] = append(parts[n], source[i])
				}
			}
		})
	}
	done.Wait()
	return slices.Concat(parts...)
}

// rowHas reports whether one of the texts of a row, with nothing folded, contains a text,
// ignoring case. It is called for every row, and a large machine has many, so it makes no
// text that it does not need.
func rowHas(columns []column, d *Data, r *row, wanted string) bool {
	has := func(s string) bool { return containsFold(s, wanted) }
	if o := r.object; o != nil {
		if has(d.escape(o.Name)) || slices.ContainsFunc(o.Aliases, func(s string) bool { return has(d.escape(s)) }) {
			return true
		}
	}
	if p := r.process; p != nil && (has(d.escape(p.Name())) || has(d.escape(p.Comm)) || has(d.escape(strings.Join(p.Cmdline, " ")))) {
		return true
	}
	for i := range columns {
		if has(columns[i].cell(d, d.fullView, r).Text) {
			return true
		}
	}
	return false
}

// containsFold is strings.Contains ignoring case.
func containsFold(s, wanted string) bool {
	if wanted == "" {
		return true
	}
	first, _ := utf8.DecodeRuneInString(wanted)
	lower, upper := unicode.ToLower(first), unicode.ToUpper(first)
	size := utf8.RuneLen(first)
	if lower >= utf8.RuneSelf || upper >= utf8.RuneSelf || size != 1 {
		return strings.Contains(s, wanted) || strings.Contains(strings.ToLower(s), strings.ToLower(wanted))
	}
	for i := 0; i+len(wanted) <= len(s); i++ {
		if c := rune(s[i]); (c == lower || c == upper) && strings.EqualFold(s[i:i+len(wanted)], wanted) {
			return true
		}
	}
	return false
}
