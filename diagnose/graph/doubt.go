package graph

import "github.com/ipctop/ipctop/model"

// Doubt says what must be left out of account for a clause to have no releaser but
// those it names.
type Doubt uint8

// The doubts, the least first.
const (
	None   Doubt = iota // nothing
	Slight              // what hardly ever happens; see [Clause.Because]
	Hidden              // holders among the processes that could not be read
	Strong              // holders missing for other reasons, and descriptors in flight
	Open                // something outside the snapshot does release such waits
)

// confidence is how sure a deadlock is that stands on clauses with such doubts.
func (d Doubt) confidence() model.Confidence {
	switch d {
	case None:
		return model.Certain
	case Slight, Hidden:
		return model.Likely
	}
	return model.Possible
}

// Clause is one of the things that must all happen before a wait ends: one of these
// threads must act.
type Clause struct {
	Object    string // what they must act on, where it is an object
	Processes []int  // all of whose threads can
	Threads   []int  // threads that can, of other processes' threads
	How       string // how they could do it: "can write to it"
	starter   int    // a process whose threads could start one that can

	Doubt      Doubt
	Because    []string         // what the doubts are
	grades     []Doubt          // of each of them
	Confidence model.Confidence // that they can do it
}

// doubt raises the clause's doubt.
func (c *Clause) doubt(d Doubt, because string) {
	c.Doubt = max(c.Doubt, d)
	c.Because, c.grades = append(c.Because, because), append(c.grades, d)
}

// Doubts are the doubts of a grade or above, in words.
func (c *Clause) Doubts(least Doubt) []string {
	var list []string
	for i, d := range c.grades {
		if d >= least {
			list = append(list, c.Because[i])
		}
	}
	return list
}

// incomplete is what it means that an object's holders are not all known.
// Where processes could not be read that alone explains it.
func (g *Graph) incomplete(c *Clause, o *model.Object) {
	switch {
	case o.HoldersComplete:
	case g.Snapshot.Scan.ProcessesUnreadable > 0:
		c.doubt(Hidden, "holders of "+o.ID+" may be hidden")
	default:
		c.doubt(Strong, "holders of "+o.ID+" may be missing")
	}
}

// add adds a process once.
func (c *Clause) add(pid int) {
	for _, p := range c.Processes {
		if p == pid {
			return
		}
	}
	c.Processes = append(c.Processes, pid)
}

// merge makes a clause out of several, any of which will do.
func merge(list []Clause) Clause {
	all := Clause{Confidence: model.Certain}
	for i := range list {
		c := &list[i]
		for _, pid := range c.Processes {
			all.add(pid)
		}
		all.Threads = append(all.Threads, c.Threads...)
		all.Doubt = max(all.Doubt, c.Doubt)
		all.Because, all.grades = append(all.Because, c.Because...), append(all.grades, c.grades...)
		if c.Confidence != model.Certain {
			all.Confidence = c.Confidence
		}
		all.How = c.How
	}
	if len(list) == 1 {
		all.Object = list[0].Object
	}
	return all
}
