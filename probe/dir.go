package probe

import (
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Dir is an open directory of a proc file system. Everything below it is
// reached by relative names with raw system calls and the caller's buffers: a
// scan makes three of these calls for every descriptor on the machine, and the
// standard library's would allocate several times for each.
//
// A Dir of /proc/PID stays bound to the process it was opened for: once that
// has ended every call fails, also if the pid is in use again.
type Dir struct {
	fd   int
	path string
	kept bool // it is one of a scanner's handles, which closes it

	files *openFiles // that stay open below it; nil: none
}

const openDirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC

// OpenDir opens the directory at path.
func OpenDir(path string) (Dir, error) {
	fd, err := unix.Open(path, openDirFlags, 0)
	if err != nil {
		return Dir{fd: -1}, fmt.Errorf("open %s: %w", path, err)
	}
	return Dir{fd: fd, path: path}, nil
}

// Open opens the directory name below d.
func (d Dir) Open(name string) (Dir, error) {
	fd, err := unix.Openat(d.fd, name, openDirFlags, 0)
	if err != nil {
		return Dir{fd: -1}, fmt.Errorf("open %s/%s: %w", d.path, name, err)
	}
	return Dir{fd: fd, path: d.path + "/" + name}, nil
}

// Close releases the directory, unless it stays open for others.
func (d Dir) Close() {
	if d.fd >= 0 && !d.kept {
		_ = unix.Close(d.fd) // proc: nothing was written, nothing can be lost
	}
}

// answers says why there is nothing in a process's directory any more: it has
// ended.
func (d Dir) answers() error {
	if err := unix.Faccessat(d.fd, "stat", unix.F_OK, 0); err != nil {
		return fmt.Errorf("access %s/stat: %w", d.path, err)
	}
	return nil
}

// Path is where the directory was opened.
func (d Dir) Path() string { return d.path }

// FD is the directory's descriptor.
func (d Dir) FD() int { return d.fd }

// ReadFile appends the whole file name to buf, which it may grow.
func (d Dir) ReadFile(name string, buf []byte) ([]byte, error) { return d.read(name, buf, false) }

// ReadRecord is ReadFile for a file that the kernel makes in one piece
// (single_open of fs/seq_file.c: stat, status, fdinfo …): what is less than there
// was room for is all of it, and nobody has to ask whether there is more.
func (d Dir) ReadRecord(name string, buf []byte) ([]byte, error) { return d.read(name, buf, true) }

func (d Dir) read(name string, buf []byte, record bool) ([]byte, error) {
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return buf, fmt.Errorf("open %s/%s: %w", d.path, name, err)
	}
	defer unix.Close(fd)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, max(4096, len(buf)))...)[:len(buf)]
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return buf, fmt.Errorf("read %s/%s: %w", d.path, name, err)
		case n == 0:
			return buf, nil
		}
		buf = buf[:len(buf)+n]
		if record && len(buf) < cap(buf) {
			return buf, nil
		}
	}
}

// Readlink reads the link name below d.
func (d Dir) Readlink(name string) (string, error) {
	buf := make([]byte, 512)
	for {
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", fmt.Errorf("readlink %s/%s: %w", d.path, name, err)
		}
		if n < len(buf) {
			return string(buf[:n]), nil
		}
		buf = make([]byte, 2*len(buf))
	}
}

// readlinkC reads the link whose name is the NUL-terminated bytes at name into
// buf, without allocating. It returns the kernel's bare error number. The Go
// scheduler is not told: no link in a proc file system waits for anything.
func (d Dir) readlinkC(name *byte, buf []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(d.fd), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), errno
}

// entry is a name in a directory, valid until the next call.
type entry struct {
	name []byte
	cstr *byte // the same, NUL-terminated
}

// number reads the name as a decimal number.
func (e entry) number() (int, bool) { return parseDecimal(e.name) }

func parseDecimal(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// each calls f for every entry of the directory but . and .., reading it with
// getdents64(2) into buf.
func (d Dir) each(buf []byte, f func(entry) bool) error {
	for {
		n, err := unix.Getdents(d.fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", d.path, err)
		}
		if n == 0 {
			return nil
		}
		for rest := buf[:n]; len(rest) > direntName; {
			size := int(*(*uint16)(unsafe.Pointer(&rest[direntReclen])))
			if size <= direntName || size > len(rest) {
				return fmt.Errorf("list %s: %w: entry of %d bytes", d.path, ErrMalformed, size)
			}
			name := rest[direntName:size]
			for i, c := range name {
				if c == 0 {
					name = name[:i]
					break
				}
			}
			if s := string(name); s != "." && s != ".." {
				if !f(entry{name, &rest[direntName]}) {
					return nil
				}
			}
			rest = rest[size:]
		}
	}
}

// struct linux_dirent64 (getdents(2)): ino u64, off i64, reclen u16, type u8,
// name.
const (
	direntReclen = 16
	direntName   = 19
)

// pids lists the numeric entries of the directory, in the kernel's order, which
// for a proc file system is ascending.
func (d Dir) pids(buf []byte) ([]int, error) {
	var list []int
	err := d.each(buf, func(e entry) bool {
		if n, ok := e.number(); ok {
			list = append(list, n)
		}
		return true
	})
	return list, err
}

func itoa(n int) string { return strconv.Itoa(n) }
