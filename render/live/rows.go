package live

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// screenRows are the rows of a screen in their natural order.
type screenRows struct {
	mu     sync.Mutex
	made   bool
	rows   []row
	folded map[*model.Object]int // how many objects a row stands for, if they are folded
}

// rowsOf returns the rows of a screen. They are made on first use, because most screens of
// most snapshots are never shown.
func (d *Data) rowsOf(screen int) []row {
	rows, _ := d.madeRows(screen)
	return rows
}

// foldedInto returns how many objects a row stands for; 0 if only for itself.
func (d *Data) foldedInto(o *model.Object) int {
	_, folded := d.madeRows(screenOfKind(o.Kind))
	return folded[o]
}

// dropRows frees the rows: the snapshots in the history do not need them.
func (d *Data) dropRows() {
	for _, s := range d.screens {
		s.mu.Lock()
		s.made, s.rows, s.folded = false, nil, nil
		s.mu.Unlock()
	}
}

func (d *Data) madeRows(screen int) ([]row, map[*model.Object]int) {
	s := d.screens[screen]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made {
		return s.rows, s.folded
	}
	s.made = true
	switch screen {
	case screenProcs:
		for _, p := range d.Snap.Processes {
			// Procs shows ipctop, too, as top shows itself.
			if !p.Kernel { // kernel threads do not take part in IPC
				s.rows = append(s.rows, row{process: p})
			}
		}
	case screenSignals:
		for _, p := range d.Snap.Processes {
			if hasSignals(p) && !d.Snap.Own(p) {
				s.rows = append(s.rows, row{process: p})
			}
		}
	default:
		d.objectRows(screen, s)
	}
	return s.rows, s.folded
}

// objectRows adds the objects of a screen. Many similar objects that are not interesting one
// by one are folded into the first of them.
func (d *Data) objectRows(screen int, s *screenRows) {
	s.folded = map[*model.Object]int{}
	first := map[foldKey]*model.Object{}
	own := map[*model.Object]bool{}
	for _, p := range d.Snap.Processes {
		if d.Snap.Own(p) {
			for _, o := range d.held.of(p.PID) {
				own[o] = d.own(o)
			}
		}
	}
	for _, kind := range d.index.Kinds() {
		of := screenOfKind(kind)
		if of != screen && (screen != screenLocks || of != screenMemory) {
			continue
		}
		for _, o := range d.index.OfKind(kind) {
			switch {
			case of != screen && len(locksOf(o)) == 0, of == screenLocks && !inUse(o), own[o]:
				continue
			case of != screen:
				s.rows = append(s.rows, row{object: o})
				continue
			}
			if k, ok := foldable(o); ok {
				if f := first[k]; f != nil {
					s.folded[f]++
					continue
				}
				first[k] = o
				s.folded[o] = 1
			}
			s.rows = append(s.rows, row{object: o})
		}
	}
	switch screen {
	case screenSockets:
		s.rankSockets()
	case screenMemory:
		slices.SortStableFunc(s.rows, func(a, b row) int { return cmp.Compare(sizeIn(b.object).Or(-1), sizeIn(a.object).Or(-1)) })
	case screenLocks:
		slices.SortStableFunc(s.rows, func(a, b row) int { return cmp.Compare(waitersOf(d, b.object), waitersOf(d, a.object)) })
	}
}

// rankSockets puts listeners before connections, and sockets that only the kernel holds last.
func (s *screenRows) rankSockets() {
	rows := make([]row, 0, len(s.rows))
	for rank := range 3 {
		for _, r := range s.rows {
			if s.socketRank(r.object) == rank {
				rows = append(rows, r)
			}
		}
	}
	s.rows = rows
}

// foldKey is what folded objects have in common.
type foldKey struct {
	kind  model.Kind
	state string
	pid   int32
}

// foldable reports whether an object is folded with similar ones: the private futexes of a
// process, and sockets that only the kernel holds.
func foldable(o *model.Object) (foldKey, bool) {
	switch d := o.Detail.(type) {
	case *model.FutexDetail:
		if len(o.Holders) > 0 && d.Private() {
			return foldKey{kind: o.Kind, pid: o.Holders[0].PID}, true
		}
	case *model.InetDetail:
		return foldKey{kind: o.Kind, state: d.State}, len(o.Holders) == 0 && o.HoldersComplete && d.State != "LISTEN"
	case *model.NetlinkDetail:
		return foldKey{kind: o.Kind}, len(o.Holders) == 0 && o.HoldersComplete
	}
	return foldKey{}, false
}

// inUse reports whether an object is locked or somebody waits for it.
func inUse(o *model.Object) bool {
	switch d := o.Detail.(type) {
	case *model.SysvSemDetail:
		return slices.ContainsFunc(d.Sems, func(s model.Sem) bool { return s.Value.Or(0) == 0 || s.NCount.Or(0)+s.ZCount.Or(0) > 0 }) || len(d.Sems) == 0
	case *model.PosixSemDetail:
		return d.Value.Or(0) == 0 || d.Waiters.Or(0) > 0
	case *model.FileDetail:
		return len(d.Locks) > 0
	}
	return true
}

// locksOf returns the locks on a file or on shared memory.
func locksOf(o *model.Object) []model.Lock {
	switch d := o.Detail.(type) {
	case *model.FileDetail:
		return d.Locks
	case *model.MemoryDetail:
		return d.Locks
	}
	return nil
}

func (s *screenRows) socketRank(o *model.Object) int {
	state := ""
	switch x := o.Detail.(type) {
	case *model.InetDetail:
		state = x.State
	case *model.UnixDetail:
		state = x.State
	case *model.VsockDetail:
		state = x.State
	}
	switch {
	case len(s.folded) > 0 && s.folded[o] > 0:
		return 2
	case state == "LISTEN" || state == "listen":
		return 0
	}
	return 1
}

// sizeIn returns the size of a memory object, or the amount of data in a queue.
func sizeIn(o *model.Object) model.Opt[int64] {
	switch d := o.Detail.(type) {
	case *model.SysvShmDetail:
		return d.Size
	case *model.MemoryDetail:
		return d.Size
	case *model.BPFMapDetail:
		return d.Memory
	case *model.SysvMsgDetail:
		return d.Bytes
	case *model.PosixMqDetail:
		return d.Bytes
	}
	return model.Opt[int64]{}
}

// waitersOf returns how many threads are known to wait for an object.
func waitersOf(d *Data, o *model.Object) int { return len(d.index.WaitsOn[o.ID]) }

// sizeSum returns the sum of the known sizes on the screen of memory.
func (m *Model) sizeSum() int64 {
	var sum int64
	for _, r := range m.rows() {
		if r.object != nil {
			sum += sizeIn(r.object).Or(0)
		}
	}
	return sum
}
