package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/fleet"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/postmortem"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/render/report"
	"github.com/ipctop/ipctop/route"
)

// TestMissingFields: a dump may come from an untrusted source. If a field is missing or has a
// value that no scan would give, either reading is an error, or everything can be shown.
func TestMissingFields(t *testing.T) {
	rich := modeltest.Rich()
	rich.Objects = slices.DeleteFunc(rich.Objects, func(o *model.Object) bool { return len(o.Name) > 1000 }) // it takes long to draw
	whole := decodeAny(t, rich)
	addFull(whole)
	whole = decodeAnyBytes(t, marshal(t, whole))
	if s, err := model.Decode(bytes.NewReader(marshal(t, whole))); err != nil {
		t.Fatal(err)
	} else if len(s.Objects) <= len(model.Kinds()) {
		t.Fatalf("%d objects", len(s.Objects))
	}
	fields := map[string]any{}
	eachField(whole, "", func(m map[string]any, key, path string) { fields[path] = m[key] })
	if len(fields) < 400 {
		t.Errorf("only %d fields", len(fields))
	}
	before, err := model.Decode(bytes.NewReader(marshal(t, whole)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, lists []string, spoil func(m map[string]any, key, path string)) {
		doc := decodeAnyBytes(t, marshal(t, whole))
		eachField(doc, "", spoil)
		s, err := model.Decode(bytes.NewReader(marshal(t, doc)))
		if err != nil {
			if name != "without schema" {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		showAll(t, name, lists, before, s)
	}
	for _, paths := range together(fields) {
		var lists []string
		for _, p := range paths {
			// objects have hundreds of columns
			if list, _, _ := strings.Cut(p, "."); !strings.HasPrefix(list, "objects") {
				lists = append(lists, list)
			}
		}
		check("without "+strings.Join(paths, ", "), lists, func(m map[string]any, key, path string) {
			if slices.Contains(paths, path) {
				delete(m, key)
			}
		})
	}
	check("with empty lists", []string{"objects"}, func(m map[string]any, key, path string) {
		if _, ok := m[key].([]any); ok && strings.Contains(path, ".") {
			m[key] = []any{}
		}
	})
	// Values that no scan would give, in all numbers at once.
	for _, n := range []json.Number{"0", "2", "2147483647"} {
		check("with "+n.String()+" everywhere", []string{"objects"}, func(m map[string]any, key, _ string) {
			switch v := m[key].(type) {
			case json.Number:
				m[key] = n
			case []any:
				for i := range v {
					if _, ok := v[i].(json.Number); ok {
						v[i] = n
					}
				}
			}
		})
	}
}

// together returns sets of fields that are left out at the same time: one field of each list,
// and one of each kind's detail. Whole lists are left out one by one.
func together(fields map[string]any) [][]string {
	var alone, list [][]string
	place := map[string]int{} // the next field's, by list or kind
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		of, _, within := strings.Cut(path, ".")
		if !within {
			alone = append(alone, []string{path})
			continue
		}
		if kind, _, detail := strings.Cut(path, ".detail."); detail {
			of = kind
		}
		n := place[of]
		place[of]++
		if n == len(list) {
			list = append(list, nil)
		}
		list[n] = append(list[n], path)
	}
	return append(alone, list...)
}

func decodeAny(t *testing.T, s *model.Snapshot) map[string]any {
	t.Helper()
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	return decodeAnyBytes(t, b.Bytes())
}

func decodeAnyBytes(t *testing.T, b []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// marshal writes the schema first, as in a dump.
func marshal(t *testing.T, doc map[string]any) []byte {
	t.Helper()
	schema, ok := doc["schema"]
	rest := maps.Clone(doc)
	delete(rest, "schema")
	b, err := json.Marshal(rest)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		b = append(fmt.Appendf(nil, `{"schema":%q,`, schema), b[1:]...)
	}
	return b
}

// eachField visits the fields of a document. The paths of details contain the kind.
func eachField(v any, path string, visit func(m map[string]any, key, path string)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			eachField(e, path, visit)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			p := path + "." + key
			if kind, ok := v["kind"].(string); ok && path == ".objects" && key == "detail" {
				p = path + "(" + kind + ").detail"
			}
			inner := v[key]
			visit(v, key, strings.TrimPrefix(p, "."))
			eachField(inner, p, visit)
		}
	}
}

// addFull adds a record to each list in which every field has a value, and an object of
// each kind.
func addFull(doc map[string]any) {
	add := func(list string, record any) { doc[list] = append(doc[list].([]any), record) }
	for list, typ := range map[string]reflect.Type{
		"processes": reflect.TypeFor[model.Process](), "links": reflect.TypeFor[model.Link](), "waits": reflect.TypeFor[model.Wait](),
		"findings": reflect.TypeFor[model.Finding](), "gaps": reflect.TypeFor[model.Gap](), "limits": reflect.TypeFor[model.Limit](),
	} {
		add(list, filled(typ))
	}
	for _, k := range model.Kinds() {
		o := filled(reflect.TypeFor[model.Object]()).(map[string]any)
		o["id"], o["kind"] = string(k.Name)+":1", k.Name
		o["detail"] = filled(reflect.TypeOf(k.NewDetail()).Elem())
		add("objects", o)
		w := filled(reflect.TypeFor[model.Wait]()).(map[string]any)
		w["object"] = o["id"]
		add("waits", w)
	}
}

