package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// eof stands for the end of the file, however long it gets.
const eof = 1<<63 - 1

// request is a lock that a thread waits for.
type request struct {
	kind       string // posix, ofd or flock
	mode       string
	start, end int64
	pid        int
	own        map[descriptor]bool // the descriptors of its open file description
}

// descriptor is a file descriptor of a process.
type descriptor struct{ pid, fd int32 }

// lock returns the clauses of a wait for a lock on a file. The kernel names only one
// conflicting lock, but all of them must be released, so each is a clause.
func (g *Graph) lock(n *node) []Clause {
	w := n.wait
	o := g.Object(w.Object)
	if !lockable(o) || w.Target == nil || w.Target.LockType == "" {
		return nil
	}
	locks := Locks(o)
	table := g.lockTable(o, locks)
	r, ok := g.request(n, table, locks)
	if !ok {
		if slices.ContainsFunc(locks, func(l model.Lock) bool { return !l.Blocked && r.related(&l) }) {
			return nil // one of these is in the way
		}
		return []Clause{g.unseenLock(n, o, table)}
	}
	var list []Clause
	released, own := false, false
	known := make([]bool, table.count) // by owners
	for i := range locks {
		held := &locks[i]
		if held.Blocked || known[table.owners[i]] || !r.conflicts(held) {
			continue
		}
		if r.kind == held.Type && r.kind != "posix" && r.owns(table.through[i]) {
			own = true
			continue // the lock that this call converts
		}
		known[table.owners[i]] = true
		if g.allGone(lockHolders(held)) {
			released = true
			continue
		}
		if list = append(list, g.heldLock(o, table, held)); len(list) == maxLockClauses {
			break
		}
	}
	switch {
	case len(list) > 0:
	case released:
		return []Clause{{Object: o.ID, ended: lockReleased}}
	case !own || g.unlisted:
		return []Clause{g.unseenLock(n, o, table)}
	}
	return list
}

// heldLock returns the clause of a conflicting lock. Any of its holders can release it with a
// call, or all of them together by closing the open file description.
func (g *Graph) heldLock(o *model.Object, table *lockTable, held *model.Lock) Clause {
	c := Clause{Object: o.ID, How: "holds the lock", Confidence: model.Certain}
	if held.Type == "posix" {
		pid, known := held.PID.Get()
		if known && g.Processes[pid] != nil {
			c.add(pid)
		} else {
			c.weaken(Incomplete, "the holder of the lock is not visible")
		}
		return c
	}
	for _, pid := range held.Holders {
		if !g.gone[pid] {
			c.add(pid)
			if pid == held.PID.Or(0) {
				c.maker = pid
			}
		}
	}
	switch {
	case len(held.Holders) > 0:
	case held.Type == "ofd" && g.unlisted && len(g.inFlight) == 0: // OFD locks are listed without a pid, also those of other pid namespaces
		c.weaken(External, heldOutside)
		c.unseen = true
	default:
		c.weaken(Incomplete, g.whyNoHolder(held))
	}
	c.every = true // one of them that goes on most likely just ends, and the others keep the lock
	g.incomplete(&c, o)
	if table.inFlight {
		c.weaken(Incomplete, "a descriptor of "+o.ID+" is in flight")
	}
	return c
}

// lockHolders returns the known holders of a lock.
func lockHolders(held *model.Lock) []int {
	if held.Type != "posix" {
		return held.Holders
	}
	if pid, known := held.PID.Get(); known {
		return []int{pid}
	}
	return nil
}

// whyNoHolder says where the open file description of a lock may be if no visible process
// has it.
func (g *Graph) whyNoHolder(held *model.Lock) string {
	text := "who holds the lock is not shown"
	if p := g.Processes[held.PID.Or(0)]; p != nil {
		text = p.String() + ", which made the lock, has closed its descriptor"
	}
	switch n := len(g.inFlight); n {
	case 0:
		return text
	case 1:
		return text + ": it may be in flight, in " + g.inFlight[0]
	default:
		return fmt.Sprintf("%s: it may be in flight, in one of %d sockets", text, n)
	}
}

// InFlight says that a descriptor of an object may be in flight in the queue of a socket; "" if no
// socket has descriptors in its queue. The kernel does not show which ones are there (SCM_RIGHTS, unix(7)).
func (g *Graph) InFlight(o *model.Object) string {
	switch n := len(g.inFlight); n {
	case 0:
		return ""
	case 1:
		return "a descriptor of " + o.ID + " may be in flight, in " + g.inFlight[0]
	default:
		return fmt.Sprintf("a descriptor of %s may be in flight, in one of %d sockets", o.ID, n)
	}
}

