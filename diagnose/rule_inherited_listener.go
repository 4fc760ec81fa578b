package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var inheritedListenerRule = Rule{
	ID:       "inherited-listener",
	Short:    "kept listener",
	Title:    "port kept open by a process that does not accept",
	Severity: model.Warning,
	Means: "The only processes that have a listening socket open do not accept connections: most likely a server has ended and a child that inherited the " +
		"socket lives on. The server cannot be started again (EADDRINUSE), and clients connect to a socket that nobody serves.",
	Evidence: "The processes that have the listening socket open, and what each of their threads waits for: none waits for the socket, and none has a connection that " +
		"was accepted from it. The leader of their process group or session has ended, or they do not descend from " +
		"the leader of their session, so that the process that started them has ended.",
	Do: "End the process that has it, if it is not needed; then the port is free. The server should open its sockets with SOCK_CLOEXEC.",
	FalseAlarm: "A server that is blocked in something else, such as a lock or a database, does not accept, either: then this is its symptom. It is reported only if " +
		"none of the processes has run for --min-age, and likely at most; where some processes could not be read, one of " +
		"them may be the server, and it is possible at most. Children in a session or group of their own are not told from servers and not reported.",
	find: findInheritedListener,
}

func findInheritedListener(v *view) []finding {
	var list []finding
	for _, o := range v.graph.Marked(graph.Listens) {
		l := listenerOf(o)
		if l == nil {
			continue
		}
		keepers := holders(o, nil)
		if !v.inherited(l, keepers) {
			continue
		}
		victims, waits := v.connecting(l)
		if l.full() && len(waits) > 0 {
			continue // backlog-full reports who cannot connect
		}
		victims = set(append(victims, v.unaccepted(o)...))
		root := keepers[0]
		confidence, lowered := v.absence(o)
		if confidence == model.Certain {
			confidence = model.Likely
		}
		f := finding{explains: waits, Finding: model.Finding{
			Confidence: confidence, LoweredBy: append(lowered, "it may accept once it has done what it waits for"), Objects: []string{o.ID},
			Victims: victims, PIDs: keepers, Root: v.root(root, "does not accept; "+v.doing(root)),
			Summary: fmt.Sprintf("%s %s %s open (%s) and %s not accept",
				v.names(keepers), verb(len(keepers), "keeps", "keep"), l.name(), o.ID, verb(len(keepers), "does", "do")),
			Evidence: []model.Evidence{{Source: "/proc/" + model.PIDNumber(root) + "/task/*/syscall", Text: v.doing(root)}},
			Actions:  v.freePort(l, keepers, waits),
		}}
		list = append(list, f)
	}
	return list
}

// freePort returns the action that ends all holders of a listener, and says which of the
// connecting processes it releases.
func (v *view) freePort(l *listening, keepers []int, waits []*model.Wait) []model.Action {
	if len(keepers) > maxTried || slices.Min(keepers) <= 1 {
		return nil
	}
	then := "; the socket is closed, and " + l.name() + " is free"
	if l.path != "" && l.path[0] != '@' {
		then = "; the socket is closed; its file stays, and is in the way of another bind until it is removed"
	}
	for _, pid := range v.unaccepted(l.object) {
		waits = append(waits, v.waitsOf[pid]...)
	}
	if r := v.graph.Without(keepers...).Released(waits); len(r.Waits) > 0 {
		pids := pidsOf(r.Waits...)
		then += "; the connection is refused to " + v.some(pids) + ", which" + verb(len(pids), " goes on", " go on")
	}
	return []model.Action{v.end(keepers, then)}
}

// inherited reports whether only processes hold a listener that do not accept from it and
// that were left behind by a process that has ended.
func (v *view) inherited(l *listening, keepers []int) bool {
	if len(keepers) == 0 || !v.allIdle(keepers) {
		return false
	}
	for _, pid := range keepers {
		if !v.leftBehind(v.processes[pid]) {
			return false
		}
	}
	return !v.mayAccept(l, keepers)
}

// leftBehind reports whether the leader of a process's group or session has ended, or the
// process that started it. The latter is inferred: the process does not descend from the
// leader of its session; if the session is not visible, it neither descends from the leader of
// its group nor has the same parent as that.
func (v *view) leftBehind(p *model.Process) bool {
	if p == nil || !v.allListed || p.PGID == p.PID {
		return false // a shell with job control starts a server in its own group, and may end before the server
	}
	for _, leader := range []int{p.PGID, p.SID} {
		if l := v.processes[leader]; leader != 0 && (l == nil || dead(l)) {
			return true
		}
	}
	if p.SID == 0 { // its leader is outside this PID namespace
		leader := v.processes[p.PGID]
		return leader != nil && leader != p && leader.PPID != p.PPID && !v.ancestorOf(p.PID, p.PGID)
	}
	return p.SID != p.PID && !v.ancestorOf(p.PID, p.SID)
}

// mayAccept reports whether one of the processes that hold a listener accepts, or may
// accept: a thread waits for the socket, or for something that is not known; or the
// process holds a connection that was accepted from it.
func (v *view) mayAccept(l *listening, pids []int) bool {
	for _, pid := range pids {
		if p := v.processes[pid]; p == nil || halted(p) {
			return true // it is halted or unknown: that is another problem
		}
		for _, w := range v.waitsOf[pid] {
			switch {
			case w.Object == l.object.ID, slices.Contains(w.Objects, l.object.ID), w.Call == "io_uring_enter":
				return true
			case watchesSet(w) && len(w.Objects) == 0:
				return true // the set could not be read
			}
		}
	}
	for _, o := range v.graph.OfKind(l.object.Kind) {
		if o != l.object && l.accepted(o) && slices.ContainsFunc(pids, func(pid int) bool { return slices.Contains(holders(o, nil), pid) }) {
			return true
		}
	}
	return false
}

// watchesSet reports whether a wait is one for any of a set of descriptors.
func watchesSet(w *model.Wait) bool {
	return strings.HasPrefix(w.Call, "epoll") || strings.Contains(w.Call, "poll") || strings.Contains(w.Call, "select")
}

// accepted reports whether a socket was probably accepted from the listener: it has the
// same local name.
func (l *listening) accepted(o *model.Object) bool {
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		return l.path != "" && d.State != "listen" && (d.Path == l.path || d.Abstract != "" && "@"+d.Abstract == l.path)
	case *model.InetDetail:
		_, own := splitPort(d.Local)
		_, port := splitPort(l.local)
		return l.local != "" && o.Kind == model.TCP && d.State != "LISTEN" && own == port
	}
	return false
}

// unaccepted returns the processes whose connections wait to be accepted.
func (v *view) unaccepted(o *model.Object) []int {
	d, ok := o.Detail.(*model.UnixDetail)
	if !ok {
		return nil
	}
	var pids []int
	for _, id := range d.Pending {
		if client := v.graph.Object(id); client != nil {
			pids = append(pids, holders(client, nil)...)
		}
	}
	return pids
}
