package probe

import (
	"bytes"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/proc"
)

// A stuck call uses up the share of a user (package guard). For a call about a process
// that is its real user: the one who started it, even if it runs with the rights of
// another.

// owners knows the users of processes.
type owners struct {
	mu   sync.Mutex
	uids map[int32]uint32 // real uids, by pid
}

// set notes the real uid of a process, from its status.
func (o *owners) set(pid int32, status []byte) {
	v, ok := proc.StatusField(status, "Uid")
	if !ok {
		return
	}
	real, _, _ := bytes.Cut(v, []byte("\t"))
	uid, err := strconv.ParseUint(string(real), 10, 32)
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.uids == nil {
		o.uids = map[int32]uint32{}
	}
	o.uids[pid] = uint32(uid)
}

func (o *owners) get(pid int32) (uid uint32, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	uid, ok = o.uids[pid]
	return uid, ok
}

// keep removes processes that are not in the list, which is in ascending order.
func (o *owners) keep(pids []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for pid := range o.uids {
		if _, ok := slices.BinarySearch(pids, int(pid)); !ok {
			delete(o.uids, pid)
		}
	}
}

// owner returns the user whose share a process uses up. For a process that has not been
// read yet, the owner of its directory tells that, unless the process runs with another
// user's rights.
func (s *Scan) owner(pid int32) guard.Owner {
	if s.facts != nil {
		if t := s.facts.tasks[pid]; t != nil && t.pid == pid {
			return guard.Owner{UID: t.uid, PID: pid}
		}
	}
	uid, ok := s.scanner.owners.get(pid)
	if !ok {
		var st unix.Statx_t
		if s.root.Statx(strconv.Itoa(int(pid)), unix.AT_STATX_DONT_SYNC, unix.STATX_UID, &st) == nil {
			uid = st.Uid
		}
	}
	return guard.Owner{UID: uid, PID: pid}
}

// processItem identifies a process in the guard's skip list.
func (s *Scan) processItem(pid int, ticks uint64) guard.Item {
	return guard.Item{Key: processKey{pid, ticks}, Owner: s.owner(int32(pid))}
}

// maxOwnersAsked is how many holders are searched for a user other than root.
const maxOwnersAsked = 16

// item identifies an object in the guard's skip list. An object that root and another user
// hold counts as the other user's: others can pass descriptors to root.
func (idx *Index) item(e *Entry) guard.Item {
	item := guard.Item{Key: e.Key}
	for i := range min(len(e.Holders), maxOwnersAsked) {
		if o := idx.Scan.owner(e.Holders[i].PID); o.UID != 0 || i == 0 {
			item.Owner = o
			if o.UID != 0 {
				break
			}
		}
	}
	return item
}

// Owner returns the user whose share an object uses up, for callers with a guard of their own.
func (idx *Index) Owner(e *Entry) guard.Owner { return idx.item(e).Owner }

// Accounts tells whose share an owner uses up ([guard.Guard.WithAccounts]): that of the user
// who created the process's user namespace, if that is not ipctop's own.
type Accounts struct {
	root string
	mu   sync.Mutex
	of   map[guard.Owner]uint32
}

// NewAccounts makes Accounts for the proc file system mounted at root.
func NewAccounts(root string) *Accounts { return &Accounts{root: root} }

// Of is for [guard.Guard.WithAccounts].
func (a *Accounts) Of(o guard.Owner) uint32 {
	if o.PID == 0 {
		return o.UID
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if uid, ok := a.of[o]; ok {
		return uid
	}
	account := o.UID
	// Root creates namespaces so that the users inside are not root.
	if uid, ok := proc.UserNamespaceOwner(a.root + "/" + strconv.Itoa(int(o.PID)) + "/ns/user"); ok && uid != 0 {
		account = uid
	}
	if a.of == nil || len(a.of) >= maxAccounts {
		a.of = map[guard.Owner]uint32{}
	}
	a.of[o] = account
	return account
}

// maxAccounts bounds how many results are remembered.
const maxAccounts = 1 << 14
