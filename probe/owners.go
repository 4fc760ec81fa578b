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

// What gets stuck uses up the share of the user whose it is (package guard). Of a process
// that is its real user: the one who started it, also where it has the rights of another.

// owners knows the users of processes.
type owners struct {
	mu   sync.Mutex
	uids map[int32]uint32 // real uids, by pid
}

// set notes the real uid of a process, by its status.
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

// keep forgets processes that are not in a list, which is in ascending order.
func (o *owners) keep(pids []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for pid := range o.uids {
		if _, ok := slices.BinarySearch(pids, int(pid)); !ok {
			delete(o.uids, pid)
		}
	}
}

// owner is whose a process is. Of one that has not been read yet its directory says so,
// if not of one with another's rights.
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

// processItem is a process in what the guard skips.
func (s *Scan) processItem(pid int, ticks uint64) guard.Item {
	return guard.Item{Key: processKey{pid, ticks}, Owner: s.owner(int32(pid))}
}

// maxOwnersAsked is among how many holders somebody else than root is looked for.
const maxOwnersAsked = 16

// item is an object in what the guard skips. What root and another have is the other's: root
// is given things by others.
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

// Owner is whose an object is, for who asks for it with a guard of its own.
func (idx *Index) Owner(e *Entry) guard.Owner { return idx.item(e).Owner }

// Accounts tells whose share an owner uses up ([guard.Guard.WithAccounts]): that of the user
// who made the user namespace that the process is in, if it is not ipctop's own.
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
	// Root's namespaces are there so that the users in there are not root.
	if uid, ok := proc.UserNamespaceOwner(a.root + "/" + strconv.Itoa(int(o.PID)) + "/ns/user"); ok && uid != 0 {
		account = uid
	}
	if a.of == nil || len(a.of) >= maxAccounts {
		a.of = map[guard.Owner]uint32{}
	}
	a.of[o] = account
	return account
}

// maxAccounts bounds what is remembered.
const maxAccounts = 1 << 14
