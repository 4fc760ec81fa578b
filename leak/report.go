package leak

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// Report is the report about a command that has ended.
type Report struct {
	Schema              string    `json:"schema"`
	Command             []string  `json:"command"`
	PID                 int       `json:"pid"`
	Began               time.Time `json:"began"`
	Duration            int64     `json:"duration_ns"`
	Status              int       `json:"status"`
	Signal              string    `json:"signal,omitzero"`
	Isolated            bool      `json:"isolated"`
	Descendants         int       `json:"descendants"`
	DescendantsComplete bool      `json:"descendants_complete"`
	Left                []Leak    `json:"left"`
	Notes               []string  `json:"notes"`
}

// Gaps adds notes about what was not seen: others are the gaps of the listings before
// and after, snap is the snapshot after.
func (r *Report) Gaps(snap *model.Snapshot, others ...string) {
	r.Notes = []string{}
	add := func(s string) {
		if len(r.Notes) == 0 || r.Notes[len(r.Notes)-1] != s {
			r.Notes = append(r.Notes, s)
		}
	}
	if !r.DescendantsComplete {
		add("descendants that ran for less than about 10 ms may have been missed: only root is notified of every fork")
	}
	for _, g := range others {
		add(g)
	}
	for _, g := range snap.Gaps {
		switch g.Probe {
		case string(model.SysvMsg), string(model.SysvSem), string(model.SysvShm), string(model.PosixMq), string(model.PosixShm):
			if g.PID == 0 && g.Object == "" {
				add(g.Probe + ": " + g.Detail)
			}
		}
	}
}

// Has reports whether there is a leak with at least that confidence.
func (r *Report) Has(least model.Confidence) bool {
	for i := range r.Left {
		if r.Left[i].Confidence.Rank() <= least.Rank() {
			return true
		}
	}
	return false
}
