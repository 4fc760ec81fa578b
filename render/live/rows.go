package live

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// arrangeObjects gives each screen its objects. Those that are many and alike, and
// say nothing alone, are folded into the first of them.
func (d *Data) arrangeObjects() {
	d.folded = map[*model.Object]int{}
	first := map[foldKey]*model.Object{}
	for i := range d.Snap.Objects {
		o := d.Snap.Objects[i]
		if d.own(o) {
			continue
		}
		s := screenOfKind(o.Kind)
		if s == screenLocks && !inUse(o) {
			continue
		}
		if s == screenMemory && len(locksOf(o)) > 0 {
			d.rows[screenLocks] = append(d.rows[screenLocks], row{object: o})
		}
		if k, ok := foldable(o); ok {
			if f := first[k]; f != nil {
				d.folded[f]++
				continue
			}
			first[k] = o
			d.folded[o] = 1
		}
		d.rows[s] = append(d.rows[s], row{object: o})
	}
	slices.SortStableFunc(d.rows[screenSockets], func(a, b row) int { return d.socketRank(a.object) - d.socketRank(b.object) })
	slices.SortStableFunc(d.rows[screenMemory], func(a, b row) int { return cmp.Compare(sizeIn(b.object).Or(-1), sizeIn(a.object).Or(-1)) })
	slices.SortStableFunc(d.rows[screenLocks], func(a, b row) int { return cmp.Compare(waitersOf(d, b.object), waitersOf(d, a.object)) })
}

// foldKey is what objects have in common that are folded.
type foldKey struct {
	kind  model.Kind
	state string
	pid   int32
}

// foldable reports whether an object is folded with its like: the private futexes
// of a process, and sockets that belong to the kernel alone.
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

// inUse reports whether something is locked or waited for.
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

// locksOf are the locks on a file or on shared memory.
func locksOf(o *model.Object) []model.Lock {
	switch d := o.Detail.(type) {
	case *model.FileDetail:
		return d.Locks
	case *model.MemoryDetail:
		return d.Locks
	}
	return nil
}

// socketRank puts listeners before connections, and what belongs to the kernel
// alone last.
func (d *Data) socketRank(o *model.Object) int {
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
	case d.folded[o] > 0:
		return 2
	case state == "LISTEN" || state == "listen":
		return 0
	}
	return 1
}

// sizeIn is how large a memory object is, or how much is in a queue.
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

// waitersOf is how many threads are seen to wait for an object.
func waitersOf(d *Data, o *model.Object) int { return len(d.index.WaitsOn[o.ID]) }

// sizeSum is the size of all rows of the screen of memory, as far as it is known.
func (m *Model) sizeSum() int64 {
	var sum int64
	for _, r := range m.rows() {
		if r.object != nil {
			sum += sizeIn(r.object).Or(0)
		}
	}
	return sum
}
