package graph

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Graph is the wait-for graph of a snapshot.
type Graph struct {
	*model.Index

	marks      *Marks
	nodes      []node
	byTID      map[int]int   // place in nodes
	members    map[int][]int // places in nodes of a process's living threads
	inFlight   []string      // sockets with descriptors in their queues
	listeners  map[endpoint]*model.Object
	addresses  map[netip.Addr]uint64    // network namespaces of several hosts; see [Graph.elsewhere]
	pending    map[string]*model.Object // listeners, by sockets in their queues
	removals   [External]*removal       // by level
	unlisted   bool                     // there are processes outside the pid namespace, or hidden by the proc file system
	deadlocks  []Deadlock
	searched   bool                  // for deadlocks
	noWork     bool                  // see [Graph.NoWork]
	mayEnd     map[int]bool          // pids with a child that may end; see [Graph.childMayEnd]
	lockTables map[string]*lockTable // by the object's id
	gone       map[int]bool          // pids that are taken out; see [Graph.Without]
	resumed    []int                 // pids that go on; see [Graph.Resumed]
	held       map[heldKey]held
	crowds     []crowd
	crowdsOf   map[int][]int // places in crowds, by process
}

// node is a living thread.
type node struct {
	process *model.Process
	tid     int
	state   string
	wait    *model.Wait // nil: it waits for nothing that is known
	clauses []Clause    // of a confirmed wait

	blocked    bool   // its wait is confirmed, and nothing else keeps it from running
	settled    bool   // … and has lasted since before the scan began
	unread     string // what it does could not be read, and what is said of that
	own        bool   // a language runtime has the thread for itself
	housekeeps bool   // … and it wakes by itself and does nothing for others
	handler    string // the signal in whose handler it is; "": none, or not known
}

// New makes the graph of an indexed snapshot, which is not changed.
func New(x *model.Index) *Graph { return Next(x, nil) }

// Next is [New] for a snapshot of the machine of which there was one before; before are
// the [Graph.Marks] of that.
func Next(x *model.Index, before *Marks) *Graph {
	s := x.Snapshot
	g := &Graph{Index: x, marks: before.next(s.Objects), byTID: map[int]int{}, mayEnd: map[int]bool{}, lockTables: map[string]*lockTable{}, held: map[heldKey]held{}, members: make(map[int][]int, len(s.Processes))}
	for _, o := range g.Marked(InFlight) {
		g.inFlight = append(g.inFlight, o.ID)
	}
	unreadable := unreadable(s)
	g.unlisted = slices.ContainsFunc(s.Gaps, func(gap model.Gap) bool { return gap.Probe == "process" && gap.Op == "list" })
	for i := range s.Processes {
		g.addThreads(s.Processes[i], unreadable)
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.blocked {
			n.clauses = g.clauses(n)
		}
	}
	g.gather()
	return g
}

// addThreads makes the nodes of a process.
func (g *Graph) addThreads(p *model.Process, unreadable map[int]string) {
	if p.Kernel {
		return
	}
	threads := p.AllThreads()
	for i := range threads {
		t := &threads[i]
		if dead(t.State) {
			continue
		}
		n := node{
			process: p, tid: t.TID, state: t.State, wait: g.Waits[t.TID],
			unread: cmp.Or(unreadable[p.PID], unreadable[t.TID]),
		}
		if w := n.wait; w != nil && w.PID == p.PID {
			n.blocked = w.Confirmed && !p.Frozen && !p.CoreDump && !p.Self && !stopped(t.State)
			n.settled = n.blocked && g.settled(w)
			n.own, n.housekeeps = runtimesOwn(p, t, w), Housekeeping(p, t, w)
			n.handler = w.Handler
		}
		g.byTID[t.TID] = len(g.nodes)
		g.members[p.PID] = append(g.members[p.PID], len(g.nodes))
		g.nodes = append(g.nodes, n)
	}
	// A thread that the list lacks may do anything.
	if len(p.ThreadList) > 0 && p.Threads > len(p.ThreadList) || len(p.ThreadList) == 0 && p.Threads > 1 {
		g.members[p.PID] = append(g.members[p.PID], len(g.nodes))
		g.nodes = append(g.nodes, node{process: p, unread: "does something that could not be read"})
	}
}

// settled reports whether a thread has not run since the scan began. What the scan
// read of it before its wait is then still so.
func (g *Graph) settled(w *model.Wait) bool {
	age, known := w.BlockedFor.Get()
	return known && age >= g.Snapshot.Scan.Duration
}

// unreadable are the processes, by pid, and threads, by tid, of which could not be
// read what they wait for, and what is to be said of it. That a right is missing, the verdict says
// of all; what a kernel or program is the reason for, is said here.
func unreadable(s *model.Snapshot) map[int]string {
	list := map[int]string{}
	for i := range s.Gaps {
		g := &s.Gaps[i]
		if g.Probe != "waits" || g.PID == 0 {
			continue
		}
		doing := "does something that could not be read"
		if g.Reason == model.Unsupported && g.Detail != "" {
			doing += ": " + strings.TrimPrefix(g.Detail, errors.ErrUnsupported.Error()+": ")
		}
		list[cmp.Or(g.TID, g.PID)] = doing
	}
	return list
}

func dead(state string) bool { return state == "Z" || state == "X" }

func stopped(state string) bool { return state == "T" || state == "t" }
