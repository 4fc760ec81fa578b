package testfixtures

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// futexAt is the offset of the mutex in the shared memory.
const futexAt = 0x140

// A process-shared mutex of glibc (sysdeps/nptl/bits/struct_mutex.h).
const (
	mutexOwner, mutexUsers, mutexKind = 8, 12, 16

	mutexShared, mutexRobust, mutexPI = 0x80, 0x10, 0x20

	futexWaiters = 0x80000000
)

func futexFixtures() []Fixture {
	roles := map[string]func(*role) error{"own": mutexOwnRole, "wait": mutexWaitRole}
	fixture := func(name, short, makes string, kind int, explain explanation) Fixture {
		return Fixture{
			Name: name, short: short, Makes: makes, roles: roles, explain: explain,
			make: func(m *maker) (object, error) { return makeFutex(m, kind) },
		}
	}
	return []Fixture{
		fixture("futex", "futex", "a mutex in shared memory with the layout of glibc; one process holds it and one waits for it", 0, explanation{
			picture: "{2} waits → mutex of {1}",
			calls: []string{
				"{1}: shmat(2), then writes what pthread_mutex_lock(3) writes",
				"{2}: futex(…, FUTEX_WAIT, 2) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/SYSV"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}", "ipctop show {object}"},
		}),
		fixture("futex:robust", "ftxrob", "the same with a robust mutex: the futex word names the owner", mutexRobust, explanation{
			picture: "{2} waits → mutex of {1}",
			calls: []string{
				"{1}: shmat(2), then writes what pthread_mutex_lock(3) writes for a robust mutex: the owner's thread id",
				"{2}: futex(…, FUTEX_WAIT, …) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/SYSV"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}", "ipctop show {object}"},
		}),
		fixture("futex:pi", "ftxpi", "the same, with priority inheritance: the kernel knows the owner", mutexPI, explanation{
			picture: "{2} waits → mutex of {1}",
			calls: []string{
				"{1}: shmat(2), then writes what pthread_mutex_lock(3) writes for one with priority inheritance",
				"{2}: futex(…, FUTEX_LOCK_PI) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/SYSV"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}", "ipctop show {object}"},
		}),
		{
			Name: "futex:held", short: "ftxhld", Makes: "a robust mutex that is held and that nobody waits for; only ipctop show sees such locks",
			explain: explanation{
				picture: "{1} has a mutex that nobody waits for",
				calls: []string{
					"{1}: set_robust_list(2), and writes what pthread_mutex_lock(3) writes",
				},
				proc: []procFile{
					{"/proc/{1}/maps", "/SYSV"},
				},
				next: []string{"ipctop show {1}"},
			},
			make:  makeHeldFutex,
			roles: map[string]func(*role) error{"own": mutexHeldRole},
		},
	}
}

func makeHeldFutex(m *maker) (object, error) {
	id, err := m.makeSysV(sysvShm, shmBytes)
	if err != nil {
		return object{}, err
	}
	owner, err := m.start("own", nil, part{args: []string{strconv.Itoa(id), strconv.Itoa(mutexRobust)}})
	if err != nil {
		return object{}, err
	}
	memory := sysvShm.id(id)
	return object{fmt.Sprintf("futex:%s+%d", memory, futexAt), tree{
		"holders": []tree{{"pid": owner.pid, "tid": owner.pid, "flags": []string{"owner"}}},
		"detail": tree{
			"object": memory, "offset": futexAt, "type": "robust-mutex", "libc": "glibc", "owner_tid": owner.pid, "owner_pid": owner.pid,
			"owner_alive": true, "held": true, "waiters": 0,
		},
	}}, nil
}

