package live

import (
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// history has the snapshots of the last minutes, to which the user can step back.
type history struct {
	list []*Data // the oldest first
	back int     // how many steps back the shown one is; 0: the newest
}

// Limits of the history: its duration, and its memory, which is estimated from what each
// snapshot contains and does not share with the next one. The newest snapshot is always
// kept.
const (
	maxHistory     = 10 * time.Minute
	maxHistorySize = 64 << 20
)

// add appends a snapshot and drops the oldest ones. The old history is not changed.
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

// Rough sizes of a snapshot's parts, including their share of the indexes.
const (
	sizeOfProcess = 4 << 10
	sizeOfObject  = 1 << 10
	sizeOfHolder  = 150
	sizeOfPointer = 8
)

// size returns the memory of a snapshot if it shares nothing.
func (d *Data) size() int { return d.unsharedSize() + d.parts.size }

// ownSize returns the memory of a snapshot that it does not share with the one before.
func (d *Data) ownSize() int { return d.unsharedSize() + d.fresh }

// unsharedSize returns the memory of the parts of a snapshot that are never shared.
func (d *Data) unsharedSize() int {
	s := d.Snap
	return sizeOfProcess*len(s.Processes) + sizeOfObject*len(s.Waits) + sizeOfPointer*(len(s.Objects)+len(s.Links)+4*len(d.held.changed))
}

// shown returns the snapshot to which the user has stepped back.
func (h history) shown() *Data { return h.list[len(h.list)-1-h.back] }

// step goes to an earlier or later snapshot; scanning pauses meanwhile.
func (m *Model) step(by int) {
	switch {
	case m.data == nil:
		m.setMessage(Dim, "Nothing has been read yet.")
		return
	case m.settings.Source != "":
		m.setMessage(Dim, "A dump has only one sample.")
		return
	case m.history.back+by < 0:
		m.setMessage(Dim, "This is the newest sample (Z: resume).")
		return
	case m.history.back+by >= len(m.history.list):
		m.setMessage(Dim, "This is the oldest sample in memory.")
		return
	}
	if !m.paused {
		m.pause()
	}
	m.history.back += by
	m.message = ""
	m.showSnapshot(m.history.shown())
}

// showSnapshot shows a snapshot.
func (m *Model) showSnapshot(d *Data) {
	m.data = d
	m.arrange()
	m.refreshPage()
}

// sparkWidth is the number of snapshots in a sparkline.
const sparkWidth = 24

// spark draws how full the selected object was in the last snapshots, or how many objects
// the selected process held; "" if there is nothing to compare.
func (m *Model) spark(r row) string {
	list := m.history.list[:max(len(m.history.list)-m.history.back, 0)]
	list = list[max(len(list)-sparkWidth, 0):]
	var values []model.Opt[float64]
	for _, d := range list {
		values = append(values, measure(d, r.ident()))
	}
	if r.object != nil {
		return sparkline(values, 1, m.settings.ASCII) // relative to its capacity
	}
	return sparkline(values, 0, m.settings.ASCII)
}

// sparkline draws values relative to the highest of them, or to full if that is higher; ""
// if there is nothing to compare.
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

// measure returns the value for a sparkline: the fill level of an object, or the number of
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
