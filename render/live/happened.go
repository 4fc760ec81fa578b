package live

import "time"

// Happened is an entry of the log for output as lines.
type Happened struct {
	Time   time.Time
	Sign   string // for people: + new
	Event  string // for scripts: appeared, vanished, blocked, released, found, resolved
	Kind   string // a kind, process, wait, or a rule
	Object string // the id of an object or a finding; "" otherwise
	PID    int    // the process; 0: none
	What   string // escaped
	Who    string // escaped
}

// HappenedIn lists what happened between the snapshot before d and d, in the order
// of the log's lines.
func HappenedIn(d *Data) []Happened {
	list := make([]Happened, 0, len(d.log))
	for _, e := range d.log {
		list = append(list, Happened{
			Time: e.at, Sign: happenings[e.event].sign, Event: happenings[e.event].word, Kind: e.kind, Object: e.ident.ID, PID: e.ident.PID,
			What: e.what, Who: e.who,
		})
	}
	return list
}

// Clock returns the time of day in the user's time zone.
func (d *Data) Clock(t time.Time) string { return d.clock(t) }
