package graph

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// end is who could release a thread that reads from an object or writes to it:
// those who hold the other end.
func (g *Graph) end(n *node, o *model.Object, writes bool) Clause {
	c := Clause{Object: o.ID, Confidence: model.Certain}
	switch o.Kind {
	case model.Pipe, model.FIFO:
		g.pipe(n, &c, o, writes)
	case model.Eventfd:
		c.How = "can add to it"
		if writes {
			c.How = "can read it"
		}
		g.holders(&c, o, anySide)
	case model.Pty:
		g.pty(n, &c, o, writes)
	case model.Unix, model.TCP, model.Vsock:
		g.socket(n, &c, o, writes)
	case model.Pidfd:
		c = g.pidfd(o)
	case model.PosixMq:
		g.queue(&c, o, writes)
	case model.SysvMsg:
		g.messages(&c, o, writes)
	case model.Timerfd:
		g.timer(&c, o)
	case model.Signalfd:
		if takenBy(o) == alone && g.hasChild(n.process) {
			g.endOfChild(&c, n.process, alone)
			break
		}
		c.weaken(External, "a signal may come from anywhere")
	default:
		c.weaken(External, "what becomes of "+o.ID+" may come from anywhere")
	}
	if c.closed && len(c.Processes) == 0 && c.Level != External && closes(o.Kind) {
		c.ended = endClosed
	}
	if c.Level != Proven && c.Level != External && len(c.Processes) == 0 {
		// Without anybody at the other end the call would have returned.
		c.weaken(External, "who has the other end of "+o.ID+" is not shown")
	}
	return c
}

// closes reports whether the end of the last holder of the other end ends a wait.
func closes(kind model.Kind) bool {
	switch kind {
	case model.Pipe, model.FIFO, model.Unix, model.TCP, model.Vsock, model.Pty:
		return true
	}
	return false
}

func (g *Graph) pipe(n *node, c *Clause, o *model.Object, writes bool) {
	c.How = "can write to it"
	if writes {
		c.How = "can read from it"
	}
	g.holders(c, o, otherSide(writes))
	if o.Kind == model.FIFO && !o.Deleted {
		// To bring something through a FIFO is what strangers open it for; to
		// take away what is not meant for them, hardly.
		if writes {
			c.weaken(Unlikely, "another process may open the FIFO")
		} else {
			c.weaken(External, "another process may open the FIFO")
		}
	}
}

// pty: who holds the master provides what the slaves read and takes what they
// write, and the other way round. While output is stopped nobody takes anything.
func (g *Graph) pty(n *node, c *Clause, o *model.Object, writes bool) {
	fd := int32(-1)
	if n.wait.Target != nil {
		fd = int32(n.wait.Target.FD.Or(-1))
	}
	var own []string
	for i := range o.Holders {
		if h := &o.Holders[i]; int(h.PID) == n.process.PID && h.Extent != nil && (fd < 0 || h.FD.Or(-1) == fd) {
			own = append(own, h.Flags...)
		}
	}
	master, slave := slices.Contains(own, model.PtyMaster), slices.Contains(own, model.PtySlave)
	if writes && !master && OutputStopped(o) {
		c.weaken(External, "output to it was probably stopped with Ctrl-S: Ctrl-Q lets it go on")
		return
	}
	c.How = "is at the other end"
	g.holdersThat(c, o, func(h *model.Holder) bool {
		if h.Extent == nil || master == slave {
			return true
		}
		if master {
			return slices.Contains(h.Flags, model.PtySlave)
		}
		return slices.Contains(h.Flags, model.PtyMaster)
	})
	// A slave may also be opened by its name, by anyone who may.
	if master && !slave {
		c.weaken(Unlikely, "another process may open the terminal")
	}
}

// OutputStopped reports whether output to a terminal is stopped, if a program cannot
// write to it: nothing waits to be read by the terminal's master, so that this one has
// read all there was. The terminal itself tells nobody that it is stopped.
func OutputStopped(o *model.Object) bool {
	d, ok := o.Detail.(*model.PtyDetail)
	if !ok {
		return false
	}
	n, known := d.Queued.Get()
	return known && n == 0
}

// socket: connected ones have peers that the scan shows.
func (g *Graph) socket(n *node, c *Clause, o *model.Object, writes bool) {
	c.How = "holds the other end"
	if d, ok := o.Detail.(*model.UnixDetail); ok {
		if d.State == "listen" {
			c.weaken(External, "anyone may connect")
		}
		if d.Type == "dgram" && !writes && (d.Path != "" || d.Abstract != "") {
			c.weaken(External, "anyone may send to "+o.ID)
		}
	}
	for _, p := range o.Peers {
		peer := g.Object(p.ID)
		if peer == nil {
			c.weaken(External, "who holds "+p.ID+" is not known")
			continue
		}
		if p.Confidence != model.Certain {
			c.Confidence = p.Confidence
			c.weaken(Unlikely, "that "+p.ID+" is the other end was worked out")
		}
		if d, ok := o.Detail.(*model.UnixDetail); ok && d.Type == "dgram" && writes {
			c.Object = p.ID // many may send to it
		}
		g.holders(c, peer, anySide)
	}
	if len(o.Peers) == 0 {
		g.unconnected(n, c, o, writes)
	}
}

// queue: anyone who may open a queue that has a name can send to it.
func (g *Graph) queue(c *Clause, o *model.Object, writes bool) {
	c.How = "can send to it"
	if writes {
		c.How = "can receive from it"
	}
	g.holders(c, o, otherSide(writes))
	if !o.Deleted {
		c.weaken(External, "another process may open the queue")
	}
}

// messages: nobody holds a System V queue, but the kernel notes who was the last to
// receive from it, and that process most likely does so again.
func (g *Graph) messages(c *Clause, o *model.Object, writes bool) {
	c.weaken(External, "any process may use the queue")
	d, ok := o.Detail.(*model.SysvMsgDetail)
	if !ok || !writes {
		return
	}
	c.How = "was the last to receive from it"
	// The kernel notes whole seconds, and the time of the boot is no better.
	if p := g.Processes[d.LastRecvPID.Or(0)]; p != nil && !dead(p.State) && !p.StartTime.After(d.RecvTime.Add(2*time.Second)) {
		c.add(p.PID)
	}
}
