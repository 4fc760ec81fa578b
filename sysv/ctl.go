package sysv

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands of msgctl(2), semctl(2) and shmctl(2), which x/sys does not have.
const (
	msgInfo    = 12
	msgStatAny = 13
	shmInfo    = 14
	shmStatAny = 15
	semInfo    = 19
	semStatAny = 20

	semGetPID  = 11
	semGetAll  = 13
	semGetNCnt = 14
	semGetZCnt = 15
)

// errNoStructs says that the structures of this architecture are not known here.
var errNoStructs = fmt.Errorf("%w: the structures of this architecture", errors.ErrUnsupported)

// listing is how to list one mechanism with its ctl system call.
type listing struct {
	name string // for messages
	info func(buf unsafe.Pointer) (highest int, errno unix.Errno)
	stat func(index int, buf unsafe.Pointer) (id int, errno unix.Errno)
	// used reads the number of objects from the result of info; total reads their
	// sum in the unit of their limit. decode reads an object from the result of
	// stat.
	used   func(buf unsafe.Pointer) int
	total  func(buf unsafe.Pointer) int64 // nil: there is no such limit
	decode func(buf unsafe.Pointer, r *record)
}

// ctlBuffer is larger than any structure that these calls write.
type ctlBuffer [32]uint64

// list asks for every object. Slots of the kernel's table may be empty. Before
// Linux 4.17 all of them seem to be; the count from info shows that.
func (l *listing) list() ([]record, error) {
	if l == nil {
		return nil, errNoStructs
	}
	var buf ctlBuffer
	highest, errno := l.info(unsafe.Pointer(&buf))
	if errno != 0 {
		return nil, fmt.Errorf("%s: *_INFO: %w", l.name, errno)
	}
	used := l.used(unsafe.Pointer(&buf))
	records := make([]record, 0, used)
	for i := 0; i <= highest; i++ {
		id, errno := l.stat(i, unsafe.Pointer(&buf))
		switch errno {
		case 0:
		case unix.EINVAL, unix.EIDRM:
			continue
		default:
			return nil, fmt.Errorf("%s: *_STAT_ANY: %w", l.name, errno)
		}
		var r record
		l.decode(unsafe.Pointer(&buf), &r)
		r.set(colID, int64(id))
		records = append(records, r)
	}
	if used > 0 && len(records) == 0 {
		return nil, fmt.Errorf("%s: *_STAT_ANY: %w", l.name, unix.EINVAL)
	}
	return records, nil
}

// ctl3 is msgctl(2) or shmctl(2).
func ctl3(trap uintptr, id, cmd int, buf unsafe.Pointer) (int, unix.Errno) {
	n, _, errno := unix.Syscall(trap, uintptr(id), uintptr(cmd), uintptr(buf))
	return int(n), errno
}

// semctl is semctl(2) with a pointer for its fourth argument.
func semctl(id, sem, cmd int, buf unsafe.Pointer) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), uintptr(sem), uintptr(cmd), uintptr(buf), 0, 0)
	return int(n), errno
}
