package posix

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Sem reads POSIX named semaphores. For the kernel they are files on /dev/shm
// like any shared memory, so [Shm] finds them and must come before this probe.
// Sem gives those that are semaphores their kind and value.
func Sem() probe.Probe {
	return probe.Probe{Name: "posix-sem", Complete: completeSems}
}

// semSize is the size of sem_t on 64-bit machines, in both C libraries. On
// 32-bit ones it is half of that.
const semSize = 32

func completeSems(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	var list []*probe.Entry
	for _, e := range idx.In(probe.Files) {
		if e.Object.Kind == model.PosixShm && semaphoreSized(e.Object) {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return
	}
	locks, steady, err := idx.Scan.LockTable()
	if err != nil {
		out.Fail("read", path.Join(idx.Scan.ProcRoot, "locks"), err)
	}
	locksKnown := err == nil && steady
	unread := map[model.Reason]*model.Gap{}
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		libc := "glibc"
		if !strings.HasPrefix(path.Base(e.Object.Path), "sem.") {
			if libc = "musl"; !usedByMusl(t, idx, e) {
				return nil
			}
		}
		var word []byte
		err := errLocksUnknown
		switch {
		case !locksKnown:
		case lockedIn(locks, e.Key):
			err = errLocked
		default:
			word, err = readSem(t, idx, e)
		}
		var d model.PosixSemDetail
		if err == nil {
			if d, err = parseSem(word, libc); err != nil {
				return nil // not a semaphore, whatever its name is
			}
		}
		d.Libc = libc
		return func() {
			makeSem(e.Object, &d)
			switch {
			case err == nil, proc.Gone(err):
			default:
				reason := proc.ReasonOf(err)
				if g := unread[reason]; g != nil {
					g.Count++
					return
				}
				unread[reason] = &model.Gap{Reason: reason, Object: e.Object.ID, Op: "value", Path: e.Object.Path, Detail: err.Error(), Count: 1}
			}
		}
	})
	for _, g := range unread {
		if g.Count > 1 {
			g.Object, g.Path = "", ""
		}
		out.Gap(*g)
	}
}

// semaphoreSized reports whether an object has the size of a semaphore.
func semaphoreSized(o *model.Object) bool {
	d, ok := o.Detail.(*model.MemoryDetail)
	if !ok {
		return false
	}
	size, known := d.Size.Get()
	prefixed := strings.HasPrefix(path.Base(o.Path), "sem.")
	return size == semSize || prefixed && (!known || size == semSize/2)
}

func makeSem(o *model.Object, d *model.PosixSemDetail) {
	if m, ok := o.Detail.(*model.MemoryDetail); ok {
		d.Modified = m.Modified
	}
	o.ID = string(model.PosixSem) + strings.TrimPrefix(o.ID, string(o.Kind))
	o.Kind, o.Detail = model.PosixSem, d
	o.Name = "/" + strings.TrimPrefix(path.Base(o.Path), "sem.")
}

var (
	errLocked = fmt.Errorf("a process has a lock or lease on it: %w", errors.ErrUnsupported)
	// errLocksUnknown: opening a file with a lease that the table did not show would break the lease.
	errLocksUnknown = fmt.Errorf("/proc/locks could not be read, or kept changing while it was read: a lease on the file may be missing: %w", errors.ErrUnsupported)
	errNoWay        = fmt.Errorf("deleted, and its mappings cannot be followed (CAP_CHECKPOINT_RESTORE): %w", os.ErrPermission)
	errChanged      = fmt.Errorf("its name now belongs to another file: %w", unix.ESRCH)
)

// lockedIn reports whether the text of /proc/locks (proc_locks(5)) has any lock on
// a file. Opening a file with a lease disturbs the holder of the lease; nobody
// locks a semaphore, so other locks are treated in the same way.
func lockedIn(locks []byte, k probe.Key) bool {
	name := fmt.Sprintf(" %02x:%02x:%d ", k.Scope>>32, uint32(k.Scope), k.Num)
	return strings.Contains(string(locks), name)
}

