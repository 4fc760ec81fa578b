package tui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// timeline is of a recording with ten samples, a minute apart.
type timeline struct{}

func (timeline) Len() int             { return 10 }
func (timeline) Time(i int) time.Time { return modeltest.Taken.Add(time.Duration(i) * time.Minute) }
func (timeline) Findings(int) uint64  { return 0 }

func (timeline) At(t time.Time) int {
	return min(max(int(t.Sub(modeltest.Taken)/time.Minute), -1), 9)
}

func TestReplayLoadsWhatIsLookedAt(t *testing.T) {
	o := Options{Load: func(at int) (*model.Snapshot, error) {
		if at == 3 {
			return nil, errors.New("sample 4 is damaged")
		}
		s := modeltest.Rich()
		s.Taken = timeline{}.Time(at)
		return s, nil
	}}
	o.Source, o.Timeline, o.Start = "ipc.rec", timeline{}, 5
	r := startView(t, o)
	r.waitFor("REPLAY 6/10")
	r.rune('[')
	r.waitFor("REPLAY 5/10")
	r.rune('[')
	r.waitFor("sample 4 is damaged")
	if !strings.Contains(r.text(), "REPLAY 5/10") {
		t.Error(r.text())
	}
	r.rune('$')
	r.waitFor("REPLAY 10/10")
	r.rune('q')
	if err := r.waitEnd(); err != nil {
		t.Error(err)
	}
}
