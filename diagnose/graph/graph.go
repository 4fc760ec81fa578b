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

	marks       *marks
	nodes       []node
	byTID       map[int]int   // index in nodes
	members     map[int][]int // by pid: indexes in nodes of its living threads
	inFlight    []string      // sockets with descriptors in their queues
	rings       map[int]bool  // processes that have an io_uring, without those that run on a language runtime
	ringAmong   map[*int]int  // see [Graph.withRing]
	listeners   map[endpoint]*model.Object
	named       map[endpoint][]*model.Object
	bound       map[boundFile]*model.Object
	only        map[namedElsewhere]*model.Object // see [Graph.onlyNamed]
	addresses   map[netip.Addr]uint64            // network namespaces of several hosts; see [Graph.elsewhere]
	pending     map[string]*model.Object         // listeners, by the id of a socket in their accept queue
	removals    [External]*removal               // by level
	halted      *removal                         // see [Graph.OnlyHalted]
	leftUnread  map[int]*model.Object            // see [Graph.LeftUnread]
	unlisted    bool                             // there are processes outside the pid namespace, or hidden by the proc file system
	locksUnread bool                             // locks on files may be missing although their holders are listed
	deadlocks   []Deadlock
	deadlocked  map[*model.Wait]bool
	searched    bool                  // deadlocks is filled in
	noWork      bool                  // see [Graph.NoWork]
	mayEnd      map[int]bool          // pids with a child that may end; see [Graph.childMayEnd]
	lockTables  map[string]*lockTable // by the object's id
	gone        map[int]bool          // pids assumed to have ended; see [Graph.Without]
	resumed     []int                 // pids assumed to have resumed; see [Graph.Resumed]
	held        map[heldKey]held
	crowds      []crowd
	crowdsOf    map[int][]int // by pid: indexes in crowds
	clauseRoom  []Clause      // the clauses of all nodes, one after the other
	places      []int         // each element is its own index; the lists in members are slices of it
	scratch     *scratch      // shared with the graphs that [Graph.Without] makes
}

// node is a living thread.
type node struct {
	process *model.Process
	tid     int
	state   string
	wait    *model.Wait // nil: no known wait
	clauses []Clause    // of a confirmed wait

	blocked    bool   // its wait is confirmed, and nothing else keeps it from running
	settled    bool   // … and has lasted since before the scan began
	unread     string // not empty: its state could not be read; the text to show for that
	own        bool   // it belongs to a language runtime, not to the program
	housekeeps bool   // … and it wakes by itself and does nothing for others
	handler    string // the signal whose handler it is running; "": none, or not known
}

// New makes the graph of an indexed snapshot. It does not change the snapshot.
func New(x *model.Index) *Graph { return Next(x, nil) }

// Next is [New] for a later snapshot of the same machine. It reuses the memory of the graph before
// and what is still true in it, so that graph must not be used afterwards. before may be nil.
func Next(x *model.Index, before *Graph) *Graph {
	g := before.emptied()
	s := x.Snapshot
	g.Index, g.marks = x, g.marks.next(s.Objects)
	for _, o := range g.Marked(InFlight) {
		g.inFlight = append(g.inFlight, o.ID)
	}
	for _, o := range g.OfKind(model.IOUring) {
		for i := range o.Holders {
			if p := g.Processes[int(o.Holders[i].PID)]; p != nil && p.Runtime == "" {
				g.rings[p.PID] = true
			}
		}
	}
	g.nodes, g.clauseRoom = slices.Grow(g.nodes, len(s.Processes)), slices.Grow(g.clauseRoom, len(s.Waits))
	unreadable := unreadable(s)
	g.unlisted = slices.ContainsFunc(s.Gaps, func(gap model.Gap) bool { return gap.Probe == "process" && gap.Op == "list" })
	g.locksUnread = slices.ContainsFunc(s.Gaps, func(gap model.Gap) bool { return gap.Probe == "locks" && gap.Op == "read" })
	for i := range s.Processes {
		g.addThreads(s.Processes[i], unreadable)
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.blocked {
			from := len(g.clauseRoom)
			g.clauseRoom = g.clauses(g.clauseRoom, n)
			n.clauses = g.clauseRoom[from:len(g.clauseRoom):len(g.clauseRoom)]
		}
	}
	g.shareCrowds()
	return g
}

// emptied returns an empty graph that reuses the memory of g, which is no longer needed. Only the
// marks of g are kept.
func (g *Graph) emptied() *Graph {
	if g == nil {
		return &Graph{
			byTID: map[int]int{}, members: map[int][]int{}, mayEnd: map[int]bool{}, lockTables: map[string]*lockTable{},
			held: map[heldKey]held{}, rings: map[int]bool{}, ringAmong: map[*int]int{}, crowdsOf: map[int][]int{}, scratch: new(scratch),
		}
	}
	clear(g.byTID)
	clear(g.members)
	clear(g.mayEnd)
	clear(g.lockTables)
	clear(g.held)
	clear(g.rings)
	clear(g.ringAmong)
	clear(g.crowdsOf)
	clear(g.nodes)
	clear(g.clauseRoom)
	g.scratch.keep(&g.removals)
	return &Graph{
		marks: g.marks, nodes: g.nodes[:0], byTID: g.byTID, members: g.members, mayEnd: g.mayEnd, lockTables: g.lockTables,
		held: g.held, rings: g.rings, ringAmong: g.ringAmong, crowdsOf: g.crowdsOf, clauseRoom: g.clauseRoom[:0], places: g.places, scratch: g.scratch,
	}
}

// addThreads makes the nodes of a process.
func (g *Graph) addThreads(p *model.Process, unreadable map[int]string) {
	if p.Kernel {
		return
	}
	from := len(g.nodes)
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
		g.nodes = append(g.nodes, n)
	}
	// A thread that is missing in the list may do anything.
	if len(p.ThreadList) > 0 && p.Threads > len(p.ThreadList) || len(p.ThreadList) == 0 && p.Threads > 1 {
		g.nodes = append(g.nodes, node{process: p, unread: "does something that could not be read"})
	}
	for len(g.places) < len(g.nodes) {
		g.places = append(g.places, len(g.places))
	}
	own := g.places[from:len(g.nodes):len(g.nodes)]
	if others := g.members[p.PID]; len(others) > 0 { // a dump that has a process twice
		own = append(slices.Clip(others), own...)
	}
	g.members[p.PID] = own
}

// settled reports whether a thread has not run since the scan began. Then everything
// that the scan read about the thread before it read the wait is still valid.
func (g *Graph) settled(w *model.Wait) bool {
	age, known := w.BlockedFor.Get()
	return known && age >= g.Snapshot.Scan.Duration
}

// unreadable lists the processes (by pid) and threads (by tid) whose wait could not be
// read, with the text to show for each. A missing privilege is not mentioned here, because
// the verdict says it once for all; a reason in the kernel or the program is.
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