func makeFutex(m *maker, kind int) (object, error) {
	id, err := m.makeSysV(sysvShm, shmBytes)
	if err != nil {
		return object{}, err
	}
	args := []string{strconv.Itoa(id), strconv.Itoa(kind)}
	owner, err := m.start("own", nil, part{args: args})
	if err != nil {
		return object{}, err
	}
	waiter, err := m.start("wait", nil, part{args: args})
	if err != nil {
		return object{}, err
	}
	if err := m.blocked(waiter); err != nil {
		return object{}, err
	}
	memory := sysvShm.id(id)
	word := fmt.Sprintf("futex:%s+%d", memory, futexAt)
	typ := map[int]string{0: "mutex", mutexRobust: "robust-mutex", mutexPI: "pi-mutex"}[kind]
	m.waits = []tree{{
		"pid": waiter.pid, "tid": waiter.pid, "call": "futex", "needs": "lock", "object": word, "confirmed": true, "idle": false,
		"target": tree{"owner_tid": owner.pid}, "blockers": []tree{{"pid": owner.pid, "tid": owner.pid}},
	}}
	return object{word, tree{"detail": tree{
		"object": memory, "offset": futexAt, "type": typ, "libc": "glibc", "owner_tid": owner.pid, "owner_pid": owner.pid,
		"owner_alive": true, "waiters": 1,
	}}}, nil
}

// mutex is a mutex in an attached segment.
func (r *role) mutex() (b []byte, kind uint32, err error) {
	var n [2]int
	for i := range n {
		if n[i], err = strconv.Atoi(r.args[i]); err != nil {
			return nil, 0, err
		}
	}
	addr, err := shmAttach(n[0], 0)
	if err != nil {
		return nil, 0, fmt.Errorf("segment %d: %w", n[0], err)
	}
	return unsafe.Slice((*byte)(attached(addr+futexAt)), 40), uint32(n[1]), nil
}

// mutexOwnRole locks the mutex. The futex word says that another thread waits for it.
func mutexOwnRole(r *role) error {
	b, kind, err := r.mutex()
	if err != nil {
		return err
	}
	tid := uint32(unix.Gettid())
	word := tid | futexWaiters
	switch kind {
	case 0:
		word = 2
	case mutexPI:
		word = tid // the kernel adds the bit that another thread waits
	}
	for at, v := range map[int]uint32{0: word, mutexOwner: tid, mutexUsers: 1, mutexKind: kind | mutexShared} {
		binary.NativeEndian.PutUint32(b[at:], v)
	}
	return r.readyAndHold(nil)
}

// robustHead is struct robust_list_head (get_robust_list(2)).
type robustHead struct {
	next    uintptr
	offset  int
	pending uintptr
}

// heldList is the list of the robust locks of this process's main thread.
var heldList robustHead

// mutexHeldRole locks the mutex and puts it on the thread's robust list, as
// pthread_mutex_lock does. It is the only lock on the list.
func mutexHeldRole(r *role) error {
	const link = 32 // __list.__next
	b, kind, err := r.mutex()
	if err != nil {
		return err
	}
	heldList = robustHead{next: uintptr(unsafe.Pointer(&b[link])), offset: -link}
	_, _, errno := unix.Syscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(&heldList)), unsafe.Sizeof(heldList), 0)
	if errno != 0 {
		return fmt.Errorf("set_robust_list: %w", errno)
	}
	tid := uint32(unix.Gettid())
	for at, v := range map[int]uint32{0: tid, mutexOwner: tid, mutexUsers: 1, mutexKind: kind | mutexShared} {
		binary.NativeEndian.PutUint32(b[at:], v)
	}
	*(*uintptr)(unsafe.Pointer(&b[link])) = uintptr(unsafe.Pointer(&heldList))
	return r.readyAndHold(nil)
}

// mutexWaitRole waits for the mutex as pthread_mutex_lock does.
func mutexWaitRole(r *role) error {
	b, kind, err := r.mutex()
	if err != nil {
		return err
	}
	const wait, lockPI = 0, 6
	op, value := uintptr(wait), binary.NativeEndian.Uint32(b)
	if kind == mutexPI {
		op, value = lockPI, 0
	}
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&b[0])), op, uintptr(value), 0, 0, 0)
	return fmt.Errorf("the wait is over: %w", errno)
}
