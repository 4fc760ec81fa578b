package corefile

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// calls names the system calls that the threads were in. If the architecture does
// not distinguish a call under way from one that has ended, only interrupted calls
// are reported.
func (c *reader) calls() {
	for i := range c.core.Threads {
		t := &c.core.Threads[i]
		if t.Call == nil {
			continue
		}
		t.Call.Name = c.arch.calls[t.Call.Number]
		if c.arch.name == "arm64" && !t.Call.Interrupted {
			t.Call = nil
			continue
		}
		c.describe(t.Call)
	}
}

// describe says what a call waited for.
func (c *reader) describe(k *Call) {
	firstLost := c.arch.name == "arm64" // x0 is the result now
	fd := fmt.Sprintf("descriptor %d", int32(k.Args[0]))
	id := fmt.Sprint(int32(k.Args[0]))
	if firstLost {
		fd, id = "a descriptor", "?"
	}
	switch k.Name {
	case "":
		k.Text = fmt.Sprintf("system call %d", k.Number)
	case "read", "readv", "recvfrom", "recvmsg", "mq_timedreceive":
		k.Text = k.Name + ": data from " + fd
	case "write", "writev", "sendto", "sendmsg", "mq_timedsend":
		k.Text = k.Name + ": room in " + fd
	case "accept", "accept4":
		k.Text = k.Name + ": a connection on " + fd
	case "connect", "flock", "fcntl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter":
		k.Text = k.Name + " on " + fd
	case "semop", "semtimedop":
		k.Text = k.Name + ": System V semaphore set " + id
	case "msgrcv", "msgsnd":
		k.Text = k.Name + ": System V message queue " + id
	case "poll", "ppoll":
		k.Text = fmt.Sprintf("%s of %d descriptors", k.Name, k.Args[1])
	case "futex":
		c.futex(k, firstLost)
	case "restart_syscall":
		k.Text = "a call with a time limit, which a stop had interrupted before"
	default:
		k.Text = k.Name
	}
}

// Operations of futex(2) that wait, without FUTEX_PRIVATE_FLAG and
// FUTEX_CLOCK_REALTIME; and the fields of a futex word.
const (
	futexWait, futexLockPI, futexWaitBitset, futexRequeuePI, futexLockPI2 = 0, 6, 9, 11, 13

	futexOperation = 0x7f
	futexPrivate   = 0x80
	waitersBit     = 0x80000000
	tidMask        = 0x3fffffff

	muslBusy = 16 // EBUSY: the value of a locked normal mutex of musl, instead of an owner
)

// futex finds out which lock a thread waited for, and which thread held it.
func (c *reader) futex(k *Call, firstLost bool) {
	op, private := uint64(k.Args[1])&futexOperation, uint64(k.Args[1])&futexPrivate != 0
	switch op {
	case futexWait, futexLockPI, futexWaitBitset, futexRequeuePI, futexLockPI2:
	default:
		k.Text = "futex"
		return
	}
	if firstLost {
		k.Text = "a futex"
		return
	}
	addr := uint64(k.Args[0])
	k.Text = fmt.Sprintf("futex at %v", k.Args[0])
	if name, offset := c.object(addr); name != "" {
		k.Object = name
		k.Text = fmt.Sprintf("futex at %s+%#x", name, offset)
	} else if private {
		k.Text += ", of this process alone"
	}
	word, ok := c.word(addr)
	if !ok {
		return
	}
	switch {
	case op == futexLockPI || op == futexLockPI2 || uint32(k.Args[2])&waitersBit != 0:
		k.Owner = int(word & tidMask)
		if k.Owner == muslBusy && !c.hasThread(muslBusy) {
			k.Owner = 0
			k.Text += ", taken: musl does not note by whom"
		}
	case op == futexWait && uint32(k.Args[2]) == 2:
		k.Owner = c.mutexOwner(addr)
	}
	if k.Owner != 0 {
		k.Text += fmt.Sprintf(", held by thread %d", k.Owner)
	}
}

