package model

// Index finds the records of a snapshot by what others call them. It is made once,
// when the snapshot is complete, and handed on to all that read it: diagnosis,
// tables, the live view. It points into the snapshot's lists, so that these must
// not be replaced while it is in use.
type Index struct {
	Snapshot  *Snapshot
	Objects   map[string]*Object // by id
	Processes map[int]*Process   // by pid
	Children  map[int][]*Process // by the parent's pid
	Tracees   map[int][]int      // pids, by the tracer's
	Waits     map[int]*Wait      // by thread
	WaitsOf   map[int][]*Wait    // by pid
	WaitsOn   map[string][]*Wait // by the id of an object waited for, alone or among others
}

// NewIndex indexes a snapshot, in time proportional to its size. The snapshot is
// not changed.
func NewIndex(s *Snapshot) *Index {
	x := &Index{
		Snapshot: s, Objects: make(map[string]*Object, len(s.Objects)), Processes: make(map[int]*Process, len(s.Processes)),
		Children: map[int][]*Process{}, Tracees: map[int][]int{}, Waits: make(map[int]*Wait, len(s.Waits)),
		WaitsOf: map[int][]*Wait{}, WaitsOn: map[string][]*Wait{},
	}
	for i := range s.Objects {
		x.Objects[s.Objects[i].ID] = s.Objects[i]
	}
	for i := range s.Processes {
		p := s.Processes[i]
		x.Processes[p.PID] = p
		x.Children[p.PPID] = append(x.Children[p.PPID], p)
		if p.Tracer != 0 {
			x.Tracees[p.Tracer] = append(x.Tracees[p.Tracer], p.PID)
		}
	}
	for i := range s.Waits {
		w := &s.Waits[i]
		x.Waits[w.TID] = w
		x.WaitsOf[w.PID] = append(x.WaitsOf[w.PID], w)
		if w.Object != "" {
			x.WaitsOn[w.Object] = append(x.WaitsOn[w.Object], w)
		}
		for _, id := range w.Objects {
			if id != w.Object {
				x.WaitsOn[id] = append(x.WaitsOn[id], w)
			}
		}
	}
	return x
}

// Name is how sentences and tables name a process: its display name and pid, the
// pid alone if nothing more is known of it.
func (x *Index) Name(pid int) string {
	if p := x.Processes[pid]; p != nil {
		return p.String()
	}
	return Named("", pid)
}

// Comm is a process's display name alone, "" if it is not known.
func (x *Index) Comm(pid int) string {
	if p := x.Processes[pid]; p != nil {
		return p.Name()
	}
	return ""
}
