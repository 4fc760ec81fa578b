package proc

import (
	"fmt"
	"math"
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
//
// A Dir has one owner, who closes it. A call on a closed Dir fails with
// [os.ErrClosed]; a call that is under way when it is closed still has the
// directory.
type Dir struct {
	own      *owned
	path     string
	borrowed bool // it is one of a scanner's [Handles], which close it

	files *openFiles // files below it that stay open; nil: none

	parent *Dir // of a directory that is opened only when needed: its files are reached from there
	name   string
}

const openDirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC

// OpenDir opens the directory at path.
func OpenDir(path string) (*Dir, error) {
	fd, err := unix.Open(path, openDirFlags, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Dir{own: own(fd), path: path}, nil
}

// Open opens the directory name below d.
func (d *Dir) Open(name string) (*Dir, error) {
	fd, err := d.OpenFile(name, openDirFlags)
	if err != nil {
		return nil, err
	}
	return &Dir{own: own(fd), path: d.path + "/" + name}, nil
}

// Below returns the directory name below d, which is opened only when needed: opening and
// reading one of its files takes fewer calls from d. Until then it is not bound to a
// process: the caller checks whether what was read is of the process that is meant. d must
// stay open as long.
func (d *Dir) Below(name string) *Dir {
	return &Dir{
		own:  &owned{fd: -1, later: &laterOpen{open: func() (int, error) { return d.OpenFile(name, openDirFlags) }}},
		path: d.path + "/" + name, parent: d, name: name,
	}
}

// Later returns the directory name below d, which is opened on first use, and used only if
// check then returns no error. d must stay open as long.
func (d *Dir) Later(name string, check func(dir *Dir) error) *Dir {
	path := d.path + "/" + name
	return &Dir{path: path, own: &owned{fd: -1, later: &laterOpen{open: func() (int, error) {
		fd, err := d.OpenFile(name, openDirFlags)
		if err != nil {
			return -1, err
		}
		if err := check(&Dir{own: &owned{fd: fd}, path: path}); err != nil {
			_ = unix.Close(fd)
			return -1, err
		}
		return fd, nil
	}}}}
}

// IsOpen reports whether the directory was opened.
func (d *Dir) IsOpen() bool { return d.own.isOpen() }

// Close releases the directory. A directory that others still use stays open.
func (d *Dir) Close() {
	if d != nil && !d.borrowed {
		d.own.close()
	}
}

// Alive returns the error that a process's directory gives once the process has
// ended; nil if it lives.
func (d *Dir) Alive() error {
	fd, err := d.own.use()
	if err == nil {
		err = unix.Faccessat(fd, "stat", unix.F_OK, 0)
		d.own.release()
	}
	if err != nil {
		return fmt.Errorf("access %s/stat: %w", d.path, err)
	}
	return nil
}

// Statx is statx(2) of what name leads to.
func (d *Dir) Statx(name string, flags, mask int, st *unix.Statx_t) error {
	fd, err := d.own.use()
	if err != nil {
		return err
	}
	defer d.own.release()
	return unix.Statx(fd, name, flags, mask, st)
}

// StatxC is Statx for a NUL-terminated name. It returns the kernel's bare error
// number.
func (d *Dir) StatxC(name *byte, flags, mask int, st *unix.Statx_t) unix.Errno {
	fd, err := d.own.use()
	if err != nil {
		return unix.EBADF
	}
	defer d.own.release()
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(name)), uintptr(flags),
		uintptr(mask), uintptr(unsafe.Pointer(st)), 0)
	return errno
}

// LinkMode returns the mode of a link itself, which for a descriptor tells how
// it was opened (proc_pid_fd(5)). The file that the link leads to is not asked.
func (d *Dir) LinkMode(name *byte) (mode uint16, ok bool) {
	fd, err := d.own.use()
	if err != nil {
		return 0, false
	}
	defer d.own.release()
	var st unix.Statx_t
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(name)), unix.AT_SYMLINK_NOFOLLOW,
		unix.STATX_MODE, uintptr(unsafe.Pointer(&st)), 0)
	return st.Mode, errno == 0
}

// Size returns the st_size of what name leads to, 0 if that fails. For a
// process's directory fd it is the number of descriptors (Linux 6.2).
func (d *Dir) Size(name string) int64 {
	fd, err := d.own.use()
	if err != nil {
		return 0
	}
	defer d.own.release()
	var st unix.Stat_t
	if unix.Fstatat(fd, name, &st, 0) != nil {
		return 0
	}
	return st.Size
}

// StaysOpen reports whether the directory stays open across scans, so that it is still
// bound to the same process.
func (d *Dir) StaysOpen() bool { return d.borrowed }

// Path is where the directory was opened.
func (d *Dir) Path() string { return d.path }

// OpenFile opens a file below d for a caller that closes it; flags are those of open(2),
// with O_CLOEXEC.
func (d *Dir) OpenFile(name string, flags int) (int, error) {
	if d.parent != nil && !d.own.isOpen() {
		return d.parent.OpenFile(d.name+"/"+name, flags)
	}
	dir, err := d.own.use()
	if err == nil {
		defer d.own.release()
		var fd int
		if fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0); err == nil {
			return fd, nil
		}
	}
	return -1, fmt.Errorf("open %s/%s: %w", d.path, name, err)
}

