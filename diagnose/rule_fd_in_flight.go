package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var fdInFlightRule = Rule{
	ID:       "fd-in-flight",
	Short:    "fd in flight",
	Title:    "descriptors parked in a socket's queue",
	Severity: model.Warning,
	Means: "Descriptors were sent through a UNIX socket (SCM_RIGHTS) and nobody receives them. No process has them open, yet they keep their objects alive: a " +
		"reader gets no end of file from a pipe whose write end is parked there, and a lock of the open file description stays locked.",
	Evidence: "scm_fds in the fdinfo of the receiving socket. The kernel shows how many there are, not what they are. A related process (a parent, child or sibling, or one of the same session) " +
		"may wait for an end of a pipe or for a lock: that one of the descriptors is that end, or has that lock, is only possible.",
	Do: "See why the receiver does not read its socket: ipctop why PID. If it ends, or closes the socket, the descriptors are closed.",
	FalseAlarm: "Descriptors are in flight for a moment whenever they are passed. They are reported only if no process that could receive them has run for " +
		"--min-age.",
	find: findFDInFlight,
}

func findFDInFlight(v *view) []finding {
	var list []*parked
	for _, o := range v.graph.Marked(graph.InFlight) {
		d := o.Detail.(*model.UnixDetail)
		receivers := holders(o, nil)
		if len(receivers) == 0 || !v.allIdle(receivers) {
			continue
		}
		p := &parked{object: o, receivers: receivers, near: slices.Clone(receivers), free: d.InflightFDs.Or(0)}
		for _, peer := range o.Peers {
			if e := v.graph.Object(peer.ID); e != nil {
				p.near = append(p.near, holders(e, nil)...) // who may have sent them
			}
		}
		list = append(list, p)
	}
	if len(list) > 0 {
		v.assign(list, v.missingEnds())
	}
	var found []finding
	for _, p := range list {
		found = append(found, v.parked(p))
	}
	return found
}

// parked is a socket with descriptors in its queue.
type parked struct {
	object    *model.Object
	receivers []int
	near      []int // … and those at the other end
	free      int64 // number of descriptors about which nothing is known
	missing   []missingEnd
}

// assign assigns each missing end to the sockets in whose queues it may be: to one of which its
// maker has an end, else to all whose processes are related to the waiting one.
func (v *view) assign(list []*parked, missing []missingEnd) {
	var left []missingEnd
	for _, m := range missing {
		at := slices.IndexFunc(list, func(p *parked) bool { return p.free > 0 && slices.Contains(p.near, m.maker) })
		if at < 0 {
			left = append(left, m)
			continue
		}
		list[at].missing = append(list[at].missing, m)
		list[at].free--
	}
	for _, p := range list {
		for _, m := range left {
			if p.free > 0 && (v.related(m.wait.PID, p.near) || v.related(m.maker, p.near)) {
				p.missing = append(p.missing, m)
			}
		}
	}
}

func (v *view) parked(p *parked) finding {
	o, receivers, n := p.object, p.receivers, int(p.object.Detail.(*model.UnixDetail).InflightFDs.Or(0))
	f := finding{Finding: model.Finding{
		Severity: model.Info, Confidence: model.Certain, Objects: []string{o.ID}, PIDs: receivers, Root: v.root(receivers[0], "does not receive; "+v.doing(receivers[0])),
		Summary: fmt.Sprintf("%d %s sent to %s, and %s not receive %s",
			n, verb(n, "descriptor was", "descriptors were"), v.called(o), v.names(receivers)+verb(len(receivers), " does", " do"), verb(n, "it", "them")),
		Evidence: []model.Evidence{{Source: fmt.Sprintf("/proc/%d/fdinfo", receivers[0]), Text: fmt.Sprintf("scm_fds: %d", n)}},
	}}
	if len(p.missing) == 0 {
		return f
	}
	f.Severity, f.Confidence = model.Warning, model.Possible
	f.LoweredBy = []string{"the kernel does not tell what the descriptors are"}
	for _, m := range p.missing {
		f.Victims, f.Objects = append(f.Victims, m.wait.PID), append(f.Objects, m.wait.Object)
		f.Since = earliest(f.Since, v.began(m.wait))
		f.Chain = append(f.Chain, v.step(m.wait, m.wait.Object, "waits for "+m.what))
	}
	f.Summary += "; " + v.suspects(p.missing) + ", may be among them"
	f.Actions = v.unpark(p)
	return f
}

