package render

import (
	"io"
	"strconv"
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

// Doctor writes what can be seen here and what is missing, which limits are nearly
// reached, and at the end what to do about it. s, which has the limits, may be nil. quote
// quotes an argument for a shell.
func Doctor(w io.Writer, features []model.Feature, s *model.Snapshot, quote func(string) string, o ShowOptions) error {
	t := newShowText(o)
	for _, g := range doctorGroups {
		var rows [][]string
		for i := range features {
			f := &features[i]
			if f.Group != g.name {
				continue
			}
			rows = append(rows, []string{string(f.State), t.esc(f.Name), t.esc(f.Found)})
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
	t.limits(s)
	t.hidden(features)
	t.remedies(features, quote)
	_, err := w.Write(t.b.Bytes())
	return err
}

// limits writes the limits that are nearly reached, worst first.
func (t *showText) limits(s *model.Snapshot) {
	if s == nil {
		t.heading("Limits could not be read.")
		return
	}
	v := NewView(model.NewIndex(s), &Options{})
	var rows [][]string
	for _, l := range worstFirst(s.Limits) {
		if !l.Near() {
			break
		}
		used := limitNumber(l, l.Used.Or(0)) + " of " + limitNumber(l, l.Max.Or(0)) + " " + l.Unit
		rows = append(rows, []string{estimate(l, limitShare(l.Share().Or(0))), t.esc(l.Name), v.limitScope(l), t.esc(used)})
	}
	near := len(rows)
	if near > maxNear {
		rows = append(rows[:maxNear], []string{"and " + strconv.Itoa(near-maxNear) + " more"})
	}
	t.heading("Limits: %d read, %d at %d%% or more", len(s.Limits), near, int(model.NearLimit*100))
	t.table(rows)
}

// maxNear is the largest number of limits in the report: a program that was started a
// thousand times with too low a limit is only one problem.
const maxNear = 20

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

// DoctorJSON writes the features, and the limits if there is a snapshot, as JSON.
func DoctorJSON(w io.Writer, features []model.Feature, s *model.Snapshot) error {
	b := []byte(`{"schema":"` + model.Schema + `",` + "\n")
	if s != nil {
		b = append(b, `"limits":[`...)
		for i := range s.Limits {
			if i > 0 {
				b = append(b, ',')
			}
			b = model.AppendJSON(append(b, '\n'), &s.Limits[i])
		}
		b = append(b, "],\n"...)
	}
	b = append(b, `"features":[`...)
	for i := range features {
		if i > 0 {
			b = append(b, ',')
		}
		b = model.AppendJSON(append(b, '\n'), &features[i])
	}
	_, err := w.Write(append(b, "]}\n"...))
	return err
}
