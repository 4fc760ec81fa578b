package waitstate

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// blockers finds who could release one wait.
type blockers struct {
	j      *probe.Joined
	x      *index
	thread *thread
	wait   *model.Wait
}

// object adds the holders of the other end.
func (b *blockers) object(e *probe.Joint, u fdUse) {
	confidence := func(e *probe.Joint) model.Confidence {
		if b.j.HoldersComplete(e) {
			return model.Certain
		}
		b.wait.UnknownRelease = true
		return model.Likely
	}
	switch e.Object.Kind {
	case model.Pipe, model.FIFO:
		c := confidence(e)
		for i := range e.Holders {
			switch h := &e.Holders[i]; {
			case h.Via == model.ViaInFlight:
				b.wait.UnknownRelease = true
			case u.read && h.Access.CanWrite():
				b.add(h, c, "can write to it")
			case u.write && h.Access.CanRead():
				b.add(h, c, "can read from it")
			}
		}
	case model.Eventfd:
		c := confidence(e)
		for i := range e.Holders {
			b.add(&e.Holders[i], c, "has it open")
		}
	default:
		any := false
		b.j.Peers(e, func(peer *probe.Joint, c model.Confidence) {
			any = true
			if known := confidence(peer); known != model.Certain {
				c = known
			}
			for i := range peer.Holders {
				b.add(&peer.Holders[i], c, "holds the other end, "+peer.Object.ID)
			}
		})
		if !any {
			b.wait.UnknownRelease = true // another host, or nobody yet
		}
	}
}

// add adds a process. Its own is one only if it has another thread.
func (b *blockers) add(h *model.Holder, c model.Confidence, why string) {
	if h.PID == 0 || int(h.PID) == b.wait.PID && b.thread.proc.Threads < 2 {
		return
	}
	b.wait.Blockers = append(b.wait.Blockers, model.Blocker{PID: int(h.PID), Comm: h.Comm, Confidence: c, Why: why})
}

// futexes names the words and their owners.
func (b *blockers) futexes() {
	w, t := b.wait, b.thread
	for i := range t.futexes {
		word := t.futexes[i].word
		if word == nil {
			w.UnknownRelease = true
			continue
		}
		if len(t.futexes) == 1 {
			w.Object = word.id
		} else {
			w.Objects = append(w.Objects, word.id)
		}
		b.lock(word)
	}
}

func (b *blockers) lock(word *word) {
	w, t := b.wait, b.thread
	switch word.lock.Type {
	case "cond", "barrier", "join":
		w.Needs = needsEvent
	}
	tid, owned := word.owner.Get()
	if !owned {
		// Threads of an idle program wait at words of its own for work.
		w.Idle = !word.shared && !word.lock.Type.HasOwner() || word.lock.Type == "unknown" && !word.shared || word.lock.Type == "" && !word.shared
		if word.lock.Type.HasOwner() {
			w.UnknownRelease = true
		}
		return
	}
	if len(t.futexes) == 1 {
		t.target.OwnerTID = tid
	}
	if word.pid != 0 && b.x.threads[tid] != nil {
		w.Blockers = append(w.Blockers, model.Blocker{
			PID: word.pid, TID: tid, Comm: b.x.comms[tid], Confidence: model.Certain, Why: word.why(),
		})
	}
}

// children adds the children that a wait4 or waitid is for.
func (b *blockers) children() {
	child, known := b.thread.target.Child.Get()
	for _, p := range b.x.childs[b.wait.PID] {
		switch {
		case !known, child == -1, child > 0 && p.PID == child, child == 0 && p.PGID == b.thread.proc.PGID, child < -1 && p.PGID == -child:
			b.wait.Blockers = append(b.wait.Blockers, model.Blocker{
				PID: p.PID, Comm: p.Comm, Confidence: model.Certain, Why: "is the child waited for",
			})
		}
	}
}

// sort orders the blockers, each once.
func (b *blockers) sort() {
	list := b.wait.Blockers
	slices.SortStableFunc(list, func(x, y model.Blocker) int { return cmp.Or(x.PID-y.PID, x.TID-y.TID) })
	b.wait.Blockers = slices.CompactFunc(list, func(x, y model.Blocker) bool { return x.PID == y.PID && x.TID == y.TID })
}
