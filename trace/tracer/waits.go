package tracer

import (
	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/waitstate"
)

// AddTo adds to the waits of a snapshot what was counted of the thread's earlier waits in
// the same call, on the same descriptor or futex. It may be called during [Tracer.Run].
func (t *Tracer) AddTo(snap *model.Snapshot) error {
	if !t.asked.Waits || len(snap.Waits) == 0 {
		return nil
	}
	counted := map[int][]*bpf.Waits{}
	err := t.source.Waits(func(w *bpf.Waits) {
		if w.Who.TID != 0 {
			counted[w.Who.TID] = append(counted[w.Who.TID], w)
		}
	})
	if err != nil {
		return err
	}
	for i := range snap.Waits {
		w := &snap.Waits[i]
		if of := counted[w.TID]; of != nil {
			w.Wakeups = t.earlier(snap, w, of)
		}
	}
	return nil
}

// earlier sums up what was counted of earlier waits; nil if there were none of the same call and object.
func (t *Tracer) earlier(snap *model.Snapshot, w *model.Wait, counted []*bpf.Waits) *model.Wakeups {
	p := snap.Process(w.PID)
	var all *model.Wakeups
	var most uint64
	for _, c := range counted {
		if p == nil || c.Who.PID != p.PID || c.Who.StartTicks != p.StartTicks || !same(w, c) {
			continue
		}
		if all == nil {
			all = &model.Wakeups{Since: t.since}
		}
		all.Count += int64(c.Count)
		all.Waited += int64(c.Slept)
		if c.Count > most { // it polls several descriptors: take the one on which it waited most often
			most, all.Usual = c.Count, int64(c.Usual)
		}
		if c.Last.After(all.Last) {
			all.Last = c.Last
			all.PID, all.TID, all.Comm = 0, 0, ""
			all.WokenBy = wokenBy(c.By)
			if (c.By == bpf.WokenByThread || c.By == bpf.WokenLater) && !c.Waker.Kernel {
				all.PID, all.TID, all.Comm = c.Waker.PID, c.Waker.TID, displayName(snap, &c.Waker)
			}
		}
	}
	return all
}

// same reports whether counted waits are in the same call on the same descriptor or address.
func same(w *model.Wait, c *bpf.Waits) bool {
	call := waitstate.CallName
	if c.Call32 {
		call = waitstate.CallName32
	}
	if w.Call == "" || call(c.Call) != w.Call {
		return false
	}
	if w.Target == nil {
		return true
	}
	if fd, known := w.Target.FD.Get(); known {
		return uint64(uint32(c.Argument)) == uint64(fd)
	}
	return w.Target.Address == 0 || w.Target.Address == model.Addr(c.Argument)
}

// displayName is the name of a process in a snapshot; its command name if it has ended.
func displayName(snap *model.Snapshot, of *bpf.Party) string {
	if p := snap.Process(of.PID); p != nil && p.StartTicks == of.StartTicks {
		return p.Name()
	}
	return of.Comm
}

func wokenBy(by bpf.WokenBy) string {
	switch by {
	case bpf.WokenByTimer:
		return trace.WokenByTimer
	case bpf.WokenByDevice:
		return trace.WokenByDevice
	case bpf.WokenLater:
		return trace.WokenByPackets
	}
	return trace.WokenByProcess
}
