package graph

import (
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// Mark is something about an object that a rule asks for, as far as the object's record
// alone tells. Few objects have one, so that a rule need not go through all.
type Mark uint16

// The marks.
const (
	Listens    Mark = 1 << iota // a socket that takes connections
	Reachable                   // a socket that a name leads to, or that has others in its queue
	Connecting                  // a TCP connection that is asked for
	CloseWait                   // a TCP connection that the other end has closed
	InFlight                    // a UNIX socket with descriptors in its queue
	Stale                       // a socket's file that no socket is bound to
	Unread                      // a pipe or FIFO that somebody could write to and nobody read
	Small                       // a pipe of one or two pages
	Filled                      // a pipe or FIFO with something in it
	Open                        // anyone may write to it
	Removed                     // it was shared by a name, which is gone, and is still held
)

// guarded are the kinds whose permission bits decide who may write.
var guarded = map[model.Kind]bool{
	model.SysvMsg: true, model.SysvSem: true, model.SysvShm: true, model.PosixMq: true, model.PosixSem: true, model.PosixShm: true, model.FIFO: true,
}

// smallPipe is what a pipe gets past fs.pipe-user-pages-soft: two pages, one before
// Linux 5.14. Pages are of 4 KiB or more, the usual capacity is sixteen of them.
const smallPipe = 2 * 4096

// marksOf are the marks of an object.
func marksOf(o *model.Object) Mark {
	var m Mark
	set := func(mark Mark, has bool) {
		if has {
			m |= mark
		}
	}
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		set(Listens, d.State == "listen")
		set(Reachable, (d.State == "listen" || d.Type == "dgram") && (d.Path != "" || d.Abstract != "" || len(d.Pending) > 0))
		set(InFlight, d.InflightFDs.Or(0) > 0)
		set(Stale, d.State == "stale")
	case *model.InetDetail:
		set(Listens, d.State == "LISTEN")
		set(Reachable, d.State == "LISTEN" && o.Kind == model.TCP)
		set(Connecting, d.State == "SYN-SENT")
		set(CloseWait, d.State == "CLOSE-WAIT" && o.Kind == model.TCP)
	case *model.PipeDetail:
		set(Unread, unread(o))
		set(Small, d.Capacity.Or(smallPipe+1) <= smallPipe)
		set(Filled, d.Queued.Or(0) > 0)
	}
	switch o.Kind {
	case model.PosixShm, model.PosixSem, model.File:
		set(Removed, o.Deleted && o.Path != "" && len(o.Holders) > 0)
	}
	if guarded[o.Kind] && !o.Deleted {
		mode, err := strconv.ParseUint(o.Mode, 8, 32)
		set(Open, err == nil && mode&0o002 != 0)
	}
	return m
}

// unread reports whether there is a writer and no reader of a pipe among its holders, and
// of none of them is unknown what it may do.
func unread(o *model.Object) bool {
	writers := false
	for i := range o.Holders {
		h := &o.Holders[i]
		if h.Via == model.ViaInFlight || h.Access == "" || h.PID != 0 && h.Access.CanRead() {
			return false
		}
		writers = writers || h.PID != 0 && h.Access.CanWrite()
	}
	return writers
}

// marks are the marks of a snapshot's objects, kept for the next snapshot: those of
// records that are in that, too, need not be worked out again.
type marks struct {
	objects []*model.Object
	of      []Mark // in the order of objects
	some    []int32
	room    []int32 // for comparing the next list with this one
	spare   []Mark  // for those of the next list
}

// next are the marks of other objects. Those before must not be used any more.
func (m *marks) next(objects []*model.Object) *marks {
	if m != nil && model.SameList(m.objects, objects) {
		return m
	}
	n := &marks{objects: objects}
	var places []int32
	if m == nil {
		n.of = make([]Mark, len(objects))
	} else {
		places = model.PlacesIn(m.room, m.objects, objects, model.CompareObjects)
		n.room, n.of, n.some, n.spare = places, slices.Grow(m.spare[:0], len(objects))[:len(objects)], m.some[:0], m.of
	}
	for i, o := range objects {
		if places != nil && places[i] >= 0 {
			n.of[i] = m.of[places[i]]
		} else {
			n.of[i] = marksOf(o)
		}
		if n.of[i] != 0 {
			n.some = append(n.some, int32(i))
		}
	}
	return n
}

// Marked lists the objects with a mark, in the snapshot's order.
func (g *Graph) Marked(mark Mark) []*model.Object {
	var list []*model.Object
	for _, i := range g.marks.some {
		if g.marks.of[i]&mark != 0 {
			list = append(list, g.marks.objects[i])
		}
	}
	return list
}
