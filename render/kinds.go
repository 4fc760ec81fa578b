package render

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Kinds writes a table of mechanisms; wide adds the calls and man pages.
func Kinds(w io.Writer, kinds []model.KindInfo, wide bool) error {
	t := newShowText(ShowOptions{})
	header := []string{"KIND", "WHAT", "CATEGORY", "CARRIES", "DIRECTION", "LIVES AS LONG AS"}
	if wide {
		header = append(header, "BUFFERED", "RELATED ONLY", "MAN", "CALLS")
	}
	rows := [][]string{header}
	for _, k := range kinds {
		row := []string{string(k.Name), k.Title, k.Category, k.Data, k.Direction, livesAsLong(k.Persistence)}
		if wide {
			row = append(row, showYesNo(k.Buffered), showYesNo(k.Related), strings.Join(k.Man, ", "), strings.Join(k.Calls, ", "))
		}
		rows = append(rows, row)
	}
	t.flush(rows)
	_, err := w.Write(t.b.Bytes())
	return err
}

// flush writes a table without indentation.
func (t *showText) flush(rows [][]string) {
	start := t.b.Len()
	t.table(rows)
	text := strings.ReplaceAll("\n"+string(t.b.Bytes()[start:]), "\n  ", "\n")
	t.b.Truncate(start)
	t.b.WriteString(text[1:])
}

// livesAsLong says how long an object exists.
func livesAsLong(persistence string) string {
	switch persistence {
	case "process":
		return "a process holds it"
	case "kernel":
		return "the kernel runs"
	case "filesystem":
		return "its name exists"
	}
	return persistence
}

func showYesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// KindDetails writes all about some mechanisms.
func KindDetails(w io.Writer, kinds []model.KindInfo) error {
	t := newShowText(ShowOptions{})
	for i, k := range kinds {
		if i > 0 {
			t.line("")
		}
		t.kind(k)
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

func (t *showText) kind(k model.KindInfo) {
	t.line("%s, %s", k.Name, k.Title)
	if k.About != "" {
		t.line("")
		t.paragraph(k.About)
	}
	t.line("")
	related := "any process that has the right to"
	if k.Related {
		related = "only processes that inherit or are handed a descriptor"
	}
	buffered := "no"
	if k.Buffered {
		buffered = "the kernel keeps data between sender and receiver"
	}
	rows := [][]string{
		{"category", k.Category},
		{"carries", k.Data},
		{"direction", k.Direction},
		{"lives as long as", livesAsLong(k.Persistence)},
		{"buffered", buffered},
		{"used by", related},
		{"calls", strings.Join(k.Calls, ", ")},
		{"manual", strings.Join(k.Man, ", ")},
	}
	t.table(rows)
	for _, section := range []struct{ title, text string }{
		{"Where ipctop reads it", k.Source}, {"Privilege", k.Privilege}, {"What cannot be seen", k.Unseen},
	} {
		if section.text != "" {
			t.heading("%s", section.title)
			t.paragraph(strings.ToUpper(section.text[:1]) + section.text[1:] + ".")
		}
	}
	t.kindFields(k.Name)
}

// kindFields lists the fields of a kind's detail.
func (t *showText) kindFields(k model.Kind) {
	var rows [][]string
	for _, f := range model.DetailFields(k) {
		rows = append(rows, []string{strings.TrimPrefix(f.Path, showDetailPrefix), showType(f), f.Doc})
	}
	if rows != nil {
		t.heading("Detail")
		t.table(rows)
	}
}

func showType(f model.FieldInfo) string {
	if f.Unit != "" {
		return f.Type + ", " + f.Unit
	}
	return f.Type
}

// showTextWidth is the width at which running text is wrapped.
const showTextWidth = 78

// paragraph writes running text, wrapped and indented.
func (t *showText) paragraph(text string) {
	line := " "
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > showTextWidth && line != " " {
			t.line("%s", line)
			line = " "
		}
		line += " " + word
	}
	t.line("%s", line)
}

// kindRecord is a mechanism in JSON.
type kindRecord struct {
	Name        model.Kind `json:"name"`
	Title       string     `json:"title"`
	Category    string     `json:"category"`
	Data        string     `json:"data"`
	Direction   string     `json:"direction"`
	Persistence string     `json:"persistence"`
	Buffered    bool       `json:"buffered"`
	Related     bool       `json:"related_only"`
	Calls       []string   `json:"calls"`
	Man         []string   `json:"man"`
	About       string     `json:"about"`
	Source      string     `json:"source"`
	Privilege   string     `json:"privilege"`
	Unseen      string     `json:"unseen,omitempty"`
}

// KindsJSON writes mechanisms as a JSON list.
func KindsJSON(w io.Writer, kinds []model.KindInfo) error {
	records := make([]kindRecord, len(kinds))
	for i, k := range kinds {
		records[i] = kindRecord{
			k.Name, k.Title, k.Category, k.Data, k.Direction, k.Persistence, k.Buffered, k.Related, k.Calls, k.Man, k.About,
			k.Source, k.Privilege, k.Unseen,
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(records)
}
