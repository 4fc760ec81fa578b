package filelock

import (
	"slices"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// unlisted adds to a file the locks that its descriptors show and /proc/locks does not. In a
// pid namespace, /proc/locks lists a lock only if the process that took it is in that
// namespace: not a lock that was taken outside and inherited, nor one of a script, taken by a
// flock(1) process that has ended.
func unlisted(t *guard.Task, idx *probe.Index, e *probe.Entry) func() {
	owners, _ := readLockOwners(t, idx, e, e.Key, (&lockedFile{}).mostHolds())
	return func() {
		known := locksOf(e.Object)
		if known == nil {
			return
		}
		f := &lockedFile{key: e.Key, entry: e, lockFDs: owners}
		listed := map[extent]bool{}
		for i := range *known {
			if l := &(*known)[i]; !l.Blocked && !l.PID.Known() {
				listed[extent{l.Type, l.Mode, l.Start, l.End.Or(eof)}] = true
			}
		}
		for _, owner := range owners {
			for _, r := range owner.locks {
				if x := (extent{r.class.String(), r.mode, r.start, r.end}); r.pid <= 0 && !listed[x] {
					listed[x] = true
					f.locks = append(f.locks, r)
				}
			}
		}
		if len(f.locks) == 0 {
			return
		}
		slices.SortStableFunc(f.locks, compareRecords)
		list, holds, _ := f.list(idx)
		*known = append(slices.Clip(*known), list...) // waiters refer to their blockers by index in the list
		e.Adopt(holds...)
	}
}

// extent is what a lock covers, no matter who holds it.
type extent struct {
	class, mode string
	start, end  int64
}

// locksOf returns the place for locks in an object's record; nil if it has none.
func locksOf(o *model.Object) *[]model.Lock {
	if o == nil {
		return nil
	}
	switch d := o.Detail.(type) {
	case *model.FileDetail:
		return &d.Locks
	case *model.MemoryDetail:
		return &d.Locks
	}
	return nil
}
