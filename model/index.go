package model

import (
	"maps"
	"slices"
)

// Index finds the records of a snapshot by the ids and pids with which other records refer to
// them. It is made once, when the snapshot is complete, and passed to all its readers:
// diagnosis, tables, the live view. It points into the snapshot's lists, so these must
// not be replaced while it is in use.
type Index struct {
	Snapshot  *Snapshot
	Processes map[int]*Process   // by pid
	Children  map[int][]*Process // by the parent's pid
	Tracees   map[int][]int      // pids, by the tracer's
	Waits     map[int]*Wait      // by thread
	WaitsOf   map[int][]*Wait    // by pid
	WaitsOn   map[string][]*Wait // by the id of an object waited for, alone or among others

	objects map[string]*Object // by id
	changed map[string]*Object // … changed since objects was made; nil: the object is gone
	ordered bool               // the objects are in the order of their kinds
	places  []int32            // memory for comparing the next list of objects with this one
}

// NewIndex indexes a snapshot, in time proportional to its size. The snapshot is
// not changed.
func NewIndex(s *Snapshot) *Index {
	x := &Index{Snapshot: s}
	x.indexObjects()
	x.indexProcesses()
	x.indexWaits()
	return x
}

// Next indexes the snapshot that was taken after this one. Its cost for objects and processes
// depends on what has changed.
func (x *Index) Next(s *Snapshot) *Index {
	next := &Index{Snapshot: s, objects: x.objects, changed: x.changed, ordered: x.ordered, places: x.places}
	x.places = nil // next reuses its memory
	if !SameList(x.Snapshot.Objects, s.Objects) {
		next.noteChanged(x.Snapshot.Objects)
	}
	if slices.Equal(x.Snapshot.Processes, s.Processes) {
		next.Processes, next.Children, next.Tracees = x.Processes, x.Children, x.Tracees
	} else {
		next.indexProcesses()
	}
	next.indexWaits()
	return next
}

func (x *Index) indexObjects() {
	list := x.Snapshot.Objects
	x.objects, x.changed, x.ordered = make(map[string]*Object, len(list)), nil, true
	for i, o := range list {
		x.objects[o.ID] = o
		x.ordered = x.ordered && (i == 0 || o.Kind == list[i-1].Kind || CompareKinds(list[i-1].Kind, o.Kind) < 0)
	}
}

// noteChanged notes the differences from the previous list of objects.
func (x *Index) noteChanged(before []*Object) {
	list := x.Snapshot.Objects
	x.places = PlacesIn(x.places, before, list, CompareObjects)
	places := x.places
	x.changed = maps.Clone(x.changed)
	if x.changed == nil {
		x.changed = map[string]*Object{}
	}
	gone := 0 // index in before of the next object to account for
	drop := func(end int) {
		for ; gone < end; gone++ {
			x.changed[before[gone].ID] = nil
		}
	}
	for _, p := range places {
		if p >= 0 {
			drop(int(p))
			gone = int(p) + 1
		}
	}
	drop(len(before))
	for i, p := range places {
		if p >= 0 {
			continue
		}
		o := list[i]
		x.changed[o.ID] = o
		x.ordered = x.ordered && (i == 0 || CompareKinds(list[i-1].Kind, o.Kind) <= 0) && (i+1 == len(list) || CompareKinds(o.Kind, list[i+1].Kind) <= 0)
	}
	if len(x.changed) > maxChanged+len(list)/16 || !x.ordered {
		x.indexObjects()
	}
}

// maxChanged is the smallest number of noted changes after which all objects are indexed
// again.
const maxChanged = 1024

func (x *Index) indexProcesses() {
	list := x.Snapshot.Processes
	x.Processes, x.Children, x.Tracees = make(map[int]*Process, len(list)), map[int][]*Process{}, map[int][]int{}
	for _, p := range list {
		x.Processes[p.PID] = p
		x.Children[p.PPID] = append(x.Children[p.PPID], p)
		if p.Tracer != 0 {
			x.Tracees[p.Tracer] = append(x.Tracees[p.Tracer], p.PID)
		}
	}
}

func (x *Index) indexWaits() {
	list := x.Snapshot.Waits
	x.Waits, x.WaitsOf, x.WaitsOn = make(map[int]*Wait, len(list)), make(map[int][]*Wait, len(list)), map[string][]*Wait{}
	room := make([]*Wait, 0, len(list)) // memory for the lists of all processes
	for i := range list {
		w := &list[i]
		x.Waits[w.TID] = w
		if of := x.WaitsOf[w.PID]; of == nil {
			room = append(room, w)
			x.WaitsOf[w.PID] = room[len(room)-1 : len(room) : len(room)]
		} else {
			x.WaitsOf[w.PID] = append(of, w)
		}
		if w.Object != "" {
			x.WaitsOn[w.Object] = append(x.WaitsOn[w.Object], w)
		}
		for _, id := range w.Objects {
			if id != w.Object {
				x.WaitsOn[id] = append(x.WaitsOn[id], w)
			}
		}
	}
}

// Object returns the object with this id; nil if there is none.
func (x *Index) Object(id string) *Object {
	if len(x.changed) > 0 {
		if o, ok := x.changed[id]; ok {
			return o
		}
	}
	return x.objects[id]
}

// OfKind lists the objects of a kind, in the snapshot's order. The list must not be
// changed.
func (x *Index) OfKind(k Kind) []*Object {
	list := x.Snapshot.Objects
	if !x.ordered {
		return slices.DeleteFunc(slices.Clone(list), func(o *Object) bool { return o.Kind != k })
	}
	order := func(o *Object, k Kind) int { return CompareKinds(o.Kind, k) }
	from, _ := slices.BinarySearchFunc(list, k, order)
	n, _ := slices.BinarySearchFunc(list[from:], k, func(o *Object, k Kind) int {
		if order(o, k) <= 0 {
			return -1
		}
		return 1
	})
	return list[from : from+n : from+n]
}

// Kinds lists the kinds of which there are objects, in the snapshot's order.
func (x *Index) Kinds() []Kind {
	var kinds []Kind
	list := x.Snapshot.Objects
	for i := 0; i < len(list); {
		k := list[i].Kind
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
		if x.ordered {
			i += len(x.OfKind(k))
		} else {
			i++
		}
	}
	return kinds
}

// Name returns the name of a process for sentences and tables: its display name and pid, or
// only the pid if nothing else is known.
func (x *Index) Name(pid int) string {
	if p := x.Processes[pid]; p != nil {
		return p.String()
	}
	return Named("", pid)
}

// Comm returns only the display name of a process; "" if it is not known.
func (x *Index) Comm(pid int) string {
	if p := x.Processes[pid]; p != nil {
		return p.Name()
	}
	return ""
}
