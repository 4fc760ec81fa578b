package render

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// csvObjectFields are the columns that every object has in CSV. They and their order are
// fixed. If the user selects kinds, the fields of these kinds' details follow.
var csvObjectFields = []string{
	"id", "gen", "kind", "name", "path", "deleted", "namespace.type", "namespace.inode", "dev", "ino", "sysv_id", "uid", "gid", "mode", "fill",
	"holders.pid", "holders_complete", "peers.id",
}

func csvObjectColumns(o *Options, kinds []model.Kind) (objectColumns, error) {
	if o.Columns != "" && !strings.HasPrefix(o.Columns, "+") {
		return choose(o, nil, everyColumn())
	}
	names := append([]string{}, csvObjectFields...)
	seen := map[string]bool{}
	for _, k := range kinds {
		for _, f := range query.DetailFields(k) {
			if !seen[f.Name] {
				seen[f.Name] = true
				names = append(names, "detail."+f.Name)
			}
		}
	}
	var list objectColumns
	for _, n := range names {
		c, err := FieldColumn[model.Object](n)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if o.Columns != "" {
		return choose(o, list, everyColumn())
	}
	return list, nil
}

// csvColumns returns all columns of a table, including the wide ones.
func csvColumns[T any](o *Options, own []Column[T]) ([]Column[T], error) {
	all := *o
	all.Wide = true
	return choose(&all, own, nil)
}

// writeCSV writes RFC 4180, with values that are not formatted for people. Text from other
// processes is escaped as in tables, so that a record is always one line. If a text could
// be the start of a formula in a spreadsheet, an apostrophe is put before it.
func writeCSV[T any](w io.Writer, v *View, columns []Column[T], records []*T) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	row := make([]string, len(columns))
	if !v.NoHeadings {
		for i, c := range columns {
			row[i] = strings.ToLower(c.Name)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	for _, r := range records {
		for i := range columns {
			row[i] = csvValue(v, &columns[i], r)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvValue[T any](v *View, c *Column[T], r *T) string {
	if c.Key == nil {
		text := c.Text(v, r).Text
		if text == Unknown {
			return ""
		}
		return harmlessInSheet(text)
	}
	s, text := c.Key(v, r).raw()
	if text {
		return harmlessInSheet(Escape(s))
	}
	return s
}

func harmlessInSheet(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
