package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var backlogFullRule = Rule{
	ID:       "backlog-full",
	Title:    "server that does not accept connections",
	Severity: model.Warning,
	Means: "So many connections wait to be accepted that the listening socket takes no more: clients block in connect, or their connections time out or " +
		"are refused (EAGAIN). The server does not call accept, or not often enough.",
	Evidence: "The connections that wait and how many may (unix_diag, inet_diag); who is blocked in connect to it; and what the processes that have the " +
		"listening socket open do.",
	Do: "See what the server does: ipctop why PID. If it is stopped, continue it. If it is merely slow, it needs a larger backlog (listen, " +
		"net.core.somaxconn) or more workers.",
	FalseAlarm: "A burst of connections fills a backlog for a moment. It is reported only if somebody has been blocked in connect for --min-age, or no process " +
		"that could accept has run for so long.",
	find: findBacklogFull,
}

func findBacklogFull(v *view) []finding {
	var list []finding
	for _, o := range v.graph.Marked(graph.Listens) {
		l := listenerOf(o)
		if l == nil || !l.full() {
			continue
		}
		servers := holders(o, nil)
		victims, waits := v.connecting(l)
		if len(waits) == 0 && (len(servers) == 0 || !v.allIdle(servers) || v.inherited(l, servers)) {
			continue // no thread is blocked in connect; and there is no server, it works, or the holders are not servers
		}
		confidence, lowered := v.absence(o)
		if len(servers) > 0 {
			confidence = model.Certain
		}
		f := finding{explains: waits, Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Objects: []string{o.ID}, Victims: victims, PIDs: servers,
			Summary: fmt.Sprintf("%d %s to be accepted on %s, whose backlog of %d is full", l.backlog.Or(0),
				verb(int(l.backlog.Or(0)), "connection waits", "connections wait"), l.name(), l.most.Or(0)),
			Evidence: []model.Evidence{{Source: "backlog of " + o.ID, Text: fmt.Sprintf("%d waiting, %d allowed", l.backlog.Or(0), l.most.Or(0))}},
		}}
		if len(victims) > 0 {
			f.Summary += "; " + v.names(victims) + " cannot connect"
		}
		if len(servers) > 0 {
			end := v.graph.Doing(servers[0])
			f.Root = v.rootOf(&end)
			f.Actions = v.resumeAny(servers, waits)
		}
		if confidence == model.Certain {
			f.LoweredBy = nil
		}
		for _, w := range waits {
			f.Since = earliest(f.Since, v.began(w))
			f.Chain = append(f.Chain, v.step(w, o.ID, "waits to be connected to"))
		}
		list = append(list, f)
	}
	return list
}

// allIdle reports whether none of these processes has run for at least MinAge.
func (v *view) allIdle(pids []int) bool {
	for _, pid := range pids {
		if !v.idleFor(pid) {
			return false
		}
	}
	return true
}
