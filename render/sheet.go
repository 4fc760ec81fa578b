package render

import (
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// Sheet is a table as data, for output that is not a terminal.
type Sheet struct {
	Name    string // of the list, or of the kind
	Title   string
	Columns []SheetColumn
	Rows    [][]SheetCell
	More    int // rows that were left out
}

// SheetColumn is the heading of a column.
type SheetColumn struct {
	Name, Doc string
	Right     bool // numbers
}

// SheetCell is a cell: Text is shown, and is escaped as for a terminal; Sort is for sorting: a
// number in decimal, or text; "" is unknown.
type SheetCell struct {
	Text, Sort string
	Role       Role
}

// Sheets returns the tables of a snapshot: its lists, and its objects by kind. Each has at
// most the given number of rows.
func Sheets(v *View, most int) []Sheet {
	s := v.snap
	list := []Sheet{
		sheet(v, "findings", "Findings", findingColumns, pointers(s.Findings), most),
		sheet(v, "waits", "Blocked threads", waitColumns, pointers(s.Waits), most),
		sheet(v, "processes", "Processes", processColumns, s.Processes, most),
	}
	for _, k := range v.index.Kinds() {
		title := string(k)
		if info, ok := model.LookupKind(k); ok {
			title = string(k) + ": " + info.Title
		}
		list = append(list, sheet(v, string(k), title, ColumnsOf(k), v.index.OfKind(k), most))
	}
	return append(list, sheet(v, "limits", "Limits", limitColumns, pointers(s.Limits), most),
		sheet(v, "gaps", "What could not be read", gapColumns, pointers(s.Gaps), most))
}

func sheet[T any](v *View, name, title string, columns []Column[T], records []*T, most int) Sheet {
	t := Sheet{Name: name, Title: title, More: max(len(records)-most, 0)}
	for i := range columns {
		t.Columns = append(t.Columns, SheetColumn{columns[i].Name, columns[i].Doc, columns[i].Right})
	}
	for _, r := range records[:min(len(records), most)] {
		row := make([]SheetCell, len(columns))
		for i := range columns {
			c := columns[i].Text(v, r)
			row[i] = SheetCell{c.Text, c.Text, c.Role}
			if key := columns[i].Key; key != nil {
				row[i].Sort = key(v, r).sortable()
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// sortable returns the value in a form that another program can compare.
func (k Key) sortable() string {
	switch k.kind {
	case keyInt:
		return strconv.FormatInt(k.num, 10)
	case keyReal:
		return strconv.FormatFloat(k.real, 'g', -1, 64)
	}
	return Escape(k.text)
}
