package live

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/record"
)

// file is a recording in memory.
type file struct{ bytes.Buffer }

func (f *file) Truncate(n int64) error { f.Buffer.Truncate(int(n)); return nil }
func (f *file) Sync() error            { return nil }

// changing returns snapshots of a machine on which things come and go.
func changing(samples int) []*model.Snapshot {
	var list []*model.Snapshot
	for i := range samples {
		s := modeltest.Rich()
		s.Taken = s.Taken.Add(time.Duration(i) * 5 * time.Second)
		s.Objects = s.Objects[i%4:]
		s.Processes = s.Processes[:len(s.Processes)-i%3]
		if i >= 3 && i < 6 {
			s.Findings[0].ID = "another"
		}
		list = append(list, s)
	}
	return list
}

func recorded(t *testing.T, snaps []*model.Snapshot) *record.Recording {
	t.Helper()
	var f file
	w, err := record.Create(&f, record.Keep{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range snaps {
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	rec, err := record.Open(bytes.NewReader(f.Bytes()), int64(f.Len()), model.DefaultMaxMemory)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// replaying is a view over a recording.
type replaying struct {
	*view
	rec   *record.Recording
	at    int
	loads []int
}

func newReplay(t *testing.T, rec *record.Recording, start, width, height int) *replaying {
	s := usual
	s.Source, s.Timeline, s.Start = "ipc.rec", rec, start
	v := &replaying{view: newView(t, s, width, height), rec: rec, at: -2}
	v.load(start)
	return v
}

func (v *replaying) load(at int) {
	v.t.Helper()
	v.loads = append(v.loads, at)
	snap, err := v.rec.Load(at)
	if err != nil {
		v.do(Loaded{At: at, Err: err.Error()})
		return
	}
	if v.at != at-1 {
		v.prev = nil
	}
	v.at, v.prev = at, Prepare(model.NewIndex(snap), v.prev, v.m.settings)
	v.do(Loaded{At: at, Data: v.prev})
}

// keys presses keys and loads what they ask for.
func (v *replaying) keys(keys string) {
	v.t.Helper()
	v.view.keys(keys)
	v.loadWanted()
}

func (v *replaying) loadWanted() {
	v.t.Helper()
	for {
		i := slices.IndexFunc(v.effects, func(e Effect) bool { _, ok := e.(Load); return ok })
		if i < 0 {
			return
		}
		at := v.effects[i].(Load).At
		v.effects = slices.Delete(v.effects, i, i+1)
		v.load(at)
	}
}

// TestReplayShowsWhatWasLive: a replay shows the same as the live view did: every screen,
// after every sample. Other tests check that commands in findings come from the file.
func TestReplayShowsWhatWasLive(t *testing.T) {
	snaps := changing(8)
	rec := recorded(t, snaps)
	for _, s := range snaps {
		s.FromFile = true
	}
	for _, size := range [][2]int{{40, 10}, {80, 24}, {200, 50}} {
		watched := newView(t, usual, size[0], size[1])
		replayed := newReplay(t, rec, 0, size[0], size[1])
		for i, s := range snaps {
			watched.scan(s)
			if i > 0 {
				replayed.keys("]")
			}
			for _, keys := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "2 Down Enter", "Esc 1 g", "Esc 3 Down w", "Esc"} {
				watched.keys(keys)
				replayed.keys(keys)
				live := Lines(watched.m, size[0], size[1])
				again := Lines(replayed.m, size[0], size[1])
				// Only the title differs.
				for n := 1; n < max(len(live), len(again)); n++ {
					if n >= len(live) || n >= len(again) || live[n].String() != again[n].String() {
						t.Fatalf("sample %d, %v, after %s, line %d:\nlive   %v\nreplay %v", i, size, keys, n, live, again)
					}
				}
			}
		}
	}
}

func TestReplaySteps(t *testing.T) {
	snaps := changing(8)
	v := newReplay(t, recorded(t, snaps), 7, 120, 24)
	for _, step := range []struct {
		keys  string
		title string // the position in the title
		says  string // the message
	}{
		{"", "REPLAY 8/8 2025-03-01 12:03:46 from ipc.rec", ""},
		{"]", "8/8", "last sample"},
		{"[", "7/8", ""},
		{"{", "4/8", ""}, // the other finding appears
		{"{", "4/8", "No earlier change"},
		{"}", "7/8", ""},
		{"}", "7/8", "No later change"},
		{"^", "1/8", ""},
		{"[", "1/8", "first sample"},
		{"$", "8/8", ""},
		{"@ '12:03:31' Enter", "5/8", ""},
		{"@ '10s_ago' Enter", "6/8", ""},
		{"@ '12:03' Enter", "6/8", "begins after that"},
		{"Esc @ 'soon' Enter", "6/8", "it is a time"},
		{"Esc Z", "6/8", "recording does not change"},
		{"F9", "6/8", "recording: there is nothing to act on"},
	} {
		v.keys(step.keys)
		lines := Lines(v.m, 120, 24)
		if title := lines[0].String(); !strings.Contains(title, step.title) {
			t.Errorf("after %s the title is %q, want %q in it", step.keys, title, step.title)
		}
		if !strings.Contains(v.m.message, step.says) || step.says == "" && v.m.message != "" {
			t.Errorf("after %s it says %q, want %q", step.keys, v.m.message, step.says)
		}
	}
}

// TestReplaySkipsWhatIsPassed: if the user holds a key down, samples on the way are skipped.
func TestReplaySkipsWhatIsPassed(t *testing.T) {
	v := newReplay(t, recorded(t, changing(8)), 0, 80, 24)
	v.view.keys("] ] ] ] ]")
	v.loadWanted()
	if want := []int{0, 1, 5}; !slices.Equal(v.loads, want) {
		t.Errorf("loaded %v, want %v", v.loads, want)
	}
	if v.m.replay.at != 5 {
		t.Errorf("shows %d", v.m.replay.at)
	}
}

func TestReplaySaysWhatCannotBeRead(t *testing.T) {
	v := newReplay(t, recorded(t, changing(8)), 2, 80, 24)
	v.view.keys("]")
	v.effects = nil
	v.do(Loaded{At: 3, Err: "sample 4 of 8: damaged\x1b"})
	if v.m.replay.at != 2 || !strings.Contains(v.m.message, `damaged\x1b`) {
		t.Errorf("at %d: %q", v.m.replay.at, v.m.message)
	}
	v.keys("$") // and it goes on from there
	if v.m.replay.at != 7 {
		t.Errorf("at %d", v.m.replay.at)
	}
}

// TestReplayLog: the log has the changes of steps forward; after a jump it is not known what
// happened in between.
func TestReplayLog(t *testing.T) {
	v := newReplay(t, recorded(t, changing(8)), 0, 80, 24)
	count := func() string { return fmt.Sprint(len(v.m.log) > 0, len(v.m.history.list)) }
	var got []string
	for _, keys := range []string{"", "]", "]", "[", "]", "$"} {
		v.keys(keys)
		got = append(got, count())
	}
	if want := []string{"false 1", "true 2", "true 3", "false 1", "true 2", "false 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