// parseSem reads the content of a named semaphore's file.
//
// glibc (sysdeps/nptl/internaltypes.h, struct new_sem), 64-bit: value u32, waiters
// u32, private u32, pad; 32-bit: value<<1 u32, private, pad, waiters u32. In
// shared semaphores private is 0x80 (FUTEX_PRIVATE_FLAG inverted).
//
// musl (src/internal/pthread_impl.h): value i32 whose highest bit (before 1.2.4:
// -1) says that there are waiters, waiters u32, private u32, which is 0 in shared
// semaphores.
//
// The rest of the union is zero in both.
func parseSem(b []byte, libc string) (model.PosixSemDetail, error) {
	bad := func() (model.PosixSemDetail, error) {
		return model.PosixSemDetail{}, fmt.Errorf("semaphore of %s: %w: %x", libc, proc.ErrMalformed, b)
	}
	if len(b) != semSize && (len(b) != semSize/2 || libc != "glibc") {
		return bad()
	}
	var w [semSize / 4]uint32
	for i := range len(b) / 4 {
		w[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
	value, waiters, flag, rest := w[0], w[1], w[2], w[3:]
	shared := uint32(0x80)
	switch {
	case len(b) == semSize/2:
		value, waiters, flag, rest = w[0]>>1, w[3], w[1], w[2:3]
	case libc == "musl":
		shared = 0
		if value == 0xffffffff {
			value = 0
		}
		value &^= 1 << 31
	}
	for _, r := range rest {
		if r != 0 {
			return bad()
		}
	}
	if flag != shared || value > 1<<31-1 {
		return bad()
	}
	return model.PosixSemDetail{Value: model.Some(int64(value)), Waiters: model.Some(int64(waiters))}, nil
}

// readSem reads the file of a semaphore: by its name if it has one, else
// through a mapping.
func readSem(t *guard.Task, idx *probe.Index, e *probe.Entry) ([]byte, error) {
	if !t.Begin("read semaphore", 0) {
		return nil, guard.ErrGivenUp
	}
	defer t.End()
	if !e.Object.Deleted && e.Object.Namespace != nil {
		return readNamed(idx, e)
	}
	err := errNoWay
	for i := range e.Holders {
		link := probe.HolderLink(&e.Holders[i])
		if link == "" {
			continue
		}
		dir, openErr := idx.Open(e.Holders[i].PID)
		if openErr != nil {
			continue
		}
		var b []byte
		readErr := dir.Use(func(fd int) (err error) {
			b, err = readPinned(fd, link, 0, e.Key)
			return err
		})
		dir.Close()
		if readErr == nil {
			return b, nil
		}
		if !errors.Is(readErr, unix.EPERM) {
			err = readErr
		}
	}
	return nil, err
}

// readNamed reads a semaphore by its name, in the mount namespace it was found in.
func readNamed(idx *probe.Index, e *probe.Entry) ([]byte, error) {
	var b []byte
	err := fmt.Errorf("%s: %w", e.Object.Path, unix.ESRCH)
	idx.Scan.VisitMountNS(e.Object.Namespace.Inode, func(m *probe.MountNS) error {
		dir, openErr := openShmPath(m)
		if openErr != nil {
			err = openErr
			return openErr
		}
		b, err = readPinned(dir, path.Base(e.Object.Path), unix.O_NOFOLLOW, e.Key)
		_ = unix.Close(dir)
		return err
	})
	return b, err
}

// readPinned reads a small file below dir if it is the regular file that k names.
// O_PATH does not open the file but pins it: the file that is checked is the one
// that is opened afterwards, and nobody can put a FIFO in its place.
func readPinned(dir int, name string, flags int, k probe.Key) ([]byte, error) {
	pin, err := unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer unix.Close(pin)
	var st unix.Statx_t
	if err := unix.Statx(pin, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_BASIC_STATS, &st); err != nil {
		return nil, fmt.Errorf("stat %s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Ino != k.Num || proc.Dev(st.Dev_major, st.Dev_minor) != k.Scope {
		return nil, errChanged
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(pin), unix.O_RDONLY|unix.O_NOATIME|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s for reading: %w", name, err)
	}
	defer unix.Close(fd)
	b := make([]byte, semSize+1)
	n, err := unix.Pread(fd, b, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b[:n], nil
}
