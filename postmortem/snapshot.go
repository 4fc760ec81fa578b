package postmortem

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/render"
)

// Snapshot is the postmortem of a dump, or of one moment of a recording.
type Snapshot struct {
	Schema   string          `json:"schema"`
	What     string          `json:"what"`
	Samples  model.Opt[int]  `json:"samples,omitzero"`
	First    time.Time       `json:"first,omitzero"`
	Last     time.Time       `json:"last,omitzero"`
	Taken    time.Time       `json:"taken"`
	Host     model.Host      `json:"host"`
	Findings []model.Finding `json:"findings"`
	Waits    []model.Wait    `json:"waits"`

	name string
	snap *model.Snapshot
}

// OfSnapshot makes the postmortem of a snapshot from a dump or a recording; rec is nil for
// a dump. name is the file's name.
func OfSnapshot(name string, snap *model.Snapshot, rec *record.Recording) *Snapshot {
	r := &Snapshot{
		Schema: model.Schema, What: "dump", Taken: snap.Taken, Host: snap.Host, Findings: snap.Findings, Waits: snap.Waits,
		name: name, snap: snap,
	}
	if rec != nil {
		n := rec.Len()
		r.What, r.Samples, r.First, r.Last = "recording", model.Some(n), rec.Time(0), rec.Time(n-1)
	}
	return r
}

// Text says what the file is and what it contains, with times in this machine's time zone.
// The caller prints the findings.
func (r *Snapshot) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s is a %s of %s", render.Escape(r.name), r.What, render.Escape(r.Host.Hostname))
	if n, ok := r.Samples.Get(); ok {
		fmt.Fprintf(&b, ": %d samples from %s to %s", n, clock(r.First), clock(r.Last))
	}
	fmt.Fprintf(&b, "\nat %s: %d processes, %d objects, ", clock(r.Taken), len(r.snap.Processes), len(r.snap.Objects))
	if r.Findings == nil {
		b.WriteString("made without findings\n")
	} else {
		fmt.Fprintf(&b, "%d findings\n\n", len(r.Findings))
	}
	return b.Bytes()
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }
