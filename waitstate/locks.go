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
	switch c.line.args[1] {
	case unix.F_SETLKW:
		w.target.LockType = "posix"
	case unix.F_OFD_SETLKW:
		w.target.LockType = "ofd"
	default:
		return false
	}
	if b, err := c.mem.read(c.tid, c.line.args[2], flockSize); err == nil {
		w.target.Mode, w.target.Range = parseFlock(b)
	}
	return true
}

const flockSize = 32

// parseFlock reads a struct flock of a 64-bit program (fcntl_locking(2)): type
// i16@0, whence i16@2, start i64@8, length i64@16. Of a range that is not counted
// from the start of the file, or backwards, only the kernel knows where it lies.
func parseFlock(b []byte) (mode, span string) {
	if len(b) < flockSize {
		return "", ""
	}
	switch int16(binary.NativeEndian.Uint16(b)) {
	case unix.F_RDLCK:
		mode = "READ"
	case unix.F_WRLCK:
		mode = "WRITE"
	}
	start, length := int64(binary.NativeEndian.Uint64(b[8:])), int64(binary.NativeEndian.Uint64(b[16:]))
	if binary.NativeEndian.Uint16(b[2:]) != unix.SEEK_SET || start < 0 || length < 0 {
		return mode, ""
	}
	end := "EOF"
	if length > 0 {
		end = strconv.FormatInt(start+length-1, 10)
	}
	return mode, strconv.FormatInt(start, 10) + "-" + end
}