// Use calls f with the directory's descriptor, which stays valid until f returns.
func (d *Dir) Use(f func(fd int) error) error {
	fd, err := d.own.use()
	if err != nil {
		return fmt.Errorf("use %s: %w", d.path, err)
	}
	defer d.own.release()
	return f(fd)
}

// ReadFile appends the whole file name to buf, which it may grow.
func (d *Dir) ReadFile(name string, buf []byte) ([]byte, error) {
	buf, _, err := d.read(name, buf, false, math.MaxInt)
	return buf, err
}

// ReadParts is ReadFile that also returns in how many parts the kernel gave the file.
func (d *Dir) ReadParts(name string, buf []byte) (text []byte, parts int, err error) {
	return d.read(name, buf, false, math.MaxInt)
}

// ReadUpTo reads a file that others can make as large as they like; EFBIG if it has more
// than limit bytes.
func (d *Dir) ReadUpTo(name string, limit int) ([]byte, error) {
	buf, _, err := d.read(name, nil, false, limit)
	return buf, err
}

// ReadRecord is ReadFile for a file that the kernel makes in one piece
// (single_open of fs/seq_file.c: stat, status, fdinfo …). If it gives less than
// there was room for, that is the whole file, and no second read is needed.
func (d *Dir) ReadRecord(name string, buf []byte) ([]byte, error) {
	buf, _, err := d.read(name, buf, true, math.MaxInt)
	return buf, err
}

func (d *Dir) read(name string, buf []byte, record bool, limit int) (all []byte, parts int, err error) {
	fd, err := d.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return buf, 0, err
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
			return buf, parts, fmt.Errorf("read %s/%s: %w", d.path, name, err)
		case n == 0:
			return buf, parts, nil
		}
		buf = buf[:len(buf)+n]
		parts++
		if len(buf) > limit {
			return nil, parts, fmt.Errorf("read %s/%s: %w: more than %d bytes", d.path, name, unix.EFBIG, limit)
		}
		if record && len(buf) < cap(buf) {
			return buf, parts, nil
		}
	}
}

// Readlink reads the link name below d.
func (d *Dir) Readlink(name string) (string, error) {
	if d.parent != nil && !d.own.isOpen() {
		return d.parent.Readlink(d.name + "/" + name)
	}
	fd, err := d.own.use()
	if err != nil {
		return "", fmt.Errorf("readlink %s/%s: %w", d.path, name, err)
	}
	defer d.own.release()
	buf := make([]byte, 512)
	for {
		n, err := unix.Readlinkat(fd, name, buf)
		if err != nil {
			return "", fmt.Errorf("readlink %s/%s: %w", d.path, name, err)
		}
		if n < len(buf) {
			return string(buf[:n]), nil
		}
		buf = make([]byte, 2*len(buf))
	}
}

// ReadlinkC reads the link with the NUL-terminated name into buf, without
// allocating. It returns the kernel's bare error number. The Go scheduler is
// not told: no link in a proc file system waits for anything.
func (d *Dir) ReadlinkC(name *byte, buf []byte) (int, unix.Errno) {
	fd, err := d.own.use()
	if err != nil {
		return 0, unix.EBADF
	}
	defer d.own.release()
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(fd), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), errno
}

// Entry is a name in a directory, valid until the next call.
type Entry struct {
	Name []byte
	C    *byte // the same, NUL-terminated
}

// Number reads the name as a decimal number.
func (e Entry) Number() (int, bool) { return parseDecimal(e.Name) }

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

// Each calls f for every entry of the directory but . and .., reading it with
// getdents64(2) into buf.
func (d *Dir) Each(buf []byte, f func(Entry) bool) error {
	fd, err := d.own.use()
	if err == nil {
		defer d.own.release()
		err = eachEntry(fd, buf, f)
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", d.path, err)
	}
	return nil
}

func eachEntry(fd int, buf []byte, f func(Entry) bool) error {
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		for rest := buf[:n]; len(rest) > direntName; {
			size := int(*(*uint16)(unsafe.Pointer(&rest[direntReclen])))
			if size <= direntName || size > len(rest) {
				return fmt.Errorf("%w: entry of %d bytes", ErrMalformed, size)
			}
			name := rest[direntName:size]
			for i, c := range name {
				if c == 0 {
					name = name[:i]
					break
				}
			}
			if s := string(name); s != "." && s != ".." {
				if !f(Entry{name, &rest[direntName]}) {
					return nil
				}
			}
			rest = rest[size:]
		}
	}
}

// ListNames lists the names in the directory that is open as fd.
func ListNames(fd int) (names []string, err error) {
	err = eachEntry(fd, make([]byte, 32<<10), func(e Entry) bool {
		names = append(names, string(e.Name))
		return true
	})
	return names, err
}

// struct linux_dirent64 (getdents(2)): ino u64, off i64, reclen u16, type u8,
// name.
const (
	direntReclen = 16
	direntName   = 19
)

// PIDs lists the numeric entries of the directory, in the kernel's order, which
// for a proc file system is ascending.
func (d *Dir) PIDs(buf []byte) ([]int, error) {
	var list []int
	err := d.Each(buf, func(e Entry) bool {
		if n, ok := e.Number(); ok {
			list = append(list, n)
		}
		return true
	})
	return list, err
}
