package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

var fdInFlightRule = Rule{
	ID:       "fd-in-flight",
	Title:    "descriptors parked in a socket's queue",
	Severity: model.Warning,
	Means: "Descriptors were sent through a UNIX socket (SCM_RIGHTS) and nobody receives them. No process has them open, yet they keep their objects alive: a " +
		"reader gets no end of file from a pipe whose write end is parked there.",
	Evidence: "scm_fds in the fdinfo of the receiving socket. The kernel tells how many there are, not what they are: that one of them is the missing end of " +
		"a pipe at which a related process waits (a parent, child or sibling, or one of the same session) is possible, and no more.",
	Do: "See why the receiver does not read its socket: ipctop why PID. If it ends, or closes the socket, the descriptors are closed.",
	FalseAlarm: "Descriptors are in flight for a moment whenever they are handed over. They are reported only if no process that could receive them has run for " +
		"--min-age.",
	find: findFDInFlight,
}

func findFDInFlight(v *view) []finding {
	var list []finding
	var missing []*model.Wait
	looked := false
	for i := range v.Objects {
		o := &v.Objects[i]
		d, ok := o.Detail.(*model.UnixDetail)
		if !ok || d.InflightFDs.Or(0) == 0 {
			continue
		}
		receivers := holders(o, nil)
		if len(receivers) == 0 || !v.allIdle(receivers) {
			continue
		}
		if !looked {
			missing, looked = v.missingEnds(), true
		}
		n := d.InflightFDs.Or(0)
		f := finding{Finding: model.Finding{
			Severity: model.Info, Confidence: model.Certain, Objects: []string{o.ID}, PIDs: receivers, Root: v.root(receivers[0], "does not receive; "+v.doing(receivers[0])),
			Summary: fmt.Sprintf("%d %s sent to %s, and %s does not receive %s",
				n, verb(int(n), "descriptor was", "descriptors were"), v.called(o), v.names(receivers), verb(int(n), "it", "them")),
			Evidence: []model.Evidence{{Source: fmt.Sprintf("/proc/%d/fdinfo", receivers[0]), Text: fmt.Sprintf("scm_fds: %d", n)}},
			Actions:  v.resume(receivers),
		}}
		near := receivers
		for _, peer := range o.Peers {
			if e := v.objects[peer.ID]; e != nil {
				near = append(near, holders(e, nil)...) // who may have sent them
			}
		}
		for _, w := range missing {
			if !v.related(w.PID, near) {
				continue
			}
			f.Severity, f.Confidence = model.Warning, model.Possible
			f.LoweredBy = []string{"the kernel does not tell what the descriptors are"}
			f.Victims, f.Objects = append(f.Victims, w.PID), append(f.Objects, w.Object)
			f.Since = earliest(f.Since, v.began(w))
			f.Chain = append(f.Chain, v.step(w, w.Object, "waits for the other end of"))
		}
		if len(f.Chain) > 0 {
			f.Summary += fmt.Sprintf("; the end of %s that nobody seems to have may be among them", f.Chain[0].Object)
		}
		list = append(list, f)
	}
	return list
}

// related reports whether a process is one of the others, its parent, child or
// sibling, or in the same session: what is passed on was inherited once.
func (v *view) related(pid int, others []int) bool {
	p := v.processes[pid]
	return p != nil && slices.ContainsFunc(others, func(other int) bool {
		q := v.processes[other]
		return q != nil && (pid == other || p.PPID == other || q.PPID == pid || p.PPID == q.PPID && p.PPID > 1 || p.SID == q.SID && p.SID > 0)
	})
}

// missingEnds are waits at a pipe whose other end no process is seen to have.
func (v *view) missingEnds() []*model.Wait {
	var list []*model.Wait
	for i := range v.Waits {
		w := &v.Waits[i]
		o := v.objects[w.Object]
		if o == nil || o.Kind != model.Pipe || !v.aged(w) {
			continue
		}
		other := model.Access.CanWrite
		if w.Needs == model.NeedsSpace {
			other = model.Access.CanRead
		}
		if len(holders(o, func(h *model.Holder) bool { return other(h.Access) })) == 0 {
			list = append(list, w)
		}
	}
	return list
}
