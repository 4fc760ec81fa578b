package render

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// showDetailPrefix is the beginning of the paths of a detail's fields.
const showDetailPrefix = "objects.detail."

// showNames are names of fields whose JSON name is too short to be understood.
var showNames = map[string]string{
	"dev": "device", "ino": "inode", "sysv_id": "System V id", "sems": "semaphores", "files": "registered files",
	"wd": "watch descriptor", "ncount": "wait for more", "zcount": "wait for 0", "last_pid": "last changed by",
	"comm": "command", "rss": "resident", "uid": "user id", "gid": "group id", "mode": "permissions", "ns_pids": "pids in its namespaces",
	"data": "program's number", "sq_thread": "polling thread", "cq_overflow": "completions without room", "api": "interface version",
}

// showLabel is a field's name for people.
func showLabel(f model.FieldInfo) string {
	if name := showNames[f.Name()]; name != "" {
		return name
	}
	name := f.Name()
	if f.Unit == "ns" {
		name = strings.TrimSuffix(name, "_ns")
	}
	return strings.ReplaceAll(name, "_", " ")
}

// showColumn is a column of the kind's table, as a row.
type showColumn struct {
	name, text, doc string
	exact           []string // the exact values, if the text rounds them
}

// ownColumns returns the columns of an object's kind without those that all kinds have.
func (t *showText) ownColumns(o *model.Object) []showColumn {
	var list []showColumn
	for _, c := range ColumnsOf(o.Kind) {
		if slices.ContainsFunc(commonColumns, func(d Column[model.Object]) bool { return d.Name == c.Name && d.Doc == c.Doc }) {
			continue
		}
		list = append(list, showColumn{name: strings.ToLower(c.Name), text: c.Text(t.view, o).Text, doc: c.Doc})
	}
	return list
}

// objectDetail writes the detail of an object: the columns of its kind's table, the fields
// that these do not show, and its lists.
func (t *showText) objectDetail(o *model.Object) {
	if o.Detail == nil {
		return
	}
	columns := t.ownColumns(o)
	var more [][]string
	var lists []model.FieldValue
	for _, f := range model.Values(o.Detail) {
		if showIsTable(f.Value) {
			lists = append(lists, f)
			continue
		}
		if i := t.shownBy(columns, o, f.Name()); i >= 0 {
			columns[i].exact = append(columns[i].exact, showExact(f)...)
			continue
		}
		if value := t.value(f); value != "" {
			more = append(more, []string{showLabel(f.FieldInfo), value, f.Doc})
		}
	}
	var rows [][]string
	for _, c := range columns {
		if c.exact != nil {
			c.text += " (" + strings.Join(c.exact, " of ") + ")"
		}
		if c.text != "" {
			rows = append(rows, []string{c.name, c.text, c.doc})
		}
	}
	rows = append(rows, more...)
	t.heading("Detail")
	t.table(rows)
	for _, f := range lists {
		t.detailList(f)
	}
}

// showExact returns a value exactly if columns round it; nil if they do not.
func showExact(f model.FieldValue) []string {
	switch v := f.Value.(type) {
	case time.Time:
		return []string{showTime(v)}
	case int64:
		if f.Unit == "bytes" && v >= 1024 {
			return []string{strconv.FormatInt(v, 10) + " bytes"}
		}
	}
	return nil
}

// shownBy returns the index of the column that shows a field: the one that changes if the field
// is removed; -1 if there is none.
func (t *showText) shownBy(columns []showColumn, o *model.Object, field string) int {
	without := *o
	without.Detail = model.Without(o.Detail, field)
	for i, c := range t.ownColumns(&without) {
		if c.text != columns[i].text {
			return i
		}
	}
	return -1
}

// showIsTable reports whether a value is a list of records.
func showIsTable(value any) bool {
	t := reflect.TypeOf(value)
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// detailList writes a list of records as a table.
func (t *showText) detailList(f model.FieldValue) {
	title := showLabel(f.FieldInfo)
	rows := t.recordRows(reflect.ValueOf(f.Value))
	if locks, ok := f.Value.([]model.Lock); ok {
		rows = t.lockRows(locks)
	}
	t.heading("%s (%d)", strings.ToUpper(title[:1])+title[1:], len(rows)-1)
	if len(rows) > 1 {
		t.table(rows)
	}
}

// recordRows returns records as rows, with a column for each field that one of them has.
func (t *showText) recordRows(list reflect.Value) [][]string {
	rows := [][]string{{"#"}}
	column := map[string]int{}
	for i := range list.Len() {
		row := []string{strconv.Itoa(i)}
		for _, f := range model.Values(list.Index(i).Addr().Interface()) {
			at, ok := column[f.Name()]
			if !ok {
				at = len(rows[0])
				column[f.Name()] = at
				rows[0] = append(rows[0], strings.ToUpper(showLabel(f.FieldInfo)))
			}
			for len(row) <= at {
				row = append(row, "")
			}
			row[at] = t.value(f)
			if n, ok := f.Value.(int64); ok && f.Name() == "last_pid" {
				row[at] = t.view.changedBy(int(n))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// changedBy names a process whose pid the kernel has stored; 0 means none.
func (v *View) changedBy(pid int) string {
	if pid == 0 {
		return ""
	}
	return v.process(pid)
}

// lockRows returns the locks of a file as rows.
func (t *showText) lockRows(locks []model.Lock) [][]string {
	rows := [][]string{{"#", "TYPE", "MODE", "RANGE", "PROCESS", "STATE"}}
	for i := range locks {
		l := &locks[i]
		state := "held"
		switch {
		case l.Blocked:
			state = "waits"
			var others []string
			for _, pid := range l.BlockedBy {
				others = append(others, t.view.process(pid))
			}
			if others != nil {
				state += " for " + showFew(others, 4)
			}
		case l.Breaking:
			state = "asked to be released"
		}
		who := LockOwners(t.view, l)
		if who == "" {
			who = Unknown
		}
		rows = append(rows, []string{strconv.Itoa(i), t.esc(l.Type), t.esc(l.Mode), LockRange(l), who, state})
	}
	return rows
}