func (c *reader) hasThread(tid int) bool {
	return slices.ContainsFunc(c.core.Threads, func(t Thread) bool { return t.TID == tid })
}

// mutexOwner returns the owner of an ordinary glibc mutex: owner@8, users@12,
// kind@16. It returns 0 if there is no such mutex.
func (c *reader) mutexOwner(addr uint64) int {
	owner, ok1 := c.word(addr + 8)
	users, ok2 := c.word(addr + 12)
	kind, ok3 := c.word(addr + 16)
	const kinds, many = 0x3ff, 1 << 20
	if !ok1 || !ok2 || !ok3 || kind&^kinds != 0 || users == 0 || users > many || owner&^tidMask != 0 {
		return 0
	}
	return int(owner)
}

// locks finds the robust mutexes that threads held. A core does not have the
// argument of set_robust_list(2), but the C libraries keep the list's head near
// the thread pointer, after the thread's id.
func (c *reader) locks() {
	for i := range c.core.Threads {
		t := &c.core.Threads[i]
		if t.pointer == 0 {
			continue
		}
		if head, offset, ok := c.robustHead(t); ok {
			t.Locks = c.robustList(t, head, offset)
		}
	}
}

// Where the list's head is searched: struct pthread is at the thread pointer, or
// ends there.
const (
	searchBefore, searchAfter = 0x1000, 0x400
	glibcOffset, muslOffset   = -32, -28 // of the futex from a mutex's place in the list
	tidBefore                 = 0x60     // the maximum distance of the thread id before the head
	maxRobust                 = 2048     // ROBUST_LIST_LIMIT of the kernel
)

// robustHead finds struct robust_list_head: the first node, the offset of the futex
// from a node, and the node that is being changed.
func (c *reader) robustHead(t *Thread) (head uint64, offset int64, ok bool) {
	b, start := c.around(t.pointer, searchBefore, searchAfter)
	o := binary.LittleEndian
	for i := tidBefore; i+24 <= len(b); i += 8 {
		offset = int64(o.Uint64(b[i+8:]))
		if offset != glibcOffset && offset != muslOffset {
			continue
		}
		for tid := i - tidBefore; tid < i; tid += 4 {
			if int(o.Uint32(b[tid:])) == t.TID {
				return start + uint64(i), offset, o.Uint64(b[i:]) != 0
			}
		}
	}
	return 0, 0, false
}

// robustList walks the list of mutexes that a thread held.
func (c *reader) robustList(t *Thread, head uint64, offset int64) []Lock {
	list := []Lock{}
	if node, ok := c.long(head + 16); ok && node&^1 != 0 {
		l := c.lock(node, offset)
		l.Pending = true
		list = append(list, l)
	}
	node, ok := c.long(head)
	for n := 0; ok && node&^1 != head && node&^1 != 0 && n < maxRobust && c.locked < maxLocks; n++ {
		c.locked++
		l := c.lock(node, offset)
		if len(list) == 0 || list[0].Address != l.Address {
			list = append(list, l)
		}
		at := node &^ 1
		if node, ok = c.long(at); !ok {
			name, _ := c.object(at)
			c.note("thread %d may have held more locks: the list goes on in memory that is not in the core (%s)", t.TID, name)
		}
	}
	return list
}

// lock describes the mutex of a node; bit 0 of the node says that it is a PI mutex.
func (c *reader) lock(node uint64, offset int64) Lock {
	addr := node&^1 + uint64(offset)
	l := Lock{Address: model.Addr(addr), PI: node&1 != 0}
	if name, at := c.object(addr); name != "" {
		l.Object, l.Offset = name, model.Some(int64(at))
	}
	if word, ok := c.word(addr); ok {
		l.Waiters = model.Some(word&waitersBit != 0)
	}
	return l
}
