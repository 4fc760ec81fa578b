package diagnose

import (
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// listening describes a listening socket.
type listening struct {
	object        *model.Object
	backlog, most model.Opt[int64] // connections that wait to be accepted, and the largest allowed number
	path          string           // of a UNIX socket, or @ and an abstract name
	local         string           // address and port of a TCP socket
}

func listenerOf(o *model.Object) *listening {
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		if d.State == "listen" {
			l := &listening{object: o, backlog: d.Backlog, most: d.BacklogMax, path: d.Path}
			if d.Abstract != "" {
				l.path = "@" + d.Abstract
			}
			return l
		}
	case *model.InetDetail:
		if o.Kind == model.TCP && d.State == "LISTEN" {
			return &listening{object: o, backlog: d.Backlog, most: d.BacklogMax, local: d.Local}
		}
	}
	return nil
}

// full reports whether the kernel takes no further connection: it takes one more than
// the backlog.
func (l *listening) full() bool {
	n, ok1 := l.backlog.Get()
	most, ok2 := l.most.Get()
	return ok1 && ok2 && n > most
}

// name returns the address or path of the socket.
func (l *listening) name() string {
	if l.local != "" {
		return l.local
	}
	if l.path != "" {
		return l.path
	}
	return l.object.ID
}

// connecting returns the processes that try to connect to a listener: those blocked in
// connect, and those that hold a socket whose connection is not established yet.
func (v *view) connecting(l *listening) (pids []int, waits []*model.Wait) {
	for i := range v.Waits {
		w := &v.Waits[i]
		if w.Call != "connect" || !v.aged(w) {
			continue
		}
		for _, c := range v.graph.Clauses(w) {
			if c.Object == l.object.ID {
				pids, waits = append(pids, w.PID), append(waits, w)
			}
		}
	}
	if l.local != "" {
		for _, o := range v.graph.Marked(graph.Connecting) {
			if v.graph.ListenerOf(o) == l.object {
				pids = append(pids, holders(o, nil)...)
			}
		}
	}
	return set(pids), waits
}

// splitPort splits an address, as ss writes it, into host and port.
func splitPort(address string) (host, port string) {
	i := strings.LastIndexByte(address, ':')
	return address[:max(i, 0)], address[i+1:]
}
