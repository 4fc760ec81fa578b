package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
)

func difference() *record.Difference {
	return &record.Difference{
		Before: record.Side{Taken: time.Unix(0, 0).UTC(), Hostname: "db1"}, After: record.Side{Taken: time.Unix(60, 0).UTC(), Hostname: "db1"},
		Changes: []record.Change{
			{List: "findings", Change: record.Appeared, ID: "pipe-full:10", Name: "yes(10) waits"},
			{List: "objects", Change: record.Grew, ID: "pipe:77", Kind: model.Pipe, Fields: []record.FieldChange{
				{Name: "queued", Before: "0", After: "65536", By: model.Some[int64](65536)}, {Name: "readers", Before: "1"},
			}},
			{List: "processes", Change: record.Vanished, PID: 13, Start: 7, Comm: "e\x1b[31mvil\n"},
			{List: "holders", Change: record.Appeared, ID: "pipe:77", PID: 12, Comm: "cat", Fields: []record.FieldChange{{Name: "via", After: "fd 3"}}},
		},
	}
}

func TestDiffTable(t *testing.T) {
	var b bytes.Buffer
	if err := Diff(&b, &Options{}, difference()); err != nil {
		t.Fatal(err)
	}
	const want = `CHANGE    WHAT               PROCESS             HOW
appeared  finding                                yes(10) waits
grew      pipe:77                                queued 0 -> 65536, readers 1 -> ?
vanished  process            e\x1b[31mvil\n(13)
appeared  holder of pipe:77  cat(12)             fd 3
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestDiffJSON(t *testing.T) {
	var b bytes.Buffer
	if err := DiffJSON(&b, difference()); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema  string
		Before  struct{ Taken time.Time }
		Changes []struct {
			Change, ID, Comm string
			PID              int
			Fields           []struct {
				Name  string
				After *string
				By    *int
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatalf("%v:\n%s", err, b.String())
	}
	if doc.Schema != DiffSchema || len(doc.Changes) != 4 || doc.Changes[2].Comm != "e\x1b[31mvil\n" || *doc.Changes[1].Fields[0].By != 65536 ||
		doc.Changes[1].Fields[1].After != nil || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%+v\n%s", doc, b.String())
	}
	b.Reset()
	if err := DiffJSON(&b, &record.Difference{}); err != nil || !strings.HasSuffix(b.String(), "\"changes\":[]}\n") {
		t.Errorf("nothing changed: %v\n%s", err, b.String())
	}
}

func TestTrendTables(t *testing.T) {
	var trend record.Trend
	for i := range 5 {
		trend.Add(&model.Snapshot{
			Taken:     time.Unix(int64(i), 0),
			Processes: []*model.Process{{PID: 13, StartTicks: 1, Comm: "e\x1bvil", FDs: model.Some(3 + i)}},
		})
	}
	var b bytes.Buffer
	if err := Trend(&b, &Options{}, &trend); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "e\\x1bvil(13)  descriptors      3     7  4 times  ") {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	if err := TrendJSON(&b, &trend); err != nil || !json.Valid(b.Bytes()) || !strings.Contains(b.String(), `"first":3,"last":7,"times":4`) {
		t.Errorf("%v\n%s", err, b.String())
	}
}