// suspects names the missing ends, and who waits for each.
func (v *view) suspects(missing []missingEnd) string {
	const most = 3
	var order []string
	waiting := map[string][]int{}
	for _, m := range missing {
		if waiting[m.what] == nil {
			order = append(order, m.what)
		}
		waiting[m.what] = append(waiting[m.what], m.wait.PID)
	}
	var parts []string
	for _, what := range order[:min(len(order), most)] {
		pids := set(waiting[what])
		parts = append(parts, fmt.Sprintf("%s, for which %s %s", what, v.subject(pids), verb(len(pids), "waits", "wait")))
	}
	if more := len(order) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", or ")
}

// unpark returns the actions that take descriptors out of a queue, if a process other than the
// receivers may wait for them: to resume each stopped receiver, and to end all receivers.
func (v *view) unpark(p *parked) []model.Action {
	var pids []int
	for _, m := range p.missing {
		if !slices.Contains(p.receivers, m.wait.PID) {
			pids = append(pids, m.wait.PID)
		}
	}
	if pids = set(pids); len(pids) == 0 || slices.Min(p.receivers) <= 1 {
		return nil
	}
	var list []model.Action
	for _, pid := range p.receivers {
		if v.mayGoOn(pid) {
			list = append(list, v.resume(pid, ", which then can receive them; "+v.some(pids)+verb(len(pids), " waits", " wait")+" for what may be among them"))
		}
	}
	return append(list, v.end(p.receivers, "; the descriptors in the queue are closed; "+v.some(pids)+verb(len(pids), " goes on if what it waits", " go on if what they wait")+" for is among them"))
}

// related reports whether a process is one of the others, or a parent, child or sibling of one,
// or in the same session. A descriptor that is passed on was usually inherited within a family.
func (v *view) related(pid int, others []int) bool {
	p := v.processes[pid]
	return p != nil && slices.ContainsFunc(others, func(other int) bool {
		q := v.processes[other]
		return q != nil && (pid == other || p.PPID == other || q.PPID == pid || p.PPID == q.PPID && p.PPID > 1 || p.SID == q.SID && p.SID > 0)
	})
}

// missingEnd is a wait for an end or a lock that belongs to a descriptor which no visible process has.
type missingEnd struct {
	wait  *model.Wait
	what  string // in words
	maker int    // the process that had the descriptor before; 0: not known
}

// lostPeer reports whether a thread reads from a connected UNIX socket, or writes to it, and no
// visible process has the other end.
func (v *view) lostPeer(w *model.Wait, o *model.Object) bool {
	d, ok := o.Detail.(*model.UnixDetail)
	if !ok || d.State != "established" || w.Needs != model.NeedsData && w.Needs != model.NeedsSpace || len(o.Peers) != 1 || v.graph.Asking(w) != nil {
		return false
	}
	peer := v.graph.Object(o.Peers[0].ID)
	return peer == nil || len(holders(peer, nil)) == 0
}

// missingEnds returns the waits at a pipe or socket pair of which no visible process has the other end,
// and the waits for locks of open file descriptions that no visible process has.
func (v *view) missingEnds() []missingEnd {
	var list []missingEnd
	for i := range v.Waits {
		w := &v.Waits[i]
		o := v.graph.Object(w.Object)
		if o == nil || !v.aged(w) {
			continue
		}
		if w.Needs == model.NeedsLock {
			for _, l := range graph.Locks(o) {
				if maker := l.PID.Or(0); !l.Blocked && l.Type != "posix" && l.Type != "lease" && len(l.Holders) == 0 && len(v.lockHolders([]*model.Wait{w})) == 0 {
					list = append(list, missingEnd{w, "the lock of " + v.graph.Label(o.ID), maker})
					break
				}
			}
			continue
		}
		if v.lostPeer(w, o) {
			list = append(list, missingEnd{w, "the other end of " + o.ID, 0})
		}
		if o.Kind != model.Pipe {
			continue
		}
		other := model.Access.CanWrite
		if w.Needs == model.NeedsSpace {
			other = model.Access.CanRead
		}
		if len(holders(o, func(h *model.Holder) bool { return other(h.Access) })) == 0 {
			list = append(list, missingEnd{w, "the other end of " + o.ID, 0})
		}
	}
	return list
}
