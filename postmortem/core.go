package postmortem

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/corefile"
	"github.com/ipctop/ipctop/model"
)

// Core is the postmortem of a core file.
type Core struct {
	Schema string         `json:"schema"`
	What   string         `json:"what"`
	Core   *corefile.Core `json:"core"`
	With   *With          `json:"with,omitzero"`

	sender *model.Process // the process that sent the signal, from the snapshot; nil if unknown
}

// With is what a snapshot of the same time adds about the process.
type With struct {
	Taken    time.Time       `json:"taken"`
	Process  *model.Process  `json:"process,omitzero"` // nil: not in the snapshot, or two processes fit
	Links    []*model.Link   `json:"links"`
	Waits    []model.Wait    `json:"waits"`
	Findings []model.Finding `json:"findings"`
}

// New joins a core with a snapshot of the same time, which may be nil.
func New(core *corefile.Core, snap *model.Snapshot) *Core {
	r := &Core{Schema: model.Schema, What: "core", Core: core}
	if snap == nil {
		return r
	}
	r.sender = senderOf(core, snap)
	w := &With{Taken: snap.Taken, Process: processOf(core, snap), Links: []*model.Link{}, Waits: []model.Wait{}, Findings: []model.Finding{}}
	r.With = w
	if w.Process == nil {
		return r
	}
	pid := w.Process.PID
	for _, l := range snap.Links {
		if slices.Contains(l.From, pid) || slices.Contains(l.To, pid) {
			w.Links = append(w.Links, l)
		}
	}
	for i := range snap.Waits {
		if snap.Waits[i].PID == pid {
			w.Waits = append(w.Waits, snap.Waits[i])
		}
	}
	for i := range snap.Findings {
		if slices.Contains(snap.Findings[i].PIDs, pid) {
			w.Findings = append(w.Findings, snap.Findings[i])
		}
	}
	return r
}

// processOf finds the process of a core in a snapshot, by its pid there or in its own namespace.
// The command name must be the same: another process may have had the pid before or after.
func processOf(core *corefile.Core, snap *model.Snapshot) *model.Process {
	var inner *model.Process
	for i := range snap.Processes {
		p := snap.Processes[i]
		if p.Comm != core.Process.Comm {
			continue
		}
		if p.PID == core.Process.PID && len(p.NSPIDs) == 0 {
			return p
		}
		if n := len(p.NSPIDs); n > 0 && p.NSPIDs[n-1] == core.Process.PID {
			if inner != nil {
				return nil // two processes fit
			}
			inner = p
		}
	}
	return inner
}

func senderOf(core *corefile.Core, snap *model.Snapshot) *model.Process {
	if core.Signal == nil {
		return nil
	}
	pid, ok := core.Signal.Sender.Get()
	if !ok {
		return nil
	}
	for i := range snap.Processes {
		if snap.Processes[i].PID == pid {
			return snap.Processes[i]
		}
	}
	return nil
}
