package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

var update = flag.Bool("update", false, "write the goldens anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (write it anew with -update):\n%s", file, got)
	}
}

func write(t *testing.T, r Request) []byte {
	t.Helper()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	s := modeltest.Rich()
	var b bytes.Buffer
	if _, err := Write(&b, &r, s, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGoldens(t *testing.T) {
	for name, r := range map[string]Request{
		"table-80.txt":       {Format: "table", Options: Options{Width: 80}},
		"table-200.txt":      {Format: "table", Options: Options{Width: 200}},
		"table-ascii-80.txt": {Format: "table", Options: Options{Width: 80, ASCII: true}},
		"table-color.txt":    {Format: "table", Options: Options{Width: 80, Color: true}},
		"wide.txt":           {Format: "wide"},
		"lists-80.txt":       {Format: "table", Only: Lists, Options: Options{Width: 80}},
		"lists-200.txt":      {Format: "table", Only: Lists, Options: Options{Width: 200}},
		"processes-wide.txt": {Format: "wide", Only: []string{"processes"}},
		"columns.txt":        {Format: "table", Options: Options{Columns: "ID,kind,queued,detail.queued,holders.comm,fill,Mode"}},
		"added.txt":          {Format: "table", Options: Options{Columns: "+uid,detail.capacity", NoHeadings: true, Width: 100}},
		"objects.csv":        {Format: "csv", Kinds: []model.Kind{model.Pipe, model.SysvMsg}},
		"processes.csv":      {Format: "csv", Only: []string{"processes"}},
		"graph.dot":          {Format: "dot"},
		"ids.txt":            {Format: "id"},
		"pids.txt":           {Format: "pid"},
		"records.jsonl":      {Format: "jsonl"},
		"dump.json":          {Format: "json"},
		"only.json":          {Format: "json", Only: []string{"links"}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, write(t, r)) })
	}
}

// TestNothingHostileGetsOut: a name can neither control the terminal nor add a row.
func TestNothingHostileGetsOut(t *testing.T) {
	for _, format := range []string{"table", "wide", "csv", "dot", "id", "json", "jsonl"} {
		out := write(t, Request{Format: format})
		if format == "csv" {
			out = bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))
		}
		checkHarmless(t, format, string(out), format == "json" || format == "jsonl")
	}
}

func checkHarmless(t *testing.T, what, out string, json bool) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s: not UTF-8", what)
	}
	for _, r := range out {
		if r != '\n' && unicode.IsControl(r) || !json && unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("%s lets %U through", what, r)
		}
	}
}

func TestTableFits(t *testing.T) {
	for _, width := range []int{80, 120, 200} {
		for _, line := range strings.Split(string(write(t, Request{Format: "table", Only: Lists, Options: Options{Width: width}})), "\n") {
			if Width(line) > width {
				t.Errorf("%d cells, not %d: %s", Width(line), width, line)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		r    Request
		want string
	}{
		{Request{Format: "xml"}, `there is no output format "xml": there are table`},
		{Request{Format: "table", Only: []string{"files"}}, `there is no list "files": there are gaps`},
		{Request{Format: "table", Options: Options{Columns: "idd"}}, `there is no column "idd" (did you mean ID?): there are ID, KIND`},
		{Request{Format: "table", Options: Options{Columns: "detail.queud"}}, `did you mean detail.queued?`},
		{Request{Format: "table", Options: Options{Columns: "+,"}}, ""},
		{Request{Format: "table", Options: Options{Columns: ","}}, "no column"},
		{Request{Format: "json", Options: Options{Columns: "id"}}, "--columns is for tables and CSV"},
		{Request{Format: "csv", Only: []string{"links", "gaps"}}, "CSV holds one list"},
	} {
		err := c.r.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.r, err, c.want)
		}
	}
}

// TestColumnsOfAllKinds: the table of any kind shows neither field names nor JSON nor a list
// in brackets; and unknown values are different from those that do not apply.
func TestColumnsOfAllKinds(t *testing.T) {
	v := NewView(model.NewIndex(modeltest.Rich()), &Options{Wide: true})
	for _, k := range model.Kinds() {
		empty := &model.Object{ID: string(k.Name) + ":1", Kind: k.Name, Detail: k.NewDetail()}
		for _, c := range ColumnsOf(k.Name) {
			if strings.ContainsAny(c.Name, "._") || c.Name != strings.ToUpper(c.Name) || c.Doc == "" {
				t.Errorf("%s: a column is called %q (%s)", k.Name, c.Name, c.Doc)
			}
			for _, o := range []*model.Object{empty, filledObject(k)} {
				if text := c.Text(v, o).Text; strings.ContainsAny(text, "{}[]\"") || strings.Contains(text, "_ns") {
					t.Errorf("%s %s shows %q", k.Name, c.Name, text)
				}
			}
		}
	}
	if c := ColumnsOf("quantum-link"); len(c) != len(otherColumns) {
		t.Errorf("a kind of a later version has %d columns", len(c))
	}
}

// filledObject returns an object of a kind with every field of its detail set.
func filledObject(k model.KindInfo) *model.Object {
	d := k.NewDetail()
	fill(reflect.ValueOf(d).Elem(), 0)
	return &model.Object{ID: string(k.Name) + ":2", Kind: k.Name, Name: "name", Detail: d}
}

func fill(v reflect.Value, depth int) {
	switch {
	case depth > 6:
	case v.Kind() == reflect.Struct && v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(modeltest.Taken))
	case v.Kind() == reflect.Struct && v.Addr().MethodByName("UnmarshalJSON").IsValid():
		for _, text := range []string{"3", "true", `"3"`, `"ended"`} {
			if json.Unmarshal([]byte(text), v.Addr().Interface()) == nil {
				return
			}
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), depth+1)
			}
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), depth+1)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(7)
	}
}

func TestGapSummary(t *testing.T) {
	s := modeltest.Rich()
	if got, want := GapSummary(s), "41 of 231 processes hidden: use sudo; 1 thing could not be read (ipctop dump --only gaps lists them)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := GapSummary(&model.Snapshot{}); got != "" {
		t.Errorf("%q of a complete snapshot", got)
	}
}
