package probe

import (
	"errors"
	"os"
	"slices"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// Processes that are not threads of each other can still share a descriptor table or
// memory (CLONE_FILES, CLONE_VM, vfork(2)): then one changes what the other has
// while that one sleeps. So nothing is cached of such processes. Only kcmp(2) tells
// which they are, by comparing two. So the cached processes are kept in the kernel's
// order, and each new one is compared with a few of them.

// sharers has the processes in the kernel's order of their tables.
type sharers struct {
	files, memory []int32
}

// tableSharing tells which processes share something with another one. silent are the
// users who have a process that does not answer: it could share something with any
// process of that user.
type tableSharing struct {
	share  map[int32]bool
	silent map[uint32]bool
}

// dropCaches drops the cache entries of processes that are gone, and of those that
// share something with another one.
func (s *Scan) dropCaches(pids []int) {
	sc := s.scanner
	there := func(pid int) bool {
		_, ok := slices.BinarySearch(pids, pid)
		return ok
	}
	sc.handles.Drop(there)
	sc.cacheDrop(func(pid int) bool { return !there(pid) })
	sc.guard.Each(1, 1, func(int) guard.Item { return guard.Item{Key: "descriptor tables"} }, func(t *guard.Task, _ int) func() {
		next, tables, ok := s.compareTables(t)
		return func() {
			sc.sharers = next
			sc.cacheDrop(func(pid int) bool {
				return !ok || tables.share[int32(pid)] || len(tables.silent) > 0 && tables.silent[s.owner(int32(pid)).UID]
			})
		}
	})
}

// cacheDrop drops the cache entries of some processes.
func (sc *Scanner) cacheDrop(which func(pid int) bool) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	for pid := range sc.cache {
		if which(pid) {
			delete(sc.cache, pid)
		}
	}
}

// compareTables inserts the processes that were read in this scan into the order.
// tables tells which ones share something; ok is false if that cannot be found
// out.
func (s *Scan) compareTables(t *guard.Task) (next sharers, tables tableSharing, ok bool) {
	own := int32(os.Getpid())
	if _, err := kcmp.Compare(own, own, kcmp.Files, 0, 0); err != nil || !s.PIDCalls {
		return next, tables, false
	}
	quiet := func(pid int32) bool {
		k := s.scanner.cache[int(pid)]
		return k != nil && k.scan < s.number
	}
	var fresh []*model.Process
	for _, r := range s.results {
		if p := r.process; p != nil && !p.Kernel && p.State != "Z" && !quiet(int32(p.PID)) {
			fresh = append(fresh, p)
		}
	}
	tables = tableSharing{map[int32]bool{}, map[uint32]bool{}}
	for _, table := range []struct {
		what      int
		was, next *[]int32
	}{{kcmp.Files, &s.scanner.sharers.files, &next.files}, {kcmp.VM, &s.scanner.sharers.memory, &next.memory}} {
		list := slices.DeleteFunc(slices.Clone(*table.was), func(pid int32) bool { return !quiet(pid) })
		for _, p := range fresh {
			pid := int32(p.PID)
			item := s.processItem(p.PID, p.StartTicks)
			at, err := insertInOrder(t, item, list, pid, table.what, tables.share)
			switch {
			case err == nil:
				list = slices.Insert(list, at, pid)
				continue
			case t.TimedOut():
				return next, tables, false
			case errors.Is(err, guard.ErrGivenUp):
				tables.silent[item.Owner.UID] = true
			}
			tables.share[pid] = true // ended, or it may not be compared: nothing is known of it
		}
		*table.next = list
	}
	return next, tables, true
}

// insertInOrder inserts a process into the kernel's order, and notes with which
// one it shares.
func insertInOrder(t *guard.Task, item guard.Item, list []int32, pid int32, what int, share map[int32]bool) (int, error) {
	if !t.BeginFor(item, "kcmp", 0) {
		return 0, guard.ErrGivenUp
	}
	defer t.End()
	if _, err := kcmp.Compare(pid, pid, what, 0, 0); err != nil {
		return 0, err
	}
	var failed error
	at, equal := slices.BinarySearchFunc(list, pid, func(other, pid int32) int {
		r, err := kcmp.Compare(other, pid, what, 0, 0)
		switch {
		case err != nil:
			failed = err
		case r == 1:
			return -1
		case r == 2:
			return 1
		case r == 0:
			return 0
		default:
			failed = errors.ErrUnsupported // different, but the kernel gave no order
		}
		return 0
	})
	if failed != nil {
		return 0, failed
	}
	if equal {
		share[pid], share[list[at]] = true, true
	}
	return at, nil
}

// SharedMemory returns the groups of processes that share their memory, each in the order of
// list. A process that cannot be compared is in no group.
func (idx *Index) SharedMemory(list []*model.Process) (groups [][]*model.Process) {
	s := idx.Scan
	if !s.PIDCalls {
		return nil
	}
	// Cached processes are known to share nothing.
	list = slices.DeleteFunc(slices.Clone(list), func(p *model.Process) bool { return s.scanner.cache[p.PID] != nil })
	if len(list) < 2 {
		return nil
	}
	s.scanner.guard.Each(1, 1, func(int) guard.Item { return guard.Item{Key: "shared memory"} }, func(t *guard.Task, _ int) func() {
		var found [][]*model.Process
		var order []int32 // the first process of each group
		group := map[int32]int{}
		for _, p := range list {
			pid, share := int32(p.PID), map[int32]bool{}
			at, err := insertInOrder(t, s.processItem(p.PID, p.StartTicks), order, pid, kcmp.VM, share)
			switch {
			case t.TimedOut():
				return nil
			case err != nil: // it has ended, or ipctop may not ask about it
			case share[pid]:
				n := group[order[at]]
				found[n] = append(found[n], p)
			default:
				order = slices.Insert(order, at, pid)
				group[pid] = len(found)
				found = append(found, []*model.Process{p})
			}
		}
		found = slices.DeleteFunc(found, func(g []*model.Process) bool { return len(g) < 2 })
		return func() { groups = found }
	})
	return groups
}
