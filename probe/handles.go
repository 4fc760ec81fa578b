package probe

import (
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
)

// maxHandles bounds the directories and files of processes that stay open.
const maxHandles = 8192

// handles are directories of processes that stay open between one look and the
// next: an open one is bound to its process, so nobody has to open it again and to
// find out whose it is. Where scans are repeated, files that each of them reads
// stay open, too: to open and close one takes longer than to read it.
type handles struct {
	most  int
	files bool

	mu    sync.Mutex
	byPID map[int]handle
	fds   map[int]bool // all descriptors
}

type handle struct {
	dir   Dir
	ticks uint64 // when its process began
}

// newHandles bounds them by half of what ipctop may have open besides a scan's own.
func newHandles(files bool) *handles {
	h := &handles{files: files, byPID: map[int]handle{}, fds: map[int]bool{}}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur > 128 {
		h.most = int(min((limit.Cur-128)/2, maxHandles))
	}
	return h
}

// keep takes a directory over; false if it has to be closed by who opened it.
func (h *handles) keep(p *model.Process, dir Dir) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.byPID[p.PID]; ok || len(h.fds) >= h.most {
		return false
	}
	dir.kept = true
	if h.files {
		dir.files = &openFiles{handles: h, fds: map[string]int{}}
	}
	h.byPID[p.PID] = handle{dir, p.StartTicks}
	h.fds[dir.fd] = true
	return true
}

// openFiles are files below one directory that stay open. handles.mu guards them.
type openFiles struct {
	handles *handles
	fds     map[string]int
}

// get returns the file of that name; kept is false if it is the caller's to close.
func (f *openFiles) get(d Dir, name string) (fd int, kept bool, err error) {
	h := f.handles
	h.mu.Lock()
	fd, kept = f.fds[name]
	h.mu.Unlock()
	if kept {
		return fd, true, nil
	}
	fd, err = unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false, fmt.Errorf("open %s/%s: %w", d.path, name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := f.fds[name]; there || len(h.fds) >= h.most {
		return fd, false, nil
	}
	h.fds[fd], f.fds[name] = true, fd
	return fd, true, nil
}

// drop closes the files that are not to stay.
func (f *openFiles) drop(stays func(name string) bool) {
	for name, fd := range f.fds {
		if !stays(name) {
			_ = unix.Close(fd)
			delete(f.fds, name)
			delete(f.handles.fds, fd)
		}
	}
}

// forget closes what is open of descriptors: their numbers may mean others now.
func (d Dir) forget() {
	if d.files != nil {
		d.files.handles.mu.Lock()
		defer d.files.handles.mu.Unlock()
		d.files.drop(func(name string) bool { return !strings.HasPrefix(name, "fdinfo/") })
	}
}

// ReadOften is ReadRecord for a file that every scan reads.
func (d Dir) ReadOften(name string, buf []byte) ([]byte, error) {
	if d.files == nil {
		return d.ReadRecord(name, buf)
	}
	fd, kept, err := d.files.get(d, name)
	if err != nil {
		return buf, err
	}
	if !kept {
		defer unix.Close(fd)
	}
	for start := len(buf); ; {
		n, err := unix.Pread(fd, buf[start:cap(buf)], 0) // from its beginning the kernel makes it anew
		switch {
		case err == unix.EINTR:
		case err != nil:
			if kept { // of a thread that has ended, for one
				d.files.handles.mu.Lock()
				d.files.drop(func(other string) bool { return other != name })
				d.files.handles.mu.Unlock()
			}
			return buf, fmt.Errorf("read %s/%s: %w", d.path, name, err)
		case n < cap(buf)-start:
			return buf[:start+n], nil
		default:
			buf = append(buf, make([]byte, max(4096, 2*cap(buf)))...)[:start]
		}
	}
}

// of is the directory of whatever process had this pid.
func (h *handles) of(pid int) (Dir, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.byPID[pid]
	return k.dir, ok
}

// get is the directory of this very process.
func (h *handles) get(p *model.Process) (Dir, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.byPID[p.PID]
	return k.dir, ok && k.ticks == p.StartTicks
}

// has reports whether a descriptor of ipctop's is one of these.
func (h *handles) has(fd int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fds[fd]
}

// drop closes the directories of the processes that are not to stay.
func (h *handles) drop(stays func(pid int) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for pid, k := range h.byPID {
		if !stays(pid) {
			if k.dir.files != nil {
				k.dir.files.drop(func(string) bool { return false })
			}
			_ = unix.Close(k.dir.fd)
			delete(h.byPID, pid)
			delete(h.fds, k.dir.fd)
		}
	}
}

// open opens the directory of a process that was read before, and no other's that
// has its pid by now.
func (s *Scan) open(t *guard.Task, p *model.Process) (Dir, error) {
	if dir, ok := s.scanner.handles.get(p); ok {
		return dir, nil
	}
	dir, err := s.root.Open(itoa(p.PID))
	if err != nil {
		return dir, err
	}
	fail := func(err error) (Dir, error) {
		dir.Close()
		return Dir{fd: -1}, err
	}
	if t != nil && !t.Begin("stat", 0) {
		return fail(guard.ErrGivenUp)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	text, err := dir.ReadRecord("stat", sc.text[:0])
	if t != nil {
		t.End()
	}
	sc.text = text[:0]
	if err != nil {
		return fail(err)
	}
	st, err := parseStat(text)
	if err == nil && st.startTicks != p.StartTicks {
		err = fmt.Errorf("%s: another process by now: %w", dir.path, errVanished)
	}
	if err != nil {
		return fail(err)
	}
	return dir, nil
}