// Locks are the locks on an object that is a file or memory in one.
func Locks(o *model.Object) []model.Lock {
	if o == nil {
		return nil
	}
	switch d := o.Detail.(type) {
	case *model.FileDetail:
		return d.Locks
	case *model.MemoryDetail:
		return d.Locks
	}
	return nil
}

// request returns the lock that the thread has asked for. What could not be read from its
// memory is taken from the kernel's table of locks, if possible.
func (g *Graph) request(n *node, table *lockTable, locks []model.Lock) (request, bool) {
	t := n.wait.Target
	r := request{kind: t.LockType, mode: t.Mode, pid: n.process.PID, own: map[descriptor]bool{}}
	if start, end, ok := parseRange(t.Range); ok && t.Mode != "" {
		r.start, r.end = start, end
	} else if !r.fromTable(locks) {
		return r, false
	}
	if fd, ok := t.FD.Get(); ok {
		table.description(&r, descriptor{int32(n.process.PID), int32(fd)})
	}
	return r, true
}

// description adds to a request the descriptors that share the open file description with
// the descriptor of the call.
func (t *lockTable) description(r *request, at descriptor) {
	r.own[at] = true
	if ofd, ok := t.ofd[at]; ok { // else nobody shares it
		for _, d := range t.sharing[ofd] {
			r.own[d] = true
		}
	}
}

func descriptorOf(h *model.Holder) descriptor { return descriptor{h.PID, h.FD.Or(noFD)} }

// fromTable takes the range from the process's only blocked lock of the type.
func (r *request) fromTable(locks []model.Lock) bool {
	found := false
	for i := range locks {
		l := &locks[i]
		if !l.Blocked || l.Type != r.kind || l.PID.Or(0) != r.pid {
			continue
		}
		if found {
			return false
		}
		found = true
		r.mode, r.start, r.end = l.Mode, l.Start, l.End.Or(eof)
	}
	return found
}

// conflicts reports whether a held lock conflicts with the request. flock and fcntl
// locks do not conflict with each other; a process's POSIX locks never conflict with
// its own; POSIX and OFD locks always conflict with each other.
func (r *request) conflicts(held *model.Lock) bool {
	switch {
	case !r.related(held):
		return false
	case r.kind == "posix" && held.Type == "posix" && held.PID.Or(0) == r.pid:
		return false
	case r.start > held.End.Or(eof) || held.Start > r.end:
		return false
	}
	return r.mode == "WRITE" || held.Mode == "WRITE"
}

// related reports whether a lock is of a type that can conflict with the request.
func (r *request) related(held *model.Lock) bool {
	return held.Type != "lease" && (r.kind == "flock") == (held.Type == "flock")
}

// owns reports whether a lock is, or may be, held through the open file description of
// the request.
func (r *request) owns(descriptors []descriptor) bool {
	return slices.ContainsFunc(descriptors, func(h descriptor) bool { return r.own[h] || h == descriptor{int32(r.pid), noFD} })
}

// noFD stands for a descriptor that is not known.
const noFD = -1

// heldThrough maps each lock of an object to the descriptors through which it is held.
type heldThrough map[lockKey][]descriptor

// lockKey identifies the holder records of one lock.
type lockKey struct {
	mode       string
	start, end int64
	pid        int32
}

func (h heldThrough) of(l *model.Lock) (list []descriptor) {
	for _, pid := range l.Holders {
		list = append(list, h[lockKey{l.Mode, l.Start, l.End.Or(eof), int32(pid)}]...)
	}
	return list
}

func lockDescriptors(o *model.Object) heldThrough {
	lists := heldThrough{}
	for i := range o.Holders {
		h := &o.Holders[i]
		if h.Via != model.ViaLock || h.LockHold == nil {
			continue
		}
		if start, end, ok := parseRange(h.Range); ok {
			k := lockKey{h.LockMode, start, end, h.PID}
			lists[k] = append(lists[k], descriptorOf(h))
		}
	}
	return lists
}

// parseRange reads START-END or START-EOF.
func parseRange(text string) (start, end int64, ok bool) {
	first, last, found := strings.Cut(text, "-")
	if !found {
		return 0, 0, false
	}
	start, err1 := strconv.ParseInt(first, 10, 64)
	if last == "EOF" {
		return start, eof, err1 == nil
	}
	end, err2 := strconv.ParseInt(last, 10, 64)
	return start, end, cmp.Or(err1, err2) == nil
}
