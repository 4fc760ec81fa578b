package live

import (
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// history is the last minutes: the snapshots that one can step back to.
type history struct {
	list []*Data // the oldest first
	back int     // how many steps back the shown one is; 0: the newest
}

// What the history keeps: so long, and no more memory than this, as far as it
// can be told from what a snapshot holds beside what it shares with the next. The
// newest is always there.
const (
	maxHistory     = 10 * time.Minute
	maxHistorySize = 64 << 20
)

// add appends a snapshot and forgets the oldest. The old history is left as it
// was.
func (h history) add(d *Data) history {
	if n := len(h.list); n > 0 {
		h.list[n-1].dropRows()
	}
	list := append(h.list[:len(h.list):len(h.list)], d)
	size := d.size()
	for _, old := range list[:len(list)-1] {
		size += old.ownSize()
	}
	for len(list) > 1 && (size > maxHistorySize || d.Snap.Taken.Sub(list[0].Snap.Taken) > maxHistory) {
		size -= list[0].ownSize()
		list = list[1:]
	}
	return history{list: list}
}

// What a snapshot takes, roughly, by what it holds: each with its part of the
// indexes.
const (
	sizeOfProcess = 4 << 10
	sizeOfObject  = 1 << 10
	sizeOfHolder  = 150
	sizeOfPointer = 8
)

// size is what a snapshot takes alone.
func (d *Data) size() int { return d.unsharedSize() + d.parts.size }

// ownSize is what a snapshot takes in addition to those beside it.
func (d *Data) ownSize() int { return d.unsharedSize() + d.fresh }

// unsharedSize is what of a snapshot is never shared.
func (d *Data) unsharedSize() int {
	s := d.Snap
	return sizeOfProcess*len(s.Processes) + sizeOfObject*len(s.Waits) + sizeOfPointer*(len(s.Objects)+len(s.Links)+4*len(d.held.changed))
}

// shown is the snapshot that is stepped back to.
func (h history) shown() *Data { return h.list[len(h.list)-1-h.back] }

// step goes to an earlier or later snapshot; scanning pauses meanwhile.
func (m *Model) step(by int) {
	switch {
	case m.data == nil:
		m.say(Dim, "Nothing has been read yet.")
		return
	case m.settings.Source != "":
		m.say(Dim, "A dump has only one sample.")
		return
	case m.history.back+by < 0:
		m.say(Dim, "This is the newest sample (Z: resume).")
		return
	case m.history.back+by >= len(m.history.list):
		m.say(Dim, "This is the oldest sample in memory.")
		return
	}
	if !m.paused {
		m.pause()
	}
	m.history.back += by
	m.message = ""
	m.look(m.history.shown())
}

// look shows a snapshot.
func (m *Model) look(d *Data) {
	m.data = d
	m.arrange()
	m.refreshPage()
}

// sparkWidth is how many snapshots a sparkline has room for.
const sparkWidth = 24

// spark draws how full the selected thing was in the last snapshots, or how many
// objects a process held; "" where there is nothing to compare.
func (m *Model) spark(r row) string {
	list := m.history.list[:max(len(m.history.list)-m.history.back, 0)]
	list = list[max(len(list)-sparkWidth, 0):]
	var values []model.Opt[float64]
	for _, d := range list {
		values = append(values, measure(d, r.ident()))
	}
	if r.object != nil {
		return sparkline(values, 1, m.settings.ASCII) // of its capacity
	}
	return sparkline(values, 0, m.settings.ASCII)
}

// sparkline draws values up to the highest of them, or up to full if that is more;
// "" where there is nothing to compare.
func sparkline(values []model.Opt[float64], full float64, ascii bool) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	if ascii {
		levels = []rune(".:-=+*#@")
	}
	highest, known := 0.0, 0
	for _, v := range values {
		if x, ok := v.Get(); ok {
			highest = max(highest, x)
			known++
		}
	}
	if known < 2 || highest == 0 {
		return ""
	}
	highest = max(highest, full)
	var b strings.Builder
	for _, v := range values {
		x, ok := v.Get()
		if !ok {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(levels[min(int(x/highest*float64(len(levels)-1)+0.5), len(levels)-1)])
	}
	return strings.TrimLeft(b.String(), " ")
}

// measure is what a sparkline is of: the fill of an object, the number of
// objects of a process.
func measure(d *Data, id Ident) model.Opt[float64] {
	switch r := d.find(id); {
	case r.object != nil:
		if f, ok := r.object.Fill.Get(); ok {
			return model.Some(float64(f))
		}
	case r.process != nil:
		if n, ok := heldCount(d, r.process).Get(); ok {
			return model.Some(float64(n))
		}
	}
	return model.Opt[float64]{}
}

// position says how far back the shown snapshot is.
func (h history) position() string {
	if h.back == 0 {
		return ""
	}
	newest := h.list[len(h.list)-1].Snap.Taken
	return "-" + render.Duration(newest.Sub(h.shown().Snap.Taken))
}
