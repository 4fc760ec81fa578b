package graph

import (
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// Mark is a property of an object for which a rule searches and which follows from the object's
// record alone. Few objects have a mark, so a rule does not have to look at all of them.
type Mark uint16

// The marks.
const (
	Listens    Mark = 1 << iota // a listening socket
	Reachable                   // a socket to which others can connect or send by its name, or with an accept queue that is not empty
	Connecting                  // a TCP connection that is not established yet (SYN-SENT)
	CloseWait                   // a TCP connection that the other end has closed
	InFlight                    // a UNIX socket with descriptors in its queue
	Stale                       // a socket file to which no socket is bound
	Unread                      // a pipe or FIFO that has a writer and no reader
	Small                       // a pipe of one or two pages
	Filled                      // a pipe or FIFO with data in it
	Open                        // anyone may write to it
	Removed                     // its name was removed, and it is still held
)

// guarded are the kinds whose permission bits decide who may write.
var guarded = map[model.Kind]bool{
	model.SysvMsg: true, model.SysvSem: true, model.SysvShm: true, model.PosixMq: true, model.PosixSem: true, model.PosixShm: true, model.FIFO: true,
}

// smallPipe is the capacity of a new pipe when its user exceeds fs.pipe-user-pages-soft: two pages,
// before Linux 5.14 one. A page has 4 KiB or more; the usual capacity is sixteen pages.
const smallPipe = 2 * 4096

// marksOf returns the marks of an object.
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

// unread reports whether a pipe has a writer and no reader, and the access of all its holders is
// known.
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

// marks are the marks of a snapshot's objects. They are kept for the next snapshot: the marks of
// records that it shares with this one are not computed again.
type marks struct {
	objects []*model.Object
	of      []Mark  // in the order of objects
	some    []int32 // indexes of the objects that have a mark
	room    []int32 // memory for comparing the next list with this one
	spare   []Mark  // memory for the marks of the next list
}

// next returns the marks of the next snapshot's objects. m must not be used afterwards.
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
