package leak

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Process is the kind of a leak that is a process which is still alive. The other
// kinds of leaks are mechanisms.
const Process model.Kind = "process"

// Leak is something that existed after the command and not before.
type Leak struct {
	Kind       model.Kind       `json:"kind" doc:"process, or the mechanism"`
	ID         string           `json:"id,omitzero" doc:"the object's id"`
	Name       string           `json:"name,omitzero" doc:"its path, key or queue name; a process's command name"`
	PID        int              `json:"pid,omitzero" doc:"the process that was left, or the one that made or last used the object"`
	Size       model.Opt[int64] `json:"size,omitzero" unit:"bytes" doc:"the memory it keeps"`
	Confidence model.Confidence `json:"confidence" doc:"how sure it is that the command made it"`
	Why        string           `json:"why" doc:"what that is based on"`
	Holds      []string         `json:"holds,omitzero" doc:"of a process: what it holds that was not there before"`
	Remove     []string         `json:"remove,omitzero" doc:"the command that removes it, one argument each"`
}

// Baseline is what existed before the command ran.
type Baseline struct {
	objects   map[string]bool
	processes map[identity]bool
}

// identity identifies a process even if its pid is reused.
type identity struct {
	pid   int
	start uint64
}

// NewBaseline returns the processes and objects of a snapshot as a baseline.
func NewBaseline(s *model.Snapshot) *Baseline {
	baseline := &Baseline{map[string]bool{}, map[identity]bool{}}
	for i := range s.Objects {
		baseline.objects[objectKey(s.Objects[i])] = true
	}
	for i := range s.Processes {
		baseline.processes[identity{s.Processes[i].PID, s.Processes[i].StartTicks}] = true
	}
	return baseline
}

// objectKey distinguishes an object from a later one with the same number.
func objectKey(o *model.Object) string { return o.ID + " " + o.Gen }

// Command is what is known of the command and its descendants.
type Command struct {
	PIDs     map[int]bool    // the command and all descendants that were seen
	Complete bool            // PIDs has all descendants
	Alive    []int           // descendants that are still alive
	Held     map[string]bool // names of files and queues that a descendant was seen to hold
	UID      int             // the user it ran as
	Isolated bool            // it had an IPC namespace of its own
}

// Find lists what is in a snapshot, was not there before, and may have been made by the
// command: processes first, then objects, each by confidence.
func Find(before *Baseline, after *model.Snapshot, c *Command) []Leak {
	f := &finder{before: before, after: after, command: c, alive: map[int]bool{}, others: map[int]bool{}}
	for _, pid := range c.Alive {
		f.alive[pid] = true
	}
	for i := range after.Processes {
		if p := after.Processes[i]; !c.PIDs[p.PID] && !f.alive[p.PID] {
			f.others[p.PID] = true
		}
	}
	list := f.processes()
	for i := range after.Objects {
		o := after.Objects[i]
		if o.Deleted || before.objects[objectKey(o)] {
			continue
		}
		if t, ok := f.object(o); ok {
			list = append(list, t)
		}
	}
	Sort(list)
	return list
}

// Sort puts processes first, then objects, each by confidence, the highest first.
func Sort(list []Leak) {
	slices.SortStableFunc(list, func(a, b Leak) int {
		return cmp.Or(rank(a.Kind)-rank(b.Kind), a.Confidence.Rank()-b.Confidence.Rank(),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.PID, b.PID), model.CompareIDs(a.ID, b.ID))
	})
}

func rank(k model.Kind) int {
	if k == Process {
		return 0
	}
	return 1
}

// finder is the state of a search.
type finder struct {
	before  *Baseline
	after   *model.Snapshot
	command *Command
	alive   map[int]bool // descendants
	others  map[int]bool // living processes that are not descendants
}

// processes returns the descendants that still run, with what they hold.
func (f *finder) processes() []Leak {
	var list []Leak
	for i := range f.after.Processes {
		p := f.after.Processes[i]
		if !f.alive[p.PID] || p.State == "Z" && p.Threads <= 1 || p.State == "X" || f.before.processes[identity{p.PID, p.StartTicks}] {
			continue
		}
		list = append(list, Leak{
			Kind: Process, Name: p.Comm, PID: p.PID, Confidence: model.Certain, Why: "a descendant of the command, still running",
			Holds: f.heldBy(p.PID),
		})
	}
	return list
}

// heldBy returns the ids of the new objects that a process holds.
func (f *finder) heldBy(pid int) []string {
	var ids []string
	for i := range f.after.Objects {
		o := f.after.Objects[i]
		if !f.before.objects[objectKey(o)] && heldBy(o, func(h int) bool { return h == pid }) {
			ids = append(ids, o.ID)
		}
	}
	slices.SortFunc(ids, model.CompareIDs)
	return ids
}

func heldBy(o *model.Object, who func(pid int) bool) bool {
	return slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return h.PID != 0 && who(int(h.PID)) })
}
