package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

func encode(t testing.TB, s *model.Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTripOfEveryKind: an object of each kind in which everything is unknown is the
// same after encoding and decoding.
func TestRoundTripOfEveryKind(t *testing.T) {
	want := &model.Snapshot{Schema: model.Schema}
	for _, k := range model.Kinds() {
		want.Objects = append(want.Objects, &model.Object{ID: string(k.Name) + ":1", Kind: k.Name, Detail: k.NewDetail()})
	}
	back, err := model.Decode(bytes.NewReader(encode(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Objects {
		if got := back.Objects[i]; got.ID != want.Objects[i].ID || reflect.TypeOf(got.Detail) != reflect.TypeOf(want.Objects[i].Detail) {
			t.Errorf("%s became %+v", want.Objects[i].ID, got)
		}
	}
}

// TestRoundTrip: a document that is decoded and encoded again is equal byte by byte, except
// that it says that it was read from a file.
func TestRoundTrip(t *testing.T) {
	first := encode(t, modeltest.Rich())
	back, err := model.Decode(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	read := []byte("\"from_file\":true,\n")
	if bytes.Contains(first, read) || !bytes.Contains(encode(t, back), read) {
		t.Error("a snapshot of the machine is said to be read, or one that was read is not")
	}
	back.FromFile = false
	if second := encode(t, back); !bytes.Equal(first, second) {
		a, b := bytes.Split(first, []byte("\n")), bytes.Split(second, []byte("\n"))
		for i := range min(len(a), len(b)) {
			if !bytes.Equal(a[i], b[i]) {
				t.Fatalf("line %d\n%s\nbecame\n%s", i+1, a[i], b[i])
			}
		}
		t.Fatal("the documents differ in length")
	}
	want := modeltest.Rich()
	for i := range want.Objects {
		if got := back.Objects[i]; got.Name != want.Objects[i].Name || !reflect.DeepEqual(got.Detail, want.Objects[i].Detail) {
			t.Errorf("%s became %+v", want.Objects[i].ID, got)
		}
	}
	for i := range want.Processes {
		if got := back.Processes[i]; got.Comm != want.Processes[i].Comm || !reflect.DeepEqual(got.Cmdline, want.Processes[i].Cmdline) {
			t.Errorf("process %d became %+v", want.Processes[i].PID, got)
		}
	}
}

func TestBase64Companions(t *testing.T) {
	p := model.Process{Comm: "caf\xe9", Cmdline: []string{"ok", "\xff"}}
	line := model.AppendJSON(nil, &p)
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	if m["comm"] != "caf\ufffd" || m["comm_b64"] != "Y2Fm6Q==" {
		t.Errorf("comm %q, companion %v", m["comm"], m["comm_b64"])
	}
	if !reflect.DeepEqual(m["cmdline_b64"], []any{"b2s=", "/w=="}) {
		t.Errorf("cmdline's companion: %v", m["cmdline_b64"])
	}
	if _, ok := m["label_b64"]; ok {
		t.Error("a companion of text that needs none")
	}
	var back model.Process
	if err := model.UnmarshalRecord(line, &back); err != nil || back.Comm != p.Comm || !reflect.DeepEqual(back.Cmdline, p.Cmdline) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	for _, s := range []*model.Snapshot{
		{Schema: model.Schema}, {
			Schema: model.Schema, Objects: []*model.Object{{}}, Processes: []*model.Process{{Signals: &model.Signals{}}}, Links: []*model.Link{{}},
			Waits: []model.Wait{{}}, Findings: []model.Finding{{}},
		}, modeltest.Rich(),
	} {
		if out := encode(t, s); regexp.MustCompile(`:\s*null|\[null`).Match(out) {
			t.Errorf("null in %s", out)
		}
	}
	var m map[string]any
	if err := json.Unmarshal(encode(t, &model.Snapshot{Schema: model.Schema}), &m); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"gaps", "processes", "objects", "links"} {
		if _, ok := m[list].([]any); !ok {
			t.Errorf("%s is %v, not a list", list, m[list])
		}
	}
	for _, list := range []string{"limits", "waits", "findings"} {
		if _, ok := m[list]; ok {
			t.Errorf("%s is there though nobody looked", list)
		}
	}
}

// TestLikeEncodingJSON: for records that encoding/json can write, too, both results mean the
// same.
func TestLikeEncodingJSON(t *testing.T) {
	s := modeltest.Rich()
	same := func(record any) {
		t.Helper()
		want, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(want, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(model.AppendJSON(nil, record), &b); err != nil {
			t.Fatal(err)
		}
		for k := range b.(map[string]any) { // what encoding/json does not have
			if strings.HasSuffix(k, "_b64") {
				delete(b.(map[string]any), k)
			}
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s\nnot\n%s", model.AppendJSON(nil, record), want)
		}
	}
	for i := range s.Links {
		same(s.Links[i])
	}
	for i := range s.Gaps {
		same(&s.Gaps[i])
	}
	same(&s.Host)
	scan := s.Scan
	rates := *scan.Rates
	rates.Cost = model.Opt[model.Ratio]{} // encoding/json knows no optional values
	scan.Rates = &rates
	same(&scan)
	for i := range s.Findings {
		for j := range s.Findings[i].Evidence {
			same(&s.Findings[i].Evidence[j])
		}
	}
}

// TestCutOff: a truncated dump is never accepted as a complete one, wherever it was cut.
func TestCutOff(t *testing.T) {
	s := modeltest.Rich() // less than everything: the time is quadratic in the length
	s.Processes, s.Objects = s.Processes[7:8], append(s.Objects[:1:1], s.Objects[5], s.Objects[9], s.Objects[len(s.Objects)-2])
	s.Links = s.Links[:1]
	whole := encode(t, s)
	end := len(bytes.TrimRight(whole, "\n"))
	for n := range end {
		if got, err := model.Decode(bytes.NewReader(whole[:n])); err == nil || got != nil {
			t.Fatalf("cut off after %d of %d bytes, and no error", n, end)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "it is empty"},
		{"hello", "it is not JSON"},
		{"[1]", "not an object"},
		{`{"a":1}`, `does not begin with "schema"`},
		{`{}`, `has no "schema"`},
		{`{"schema":"other/1"}`, `its schema is "other/1"`},
		{`{"schema":"ipctop/2"}`, "use a newer ipctop"},
		{`{"schema":"ipctop/1","objects":3}`, "objects: want a list"},
		{`{"schema":"ipctop/1","objects":[{"id":3}]}`, "objects[0].id: want a string"},
		{`{"schema":"ipctop/1","processes":[{"pid":1.5}]}`, "processes[0].pid: want an integer"},
		{`{"schema":"ipctop/1","objects":null}`, "objects: want a list"},
		{`{"schema":"ipctop/1","host":{"namespaces":{"ipc":"1"}}}`, "host.namespaces.ipc: want an integer that is not negative"},
		{`{"schema":"ipctop/1","waits":[{},{"clauses":[[1],[2,true]]}]}`, "waits[1].clauses[1][1]: want an integer"},
		{`{"schema":"ipctop/1","objects":[{"detail":{"queued":"x"},"kind":"pipe"}]}`, "objects[0].detail.queued: want an integer"},
		{`{"schema":"ipctop/1","processes":[{"pid":2147483648,"ppid":9223372036854775808}]}`, "processes[0].ppid: want an integer"},
		{`{"schema":"ipctop/1","taken":"today"}`, "taken: want a time"},
		{`{"schema":"ipctop/1",,`, `byte 21: ',' where a key should be`},
		{`{"schema":"ipctop/1","later":[1,]}`, `byte 32: ']' where a value should be`},
		{`{"schema":"ipctop/1","later":"\x"}`, `where an escape should be`},
		{`{"schema":"ipctop/1","later":01}`, `byte 30: '1' where a comma or } should be`},
		{`{"schema":"ipctop/1","later":` + strings.Repeat("[", 20_000), "nested too deeply"},
		{`{"schema":"ipctop/1"} x`, "more follows"},
		{`{"schema":"ipctop/1",`, "cut off after"},
	} {
		_, err := model.Decode(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.in, err, c.want)
		}
	}
	if _, err := model.Decode(strings.NewReader("")); !errors.Is(err, model.ErrNotDump) {
		t.Errorf("an empty file: %v", err)
	}
	s, err := model.Decode(strings.NewReader(`{"schema":"ipctop/1","later":[{"x":null}],"objects":[{"id":"x:1","kind":"later","detail":{"a":1}}]}`))
	if err != nil || len(s.Objects) != 1 {
		t.Errorf("what a later version adds is not passed over: %v", err)
	}
}

// TestDecodeOtherForms: JSON that is valid but that Encode would not write is read as well.
func TestDecodeOtherForms(t *testing.T) {
	doc := `{ "schema" : "ipctop/1",
		"objects": [ {"detail": {"queued": 7}, "name_b64": "/w==", "k\u0069nd": "pipe", "name": "\ufffd"},
			{"kind": "pipe", "kind": "eventfd", "detail": null, "id": "\ud83d\ude00\ud800\"\/", "aliases": null},
			{"id": "a` + "\xff" + `b", "aliases": ["x", "y"], "aliases_b64": ["/w=="], "path_b64": "/w==", "dev": "8:1", "dev_b64": 7} ] } `
	s, err := model.Decode(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	want := []*model.Object{
		{Kind: model.Pipe, Name: "\xff", Detail: &model.PipeDetail{Queued: model.Some[int64](7)}},
		{Kind: model.Eventfd, ID: "\U0001f600\ufffd\"/", Detail: &model.EventfdDetail{}},
		{ID: "a\ufffdb", Aliases: []string{"x", "y"}, Dev: "8:1"},
	}
	if !reflect.DeepEqual(s.Objects, want) {
		t.Errorf("%+v\nnot\n%+v", s.Objects, want)
	}
}

// TestDecodedListsAreApart: lists that are collected in the same buffer must not share
// elements.
func TestDecodedListsAreApart(t *testing.T) {
	s := busyMachine()
	back, err := model.Decode(bytes.NewReader(encode(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range back.Objects {
		if o := back.Objects[i]; !reflect.DeepEqual(o.Holders, s.Objects[i].Holders) || cap(o.Holders) != len(o.Holders) {
			t.Fatalf("%s: holders %+v", o.ID, o.Holders)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, &model.Snapshot{Schema: model.Schema, Objects: modeltest.Rich().Objects[:3]}))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := model.Decode(bytes.NewReader(in))
		if err != nil {
			return
		}
		if _, err := model.Decode(bytes.NewReader(encode(t, s))); err != nil {
			t.Errorf("what was decoded cannot be decoded again: %v", err)
		}
	})
}

// TestNullRecords: null in a list of records is a record in which everything is unknown, so
// code that uses the list need not check for nil.
func TestNullRecords(t *testing.T) {
	s, err := model.Decode(strings.NewReader(`{"schema":"ipctop/1","processes":[null,{"pid":5}],"objects":[{"id":"pipe:1","kind":"pipe"},null],"links":[null]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Processes) != 2 || s.Processes[0] == nil || s.Processes[1].PID != 5 || len(s.Objects) != 2 || s.Objects[1] == nil || len(s.Links) != 1 || s.Links[0] == nil {
		t.Errorf("read as %+v", s)
	}
}
