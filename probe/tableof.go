package probe

import (
	"slices"

	"github.com/ipctop/ipctop/kcmp"
)

// Threads nearly always share the descriptor table of their process. Threads that do not
// may share another table, which is read only through one of them: it is called the owner
// here.

// tableOwners are threads with different descriptor tables, in the order in which the kernel puts
// the tables (kcmp(2)).
type tableOwners []int32

// ownerOfTable returns which of the owners has the thread's table. If none has, owner is 0 and at
// is the thread's place among the owners. If the kernel cannot be asked, the first owner is
// returned. The call is guarded, see [kcmp.Comparer].
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
		case r == 1: // the owner's table comes first
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

// noteTable notes the owner of a thread's descriptor table, if that is not its process's table.
func (s *Scan) noteTable(tid, owner int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tableOf[tid] = owner
}

// TableOf returns the thread under which holders list the descriptors of a
// thread ([model.Holder].TID): 0 if these are its process's.
func (s *Scan) TableOf(tid int) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tableOf[int32(tid)]
}