// filled returns the JSON of a value with every field set. All numbers are 1, so that
// references to processes and objects are valid.
func filled(t reflect.Type) any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return modeltest.Taken
	case t == reflect.TypeFor[model.OFD]():
		return "1.1"
	case t == reflect.TypeFor[model.Big]() || t == reflect.TypeFor[model.Addr]():
		return "1"
	case strings.HasPrefix(t.Name(), "Opt["):
		return filled(t.Field(0).Type)
	}
	switch t.Kind() {
	case reflect.String:
		return "pipe:1"
	case reflect.Bool:
		return true
	case reflect.Pointer:
		return filled(t.Elem())
	case reflect.Slice:
		return []any{filled(t.Elem()), filled(t.Elem())}
	case reflect.Map:
		return map[string]any{"net": filled(t.Elem())}
	case reflect.Struct:
		m := map[string]any{}
		for _, sf := range reflect.VisibleFields(t) {
			if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name != "" && name != "-" && sf.Type.Kind() != reflect.Interface {
				m[name] = filled(sf.Type)
			}
		}
		return m
	}
	return 1
}

// showAll shows a snapshot in every possible way; tables with every column of some lists.
func showAll(t *testing.T, name string, lists []string, before, s *model.Snapshot) {
	t.Helper()
	doing := ""
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: %s: panic: %v\n%s", name, doing, r, debug.Stack())
		}
	}()
	x := model.NewIndex(s)
	g := graph.New(x)
	v := render.NewView(x, &render.Options{Width: 100, Color: true})
	var all []query.Match
	for i := range s.Processes {
		all = append(all, query.Match{Process: s.Processes[i]})
	}
	for i := range s.Objects {
		all = append(all, query.Match{Object: s.Objects[i]})
	}
	for what, f := range map[string]func() error{
		"why of all":    func() error { return render.WhyAll(io.Discard, v, g) },
		"why":           func() error { return render.Why(io.Discard, v, g, all) },
		"why as JSON":   func() error { return render.WhyJSON(io.Discard, g, all, true) },
		"show":          func() error { return render.Show(io.Discard, model.NewIndex(s), all, render.ShowOptions{}) },
		"show as JSON":  func() error { return render.ShowJSON(io.Discard, model.NewIndex(s), all) },
		"check":         func() error { return render.Check(io.Discard, v, s.Findings) },
		"metrics":       func() error { return render.OpenMetrics(io.Discard, s, diagnose.Rules()) },
		"diff":          func() error { return render.Diff(io.Discard, v.Options, record.Diff(before, s)) },
		"diff back":     func() error { return render.DiffJSON(io.Discard, record.Diff(s, before)) },
		"redact":        func() error { query.NewRedactor().Redact(s); return nil },
		"name creators": func() error { return record.NameCreators(s, &record.Recording{}) },
		"query": func() error {
			c, err := query.CompileCondition("objects", `fill > 0.5 or len(holders) > 1 or detail.queued > 1`)
			if err == nil {
				c.Apply(s)
			}
			return err
		},
		"refs": func() error {
			for _, ref := range []string{"1", "nginx", "pipe:1", "/run/x.sock", "tcp:5432", "key:0x4d2", "fd:812:1"} {
				_, _ = query.Find(s, ref)
			}
			query.Complete(s, "p")
			return nil
		},
		"report": func() error {
			return report.Write(io.Discard, g, report.Options{Samples: []report.Sample{report.SampleOf(before), report.SampleOf(s)}})
		},
		"path": func() error {
			if len(s.Processes) == 0 {
				return nil
			}
			steps, _ := route.Find(s, []int{s.Processes[0].PID}, []int{s.Processes[len(s.Processes)-1].PID})
			return render.Route(io.Discard, x, steps, render.ShowOptions{})
		},
		"beside another host": func() error {
			other := *before
			other.Host.Hostname, other.Host.BootID = "other", "other"
			merged, err := fleet.Merge([]fleet.Member{{Source: "one", Snapshot: &other}, {Source: "two", Snapshot: s}})
			if err != nil {
				return nil // it may be refused
			}
			diagnose.RunHosts(merged, diagnose.Options{})
			return render.WhyAll(io.Discard, render.NewView(model.NewIndex(merged), v.Options), graph.New(model.NewIndex(merged)))
		},
		"postmortem": func() error { postmortem.OfSnapshot("x.json", s, nil).Text(); return nil },
		"trend": func() error {
			var trend record.Trend
			trend.Add(before)
			trend.Add(s)
			return render.Trend(io.Discard, v.Options, &trend)
		},
	} {
		doing = what
		if err := f(); err != nil {
			t.Errorf("%s: %s: %v", name, what, err)
		}
	}
	for _, format := range render.Formats {
		doing = "write " + format
		only := [][]string{nil}
		if format == "csv" || format == "wide" {
			only = nil
			for _, l := range lists {
				if slices.Contains(render.Lists, l) {
					only = append(only, []string{l})
				}
			}
		}
		for _, o := range only {
			r := &render.Request{Format: format, Findings: true, Only: o}
			if _, err := render.Write(io.Discard, r, s, s); err != nil {
				t.Errorf("%s: %s: %v", name, doing, err)
			}
		}
	}
	doing = "the live view"
	settings := usual
	settings.Source = "x.json"
	live := newView(t, settings, 100, 30)
	live.scan(s)
	for page := range 8 {
		doing = fmt.Sprintf("page %d of the live view", page+1)
		live.keys(fmt.Sprintf("%d Enter Esc w Esc g Esc End y ?  Esc", page+1))
	}
}
