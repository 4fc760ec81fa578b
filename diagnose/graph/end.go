package graph

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// end returns the clause of a thread that reads from an object or writes to it: the
// holders of the other end can release it.
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
		c.weaken(External, "an event of "+o.ID+" may come from anywhere")
	}
	if c.closed && len(c.Processes) == 0 && c.Level != External && closes(o.Kind) {
		c.ended = endClosed
	}
	if c.Level != Proven && c.Level != External && len(c.Processes) == 0 {
		// Without anybody at the other end the call would have returned.
		c.weaken(External, "the holder of the other end of "+o.ID+" is not visible")
	}
	return c
}

// closes reports whether a wait at an object of this kind ends when the last holder of the
// other end exits.
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
		// It is normal that unrelated processes open a FIFO to send something. They rarely
		// open it to read what was sent to others.
		if writes {
			c.weaken(Unlikely, "another process may open the FIFO")
		} else {
			c.weaken(External, "another process may open the FIFO")
		}
	}
}

// pty: the holders of the master write what the slaves read, and read what the slaves
// write, and the other way round. While output is stopped nobody can read it.
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
		c.weaken(External, "output to it was probably stopped with Ctrl-S: Ctrl-Q continues it")
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
	// Any process that has the permission may also open the slave by its name.
	if master && !slave {
		c.weaken(Unlikely, "another process may open the terminal")
	}
}

// OutputStopped reports whether output to a terminal is stopped (Ctrl-S), for a terminal to which a
// program cannot write. The kernel does not show this. It follows from an empty queue: the master
// has read everything, so a full queue is not the reason why the program waits.
func OutputStopped(o *model.Object) bool {
	d, ok := o.Detail.(*model.PtyDetail)
	if !ok {
		return false
	}
	n, known := d.Queued.Get()
	return known && n == 0
}

// socket: a connected socket has a peer in the snapshot.
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
			c.weaken(External, "the holders of "+p.ID+" are not known")
			continue
		}
		if p.Confidence != model.Certain {
			c.Confidence = p.Confidence
			c.weaken(Unlikely, "that "+p.ID+" is the other end was inferred")
		}
		if d, ok := o.Detail.(*model.UnixDetail); ok && d.Type == "dgram" && writes {
			c.Object = p.ID // the queue that is full is the receiver's; many may send to it
		}
		g.holders(c, peer, anySide)
	}
	if len(o.Peers) == 0 {
		g.unconnected(n, c, o, writes)
	}
}

// queue: any process with the permission can open a queue that has a name.
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

// messages: no process holds a System V queue open, but the kernel stores the pid of the last
// receiver, and that process will most likely receive again.
func (g *Graph) messages(c *Clause, o *model.Object, writes bool) {
	c.weaken(External, "any process may use the queue")
	d, ok := o.Detail.(*model.SysvMsgDetail)
	if !ok || !writes {
		return
	}
	c.How = "was the last to receive from it"
	// The kernel stores whole seconds, and the boot time is no more precise.
	if p := g.Processes[d.LastRecvPID.Or(0)]; p != nil && !dead(p.State) && !p.StartTime.After(d.RecvTime.Add(2*time.Second)) {
		c.add(p.PID)
	}
}
