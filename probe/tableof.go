package probe

import (
	"slices"

	"github.com/ipctop/ipctop/kcmp"
)

// Threads nearly always share the descriptor table of their process. Those that do not may
// share another one, which is read through one of them alone: its owner here.

// tableOwners are threads of which each has another descriptor table, in the order that the kernel
// gives these (kcmp(2)).
type tableOwners []int32

// ownerOfTable is which of the owners has the table of a thread; 0 if none has, and then at is
// where the thread belongs among them. Where the kernel cannot be asked the first one is taken to
// have it. It is asked under guard, see [kcmp.Comparer].
func (s *Scan) ownerOfTable(p *Proc, owners tableOwners, tid int32) (at int, owner int32) {
	if len(owners) == 0 {
		return 0, 0
	}
	if !s.PIDCalls || !p.task.Begin("kcmp", tid) {
		return 0, owners[0]
	}
	defer p.task.End()
	refused := false
	at, same := slices.BinarySearchFunc(owners, tid, func(owner, tid int32) int {
		r, err := kcmp.Compare(owner, tid, kcmp.Files, 0, 0)
		switch {
		case err != nil:
			refused = true
		case r == 1: // the owner's is less
			return -1
		case r != 0:
			return 1
		}
		return 0
	})
	switch {
	case refused:
		return 0, owners[0]
	case same:
		return at, owners[at]
	}
	return at, 0
}

// noteTable notes whose descriptor table a thread has, if that is not its process's.
func (s *Scan) noteTable(tid, owner int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tableOf[tid] = owner
}

// TableOf is the thread by which holders name the descriptors that a thread has
// ([model.Holder].TID): 0 if these are its process's.
func (s *Scan) TableOf(tid int) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tableOf[int32(tid)]
}
