package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/query"
)

// TestShowHasNoFieldNames: the text for people contains neither field names nor JSON, for
// any kind of object.
func TestShowHasNoFieldNames(t *testing.T) {
	s := modeltest.Rich()
	var fields []string
	for _, f := range model.Fields() {
		if strings.Contains(f.Name(), "_") {
			fields = append(fields, f.Name())
		}
	}
	for _, k := range model.Kinds() {
		s.Objects = append(s.Objects, &model.Object{ID: string(k.Name) + ":none", Kind: k.Name, Detail: k.NewDetail()})
	}
	for i := range s.Objects {
		o := s.Objects[i]
		text := newShowText(ShowOptions{})
		text.view = NewView(model.NewIndex(s), &Options{Wide: true})
		text.objectIdentity(o)
		text.objectDetail(o)
		for line := range strings.Lines(text.b.String()) {
			label, value, _ := strings.Cut(strings.TrimSpace(line), "  ")
			value, _, _ = strings.Cut(strings.TrimSpace(value), "  ")
			if strings.Contains(label, "_") {
				t.Errorf("%s: label %q", o.ID, label)
			}
			if value != "" && strings.Contains("{[\"", value[:1]) && json.Valid([]byte(value)) {
				t.Errorf("%s: value %q is JSON", o.ID, value)
			}
			for _, name := range fields {
				if strings.Contains(label+" "+value, name+"=") || strings.Contains(label+" "+value, strings.ToUpper(name)) {
					t.Errorf("%s: %q names the field %s", o.ID, line, name)
				}
			}
		}
	}
}

// TestShowLocks: lists are shown as tables; locks say who has them and who waits for whom.
func TestShowLocks(t *testing.T) {
	s := &model.Snapshot{
		Processes: []*model.Process{{PID: 10, Comm: "nightly", Label: "nightly"}, {PID: 11, Comm: "hourly", Label: "hourly"}},
		Objects: []*model.Object{{
			ID: "file:8:1:77", Kind: model.File, Name: "/run/lock/job", HoldersComplete: true,
			Detail: &model.FileDetail{Type: "regular", Size: model.Some[int64](4096), Locks: []model.Lock{
				{Type: "flock", Mode: "WRITE", PID: model.Some(10), Holders: []int{10}},
				{Type: "flock", Mode: "WRITE", PID: model.Some(11), Blocked: true, BlockedBy: []int{10}, BlockedOn: []int{0}},
				{Type: "posix", Mode: "READ", Start: 10, End: model.Some[int64](19)},
			}},
		}},
	}
	var b bytes.Buffer
	if err := Show(&b, model.NewIndex(s), []query.Match{{Object: s.Objects[0]}}, ShowOptions{}); err != nil {
		t.Fatal(err)
	}
	compareShow(t, "locks", b.Bytes())
}
