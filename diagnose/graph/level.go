package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Level is how much has to be assumed before a clause has no releaser but those it
// names. Each level includes those before.
type Level uint8

// The levels, the surest first.
const (
	Proven     Level = iota // nothing has to be assumed
	Unlikely                // that what hardly ever happens does not; see [Clause.Reasons]
	Unreadable              // that processes which could not be read hold nothing and do nothing
	Incomplete              // that no holder is missing, no descriptor in flight matters, and no signal handler acts
	External                // something outside the snapshot does release such waits
)

// confidence is how sure a deadlock is that stands on clauses of such a level.
func (l Level) confidence() model.Confidence {
	switch l {
	case Proven:
		return model.Certain
	case Unlikely, Unreadable:
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
	parent    int    // a process the end of whose children interrupts the wait
	maker     int    // of a lock that a description holds: the process that took it, if it still has that
	crowd     int    // place of Processes in [Graph.crowds], from 1; 0: they are not shared
	jumbled   bool   // Processes are not in ascending order
	unseen    bool   // who holds the lock is not visible from here; see [Graph.UnseenHolder]
	every     bool   // to be sure that the thread goes on, all of Processes must act; see [Graph.Released]

	Level      Level
	Reasons    []string         // why it is not proven
	levels     []Level          // of each reason
	Confidence model.Confidence // that they can do it

	closed bool   // a process that is taken out had what the wait is for; see [Graph.Without]
	ended  ending // what ends the wait at once where processes are taken out; see [Graph.Without]
}

// weaken raises the clause's level, for a reason.
func (c *Clause) weaken(l Level, because string) {
	c.Level = max(c.Level, l)
	c.Reasons, c.levels = append(c.Reasons, because), append(c.levels, l)
}

// ReasonsFrom are the reasons of a level or above.
func (c *Clause) ReasonsFrom(least Level) []string {
	var list []string
	for i, l := range c.levels {
		if l >= least {
			list = append(list, c.Reasons[i])
		}
	}
	return list
}

// incomplete is what it means that an object's holders are not all known.
// Where processes could not be read, or are not even listed, that alone explains it.
func (g *Graph) incomplete(c *Clause, o *model.Object) {
	switch {
	case o.HoldersComplete:
	case g.unlisted:
		c.weaken(Unreadable, "processes that are not listed here may hold "+o.ID)
	case g.Snapshot.Scan.ProcessesUnreadable > 0:
		c.weaken(Unreadable, "holders of "+o.ID+" may be hidden")
	default:
		c.weaken(Incomplete, "holders of "+o.ID+" may be missing")
	}
}

// Unlisted reports whether there are processes that the snapshot does not list: outside the
// pid namespace, or hidden by the proc file system.
func (g *Graph) Unlisted() bool { return g.unlisted }

// add adds a process once.
func (c *Clause) add(pid int) {
	known := false
	switch n := len(c.Processes); {
	case n == 0 || !c.jumbled && c.Processes[n-1] < pid: // as holders come
	case c.jumbled:
		known = slices.Contains(c.Processes, pid)
	default:
		_, known = slices.BinarySearch(c.Processes, pid)
		c.jumbled = !known
	}
	if !known {
		c.Processes = append(c.Processes, pid)
	}
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
		all.Level = max(all.Level, c.Level)
		all.Reasons, all.levels = append(all.Reasons, c.Reasons...), append(all.levels, c.levels...)
		if c.Confidence != model.Certain {
			all.Confidence = c.Confidence
		}
		all.How = c.How
		all.ended = max(all.ended, c.ended)
	}
	if len(list) == 1 {
		all.Object = list[0].Object
	}
	return all
}
