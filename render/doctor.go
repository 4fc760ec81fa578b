package render

import (
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// doctorGroups are the groups of features in the order of the report.
var doctorGroups = []struct{ name, title string }{
	{"place", "Where ipctop runs"},
	{"privilege", "Privilege"},
	{"proc", "The proc file system"},
	{"kernel", "The kernel"},
	{"mounts", "Mounts"},
}

// Doctor writes what can be seen here and what is missing, and at the end what
// to do about it. quote makes an argument fit for a shell.
func Doctor(w io.Writer, features []model.Feature, quote func(string) string, o ShowOptions) error {
	t := newShowText(o)
	for _, g := range doctorGroups {
		var rows [][]string
		for i := range features {
			f := &features[i]
			if f.Group != g.name {
				continue
			}
			state := string(f.State)
			if f.State == model.FeatureUnknown {
				state = "could not tell"
			}
			rows = append(rows, []string{state, t.esc(f.Name), t.esc(f.Found)})
		}
		if rows == nil {
			continue
		}
		if t.b.Len() > 0 {
			t.line("")
		}
		t.line("%s", g.title)
		t.table(rows)
	}
	t.hidden(features)
	t.remedies(features, quote)
	_, err := w.Write(t.b.Bytes())
	return err
}

func (t *showText) hidden(features []model.Feature) {
	var any bool
	for i := range features {
		f := &features[i]
		if f.State == model.FeatureOK || f.Hidden == "" {
			continue
		}
		if !any {
			t.heading("What is hidden")
			any = true
		}
		verb := "without "
		if f.State == model.FeatureUnknown {
			verb = "perhaps, without "
		}
		t.paragraph(t.esc(f.Hidden) + " (" + verb + t.esc(f.Name) + ").")
	}
	if !any {
		t.heading("Nothing is hidden that ipctop could show.")
	}
}

// remedies writes each command and advice once.
func (t *showText) remedies(features []model.Feature, quote func(string) string) {
	seen := map[string]bool{}
	var lines []string
	add := func(line string) {
		if line != "" && !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	for i := range features {
		f := &features[i]
		if f.State == model.FeatureOK {
			continue
		}
		var words []string
		for _, arg := range f.Argv {
			words = append(words, quote(arg))
		}
		add(strings.Join(words, " "))
		if len(f.Argv) == 0 {
			add(t.esc(f.Advice))
		}
	}
	if lines == nil {
		return
	}
	t.heading("To see more")
	for _, line := range lines {
		t.line("  %s", line)
	}
}

// DoctorJSON writes the features as JSON.
func DoctorJSON(w io.Writer, features []model.Feature) error {
	b := []byte(`{"schema":"` + model.Schema + `",` + "\n" + `"features":[`)
	for i := range features {
		if i > 0 {
			b = append(b, ',')
		}
		b = model.AppendJSON(append(b, '\n'), &features[i])
	}
	_, err := w.Write(append(b, "]}\n"...))
	return err
}
