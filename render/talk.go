package render

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// A cell shows who communicates with whom: yes(812) → less(813), nginx(9) ⇄ php(12), or, for
// shared objects, a(1), b(2).

// party is a process among those at one end of a channel.
type party struct {
	pid   int
	comm  string
	count int // number of processes with the same name, including itself
}

// shown is the largest number of names at one end; the rest is folded.
const shown = 3

func (v *View) named(name string, pid int) string {
	return model.Named(v.escape(name), pid)
}

// side lists the processes at one end, each once. Processes with the same name are folded
// unless everything should be shown.
func (v *View) side(holders []model.Holder, may func(*model.Holder) bool, into []party) []party {
	last := int32(-1)
	for i := range holders {
		h := &holders[i]
		if h.PID == 0 || h.PID == last || !may(h) {
			continue
		}
		last = h.PID
		into = v.join(into, party{int(h.PID), v.nameOf(int(h.PID), h.Comm), 1})
	}
	return into
}

func (v *View) join(list []party, p party) []party {
	for i := range list {
		if list[i].pid == p.pid {
			return list
		}
		if !v.Wide && list[i].comm == p.comm {
			list[i].count++
			return list
		}
		if !v.Wide && i > 64 {
			break // there are too many names to show each of them
		}
	}
	return append(list, p)
}

func (v *View) parties(list []party) string {
	var b strings.Builder
	for i, p := range list {
		if i == shown && !v.Wide && len(list) > shown+1 {
			rest := 0
			for _, q := range list[i:] {
				rest += q.count
			}
			b.WriteString(" +" + strconv.Itoa(rest) + " more")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(v.named(p.comm, p.pid))
		if p.count > 1 {
			b.WriteString(v.glyph.times + strconv.Itoa(p.count))
		}
	}
	return b.String()
}

func anyHold(*model.Holder) bool    { return true }
func canRead(h *model.Holder) bool  { return h.Access.CanRead() }
func canWrite(h *model.Holder) bool { return h.Access.CanWrite() }

// Talk returns the cell that shows who communicates with whom through an object.
func (v *View) Talk(o *model.Object) Cell {
	info, _ := model.LookupKind(o.Kind)
	switch {
	case len(o.Peers) > 0:
		return v.talkToPeers(o)
	case info.Direction == "one way":
		return v.oneWayPeers(o)
	case len(o.Holders) == 0:
		return v.noHolder(o, "nobody")
	}
	c := Cell{Text: v.parties(v.side(o.Holders, anyHold, nil))}
	if n := inFlight(o.Holders); n > 0 {
		c.Text = strings.TrimPrefix(c.Text+", in flight", ", ")
	}
	return c
}

// noHolder says that one end has no visible holder.
func (v *View) noHolder(o *model.Object, complete string) Cell {
	switch {
	case inFlight(o.Holders) > 0:
		return Cell{"in flight", Notice}
	case o.HoldersComplete:
		return Cell{complete, Alarm}
	case complete == "nobody":
		return Cell{"unknown", Dim}
	}
	return Cell{strings.Replace(complete, "no ", "no visible ", 1), Notice}
}

func inFlight(holders []model.Holder) int {
	n := 0
	for i := range holders {
		if holders[i].Via == model.ViaInFlight {
			n++
		}
	}
	return n
}

func (v *View) oneWayPeers(o *model.Object) Cell {
	writers, readers := v.side(o.Holders, canWrite, nil), v.side(o.Holders, canRead, nil)
	from, to := Cell{Text: v.parties(writers)}, Cell{Text: v.parties(readers)}
	if len(writers) == 0 {
		from = v.noHolder(o, "no writer")
	}
	if len(readers) == 0 {
		to = v.noHolder(o, "no reader")
	}
	return Cell{from.Text + " " + v.glyph.to + " " + to.Text, worst(from.Role, to.Role)}
}

func (v *View) talkToPeers(o *model.Object) Cell {
	var far []party
	seen, complete := false, true
	counted := map[int32]bool{} // count a process once even if it holds several of the peers
	first := func(h *model.Holder) bool {
		if counted[h.PID] {
			return false
		}
		counted[h.PID] = true
		return true
	}
	for _, p := range o.Peers {
		if peer := v.index.Object(p.ID); peer != nil {
			seen, complete = true, complete && peer.HoldersComplete
			far = v.side(peer.Holders, first, far)
		}
	}
	near, other := Cell{Text: v.parties(v.side(o.Holders, anyHold, nil))}, Cell{Text: v.parties(far)}
	if near.Text == "" {
		near = v.noHolder(o, "nobody")
	}
	switch {
	case len(far) > 0:
	case !seen:
		other = Cell{v.escape(o.Peers[0].ID), Dim}
	case complete:
		other = Cell{"nobody", Alarm}
	default:
		other = Cell{"unknown", Dim}
	}
	return Cell{near.Text + " " + v.glyph.both + " " + other.Text, worst(near.Role, other.Role)}
}
