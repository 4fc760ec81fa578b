package live

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// Ident identifies what a row is about, across snapshots. It is comparable.
type Ident struct {
	ID    string // the id of an object or finding, or the words of a gap
	Gen   string // distinguishes a reused id from the old object
	PID   int    // a process, which is (pid, start ticks)
	Start uint64
	Seq   int // an entry of the log
}

// row is one row of a screen: one of the pointers is set.
type row struct {
	object  *model.Object
	process *model.Process
	problem *problem
	entry   *entry
	thread  *model.Thread // of process: the row is only about this thread
	path    bool          // the process is shown by its path
	branch  string        // the lines before a process in a tree
}

func (r *row) ident() Ident {
	switch {
	case r.object != nil:
		return Ident{ID: r.object.ID, Gen: r.object.Gen}
	case r.process != nil:
		id := Ident{PID: r.process.PID, Start: r.process.StartTicks}
		if r.thread != nil {
			id.Seq = r.thread.TID
		}
		return id
	case r.problem != nil:
		return Ident{ID: r.problem.id}
	case r.entry != nil:
		return Ident{Seq: r.entry.seq}
	}
	return Ident{}
}

// subject returns the object or process that a row is about: the row itself, the one that an
// entry of the log names, or the first object of a problem.
func (r row) subject(d *Data) row {
	switch {
	case r.problem != nil && r.problem.object != nil:
		return row{object: r.problem.object}
	case r.entry != nil:
		return d.find(r.entry.ident)
	}
	return r
}

// entry is a line of the log: something that happened.
type entry struct {
	seq   int
	at    time.Time
	event happening
	ident Ident
	kind  string
	what  string // escaped
	who   string // escaped
}

// happening is what happened.
type happening uint8

const (
	appeared happening = iota
	vanished
	blocked  // a thread waits
	released // it no longer waits
	found    // a finding is new
	resolved // a finding has ended
	traced   // an event that was traced
)

// words of the log, for people and for scripts.
var happenings = [...]struct{ sign, word, phrase string }{
	appeared: {"+ new", "appeared", "appeared"}, vanished: {"- gone", "vanished", "vanished"}, blocked: {"> blocked", "blocked", "was blocked"}, released: {"< released", "released", "was released"},
	found: {"! found", "found", "was found"}, resolved: {"= over", "resolved", "is over"}, traced: {"* event", "traced", "was traced"},
}
