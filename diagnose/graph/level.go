package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Level says how much must be assumed so that only the threads which a clause names can
// fulfil it. Each level includes the ones before it.
type Level uint8

// The levels, the surest first.
const (
	Proven     Level = iota // nothing has to be assumed
	Unlikely                // that something that hardly ever happens does not happen; see [Clause.Reasons]
	Unreadable              // that processes which could not be read hold nothing and do nothing
	Incomplete              // that no holder is missing, no descriptor in flight matters, and no signal handler acts
	External                // no assumption helps: something outside the snapshot normally releases such waits
)

// confidence returns the confidence of a deadlock that depends on clauses of this level.
func (l Level) confidence() model.Confidence {
	switch l {
	case Proven:
		return model.Certain
	case Unlikely, Unreadable:
		return model.Likely
	}
	return model.Possible
}

// Clause is one of the conditions that must all be fulfilled before a wait ends. It is
// fulfilled when one of its threads acts.
type Clause struct {
	Object    string // the object on which they must act, if there is one
	Processes []int  // processes of which every thread can fulfil it
	Threads   []int  // further threads that can fulfil it, of other processes
	How       string // how they could do it: "can write to it"
	starter   int    // a process whose threads could start a process that can fulfil it
	parent    int    // a process that leaves the wait when a child of it ends
	maker     int    // of a flock or OFD lock: the process that took it, if it still has the open file description
	crowd     int    // index of Processes in [Graph.crowds] plus 1; 0: the list is not shared
	jumbled   bool   // Processes is not in ascending order
	unseen    bool   // the holder of the lock is not visible from here; see [Graph.UnseenHolder]
	every     bool   // only if all of Processes act the thread certainly continues; see [Graph.Released]

	Level      Level
	Reasons    []string         // why it is not proven
	levels     []Level          // of each reason
	Confidence model.Confidence // that Processes and Threads can fulfil it

	closed bool   // a process that is assumed to have ended held the object; see [Graph.Without]
	ended  ending // what ends the wait at once if those processes end; see [Graph.Without]
}

// weaken raises the clause's level to at least l, for a reason.
func (c *Clause) weaken(l Level, because string) {
	c.Level = max(c.Level, l)
	c.Reasons, c.levels = append(c.Reasons, because), append(c.levels, l)
}

// ReasonsFrom returns the reasons of a level or above.
func (c *Clause) ReasonsFrom(least Level) []string {
	var list []string
	for i, l := range c.levels {
		if l >= least {
			list = append(list, c.Reasons[i])
		}
	}
	return list
}

// incomplete weakens a clause if the list of an object's holders is incomplete. If
// processes could not be read, or are not even listed, that alone explains it.
func (g *Graph) incomplete(c *Clause, o *model.Object) {
	switch {
	case o.HoldersComplete:
	case g.unlisted:
		c.weaken(Unreadable, "processes that are not visible here may hold "+o.ID)
	case g.Snapshot.Scan.ProcessesUnreadable > 0:
		c.weaken(Unreadable, "holders of "+o.ID+" may be hidden")
	default:
		c.weaken(Incomplete, "holders of "+o.ID+" may be missing")
	}
}

// Unlisted reports whether there are processes that the snapshot does not list: outside the
// pid namespace, or hidden by the proc file system.
func (g *Graph) Unlisted() bool { return g.unlisted }

// add adds a process unless the clause has it.
func (c *Clause) add(pid int) {
	known := false
	switch n := len(c.Processes); {
	case n == 0 || !c.jumbled && c.Processes[n-1] < pid: // the normal order of holders
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

// merge combines several clauses into one that any of them fulfils.
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
