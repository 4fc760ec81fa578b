package render

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// ColumnNames are the headings that --columns takes.
func ColumnNames() []string {
	var names []string
	for _, c := range everyColumn() {
		names = append(names, c.Name)
	}
	for _, c := range processColumns {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// ColumnDoc is a heading and the description of its column.
type ColumnDoc struct{ Name, Doc string }

// ColumnTopics returns the explanations of headings: those of tables, and the given ones.
// A heading with different meanings in several tables is explained for each table.
func ColumnTopics(more ...ColumnDoc) []Topic {
	var order []string
	docs := map[string][]string{}
	add := func(name, doc, where string) {
		if name == "" {
			return
		}
		if docs[name] == nil {
			order = append(order, name)
		}
		if i := slices.IndexFunc(docs[name], func(s string) bool { return strings.HasPrefix(s, doc+" (") || s == doc }); i >= 0 {
			docs[name][i] = strings.TrimSuffix(docs[name][i], ")") + ", " + where + ")"
			return
		}
		docs[name] = append(docs[name], doc+" ("+where+")")
	}
	for _, k := range model.Kinds() {
		for _, c := range ColumnsOf(k.Name) {
			add(c.Name, c.Doc, string(k.Name))
		}
	}
	for _, c := range commonColumns {
		if docs[c.Name] == nil {
			add(c.Name, c.Doc, "every kind")
		}
	}
	for _, c := range processColumns {
		add(c.Name, c.Doc, "processes")
	}
	for _, c := range waitColumns {
		add(c.Name, c.Doc, "waits")
	}
	for _, c := range findingColumns {
		add(c.Name, c.Doc, "findings")
	}
	add("CONF", "confidence: certain, likely or possible", "ipctop check")
	add("WHAT", "what is wrong, who is the cause, and what can be done", "ipctop check")
	for _, c := range linkColumns {
		add(c.Name, c.Doc, "links")
	}
	for _, c := range gapColumns {
		add(c.Name, c.Doc, "gaps")
	}
	for _, c := range limitColumns {
		add(c.Name, c.Doc, "limits")
	}
	for _, c := range more {
		add(c.Name, c.Doc, "live view")
	}
	topics := make([]Topic, len(order))
	for i, name := range order {
		t := newShowText(ShowOptions{})
		t.line("%s, a column of tables", name)
		t.line("")
		for _, doc := range docs[name] {
			t.paragraph(strings.ToUpper(doc[:1]) + doc[1:] + ".")
		}
		brief, _, _ := strings.Cut(docs[name][0], " (")
		topics[i] = Topic{Name: name, Group: "column", Brief: brief, Text: t.b.String()}
	}
	return topics
}
