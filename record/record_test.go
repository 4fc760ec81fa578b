package record

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// expect checks that a recording begins with these samples.
func expect(t *testing.T, rec *Recording, docs [][]byte) {
	t.Helper()
	if rec.Len() < len(docs) {
		t.Fatalf("%d samples, want %d", rec.Len(), len(docs))
	}
	for i, want := range docs {
		got, err := rec.JSON(i)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("sample %d is not what was recorded", i)
		}
	}
}

func TestSamplesComeBackByteForByte(t *testing.T) {
	m := newMachine(5, 6)
	m.snap.Gaps = modeltest.Rich().Gaps
	m.snap.Processes = append(m.snap.Processes, modeltest.Rich().Processes...)
	f, docs := recording(t, m, 300, 5*time.Second)
	rec := open(t, f.b)
	if rec.Len() != 300 || rec.Damage() != 0 || rec.End() != int64(len(f.b)) {
		t.Fatalf("%d samples, %d bytes damaged, end %d of %d", rec.Len(), rec.Damage(), rec.End(), len(f.b))
	}
	expect(t, rec, docs)
	for i := rec.Len() - 1; i >= 0; i -= 7 { // backwards and by jumps
		if got, err := rec.JSON(i); err != nil || !bytes.Equal(got, docs[i]) {
			t.Fatalf("sample %d: %v", i, err)
		}
	}
	keys := 0
	for i := range rec.Len() {
		if _, whole := rec.Size(i); whole {
			keys++
		}
	}
	if keys != 3 {
		t.Errorf("%d whole samples, want 3", keys)
	}
}

func TestAnyZstdReadsTheFile(t *testing.T) {
	f, docs := recording(t, newMachine(3, 4), 3, 5*time.Second)
	d, err := zstd.NewReader(bytes.NewReader(f.b))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if all, err := io.ReadAll(d); err != nil || !bytes.HasPrefix(all, docs[0]) {
		t.Errorf("%v: %.100q", err, all)
	}
}

func TestRichSnapshotSurvives(t *testing.T) {
	f := &memory{}
	w, _ := Create(f, Keep{})
	s := modeltest.Rich()
	for range 3 {
		s.Taken = s.Taken.Add(time.Second)
		s.Objects = s.Objects[1:]
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	got, err := open(t, f.b).Load(2)
	if err != nil {
		t.Fatal(err)
	}
	s.FromFile = true
	if !bytes.Equal(encode(t, got), encode(t, s)) {
		t.Error("the snapshot has changed")
	}
}

func TestJumpsToTimes(t *testing.T) {
	f, _ := recording(t, newMachine(2, 3), 200, 5*time.Second)
	rec := open(t, f.b)
	for i := range rec.Len() {
		if got := rec.At(rec.Time(i)); got != i {
			t.Errorf("at the time of %d is %d", i, got)
		}
		if got := rec.At(rec.Time(i).Add(time.Second)); got != i {
			t.Errorf("a second after %d is %d", i, got)
		}
	}
	if got := rec.At(began); got != -1 {
		t.Errorf("before the first is %d", got)
	}
}

func TestFindingsHaveFingerprints(t *testing.T) {
	f, docs := recording(t, newMachine(2, 3), 200, 5*time.Second)
	rec := open(t, f.b)
	changes := 0
	for i := 1; i < rec.Len(); i++ {
		ids := func(i int) (list []string) {
			s, err := model.Decode(bytes.NewReader(docs[i]))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range s.Findings {
				list = append(list, f.ID)
			}
			return list
		}
		if same := slices.Equal(ids(i-1), ids(i)); same != (rec.Findings(i-1) == rec.Findings(i)) {
			t.Errorf("sample %d: same findings %v", i, same)
		} else if !same {
			changes++
		}
	}
	if changes == 0 {
		t.Error("nothing was compared")
	}
}

// TestRefuses: a file that is rejected gives an error in words.
func TestRefuses(t *testing.T) {
	f, _ := recording(t, newMachine(1, 1), 1, time.Second)
	newer := bytes.Clone(f.b)
	newer[markSize] = Version + 1
	for _, test := range []struct {
		file []byte
		want string
	}{
		{nil, "not an ipctop recording"},
		{[]byte(`{"schema":"ipctop/1"}`), "not an ipctop recording"},
		{newer, "format 2, this ipctop reads up to 1: use a newer ipctop"},
		{append([]byte{f.b[0] ^ 1}, f.b[1:]...), "not an ipctop recording"},
		{slices.Concat(f.b[:20], []byte{1}, f.b[21:]), "header is damaged"},
	} {
		if _, err := Open(bytes.NewReader(test.file), int64(len(test.file)), model.DefaultMaxMemory); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.20q: %v, want %q", test.file, err, test.want)
		}
	}
	_, err := Open(bytes.NewReader(nil), 0, model.DefaultMaxMemory)
	if !errors.Is(err, ErrNotRecording) {
		t.Errorf("an empty file: %v", err)
	}
}

func TestSchemas(t *testing.T) {
	for schema, want := range map[string]string{"ipctop/1": "", "ipctop/2": "use a newer ipctop", "x": "not an ipctop dump"} {
		f := &memory{}
		w, _ := Create(f, Keep{})
		s := *newMachine(1, 1).snap
		s.Schema = schema
		if err := w.Append(&s); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, f.b).Load(0); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", schema, err)
		}
	}
}

func TestParseKeep(t *testing.T) {
	for s, want := range map[string]Keep{
		"24h": {Age: 24 * time.Hour}, "7d": {Age: 168 * time.Hour}, "2GiB": {Size: 2 << 30}, "500mib": {Size: 500 << 20},
		"2G": {Size: 2 << 30}, "1.5MB": {Size: 1500000}, "1000000": {Size: 1000000}, "90m": {Age: 90 * time.Minute},
	} {
		if got, err := ParseKeep(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "soon", "-1h", "0", "3", "-5GiB", "1e30G", "NaN"} {
		if k, err := ParseKeep(s); err == nil {
			t.Errorf("%q is %+v", s, k)
		}
	}
}
