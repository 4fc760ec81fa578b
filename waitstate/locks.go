package waitstate

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// decodeLock reads flock(2) and the waiting commands of fcntl(2); false if it is
// another command.
func (c *caller) decodeLock(w *waiting) bool {
	w.needs = model.NeedsLock
	w.on(fdUse{fd: c.line.fd(0)})
	if w.call == "flock" {
		w.target.LockType, w.target.Mode, w.target.Range = "flock", "WRITE", "0-EOF"
		if c.line.args[1]&unix.LOCK_SH != 0 {
			w.target.Mode = "READ"
		}
		return true
	}
	layout := flockLayout{start: 8, size: 8}
	switch cmd := c.line.args[1]; {
	case cmd == unix.F_OFD_SETLKW:
		w.target.LockType = "ofd"
		if c.narrow {
			layout.start = flock64Start
		}
	case cmd == unix.F_SETLKW:
		w.target.LockType = "posix"
		if c.narrow {
			layout = flockLayout{start: 4, size: 4}
		}
	case cmd == setLockWait64 && c.narrow:
		w.target.LockType, layout.start = "posix", flock64Start
	default:
		return false
	}
	if b, err := c.mem.read(c.tid, c.line.args[2], layout.start+2*layout.size); err == nil {
		w.target.Mode, w.target.Range = layout.parse(b)
	}
	return true
}

// setLockWait64 is F_SETLKW64, which only 32-bit programs use.
const setLockWait64 = 14

// flockLayout is the layout of a struct flock: the offset of l_start, and the size of
// l_start and of l_len, which comes next.
type flockLayout struct{ start, size int }

// parse reads a struct flock (fcntl_locking(2)): type i16@0, whence i16@2, start and
// length. If the range is not relative to the start of the file, or if its length is
// negative, only the kernel knows where it is.
func (f flockLayout) parse(b []byte) (mode, span string) {
	if len(b) < f.start+2*f.size {
		return "", ""
	}
	number := func(at int) int64 {
		if f.size == 4 {
			return int64(int32(binary.NativeEndian.Uint32(b[at:])))
		}
		return int64(binary.NativeEndian.Uint64(b[at:]))
	}
	switch int16(binary.NativeEndian.Uint16(b)) {
	case unix.F_RDLCK:
		mode = "READ"
	case unix.F_WRLCK:
		mode = "WRITE"
	}
	start, length := number(f.start), number(f.start+f.size)
	if binary.NativeEndian.Uint16(b[2:]) != unix.SEEK_SET || start < 0 || length < 0 {
		return mode, ""
	}
	end := "EOF"
	if length > 0 {
		end = strconv.FormatInt(start+length-1, 10)
	}
	return mode, strconv.FormatInt(start, 10) + "-" + end
}
