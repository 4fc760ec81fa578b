package proc

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// maxHandles bounds the directories and files of processes that stay open.
const maxHandles = 16384

// Handles are directories of processes that stay open across scans: an open
// directory is bound to its process, so it need not be opened again and checked.
// With repeated scans, files that each scan reads stay open, too: opening and
// closing a file takes longer than reading it.
type Handles struct {
	most  int
	files bool

	mu    sync.Mutex
	byPID map[int]handle
	fds   map[int]bool // all descriptors, of directories and files
}

type handle struct {
	dir   *Dir
	ticks uint64 // when its process started
}

// kept counts what all Handles of the program have open.
var kept atomic.Int64

// NewHandles makes Handles that, together with all others, use at most three quarters of the
// descriptors that ipctop may have besides a scan's own.
func NewHandles(files bool) *Handles {
	h := &Handles{files: files, byPID: map[int]handle{}, fds: map[int]bool{}}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur > 128 {
		h.most = int(min((limit.Cur-128)/4*3, maxHandles))
	}
	return h
}

// Put takes over a directory. If it returns false, the caller has to close it.
func (h *Handles) Put(pid int, ticks uint64, dir *Dir) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.byPID[pid]; ok || kept.Load() >= int64(h.most) {
		return false
	}
	dir.borrowed = true
	if h.files {
		dir.files = &openFiles{handles: h, byName: map[string]*owned{}}
	}
	h.byPID[pid] = handle{dir, ticks}
	h.fds[dir.own.fd] = true
	kept.Add(1)
	return true
}

// openFiles are files below one directory that stay open. handles.mu guards them.
type openFiles struct {
	handles *Handles
	byName  map[string]*owned
}

// get returns the file of that name. If stays is false, the caller closes it.
func (f *openFiles) get(d *Dir, name string) (file *owned, stays bool, err error) {
	h := f.handles
	h.mu.Lock()
	file, stays = f.byName[name]
	h.mu.Unlock()
	if stays {
		return file, true, nil
	}
	fd, err := d.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return nil, false, err
	}
	file = own(fd)
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := f.byName[name]; there || kept.Load() >= int64(h.most) {
		return file, false, nil
	}
	h.fds[fd], f.byName[name] = true, file
	kept.Add(1)
	return file, true, nil
}

// drop closes the files that are not to stay.
func (f *openFiles) drop(stays func(name string) bool) {
	for name, file := range f.byName {
		if !stays(name) {
			file.close()
			delete(f.byName, name)
			delete(f.handles.fds, file.fd)
			kept.Add(-1)
		}
	}
}

// ForgetDescriptors closes files of descriptors: their numbers may belong to others now.
func (d *Dir) ForgetDescriptors() {
	if d.files != nil {
		d.files.handles.mu.Lock()
		defer d.files.handles.mu.Unlock()
		d.files.drop(func(name string) bool { return !strings.HasPrefix(name, "fdinfo/") })
	}
}

// ForgetThreads closes files of threads that have ended: lives reports whether a thread has not.
func (d *Dir) ForgetThreads(lives func(tid int) bool) {
	if d.files == nil {
		return
	}
	d.files.handles.mu.Lock()
	defer d.files.handles.mu.Unlock()
	d.files.drop(func(name string) bool {
		rest, ofThread := strings.CutPrefix(name, "task/")
		if !ofThread {
			return true
		}
		digits, _, _ := strings.Cut(rest, "/")
		tid, err := strconv.Atoi(digits)
		return err == nil && lives(tid)
	})
}

// ReadOften is ReadRecord for a file that every scan reads.
func (d *Dir) ReadOften(name string, buf []byte) ([]byte, error) {
	if d.files == nil {
		return d.ReadRecord(name, buf)
	}
	file, stays, err := d.files.get(d, name)
	if err != nil {
		return buf, err
	}
	if !stays {
		defer file.close()
	}
	fd, err := file.use()
	if err != nil {
		return buf, fmt.Errorf("read %s/%s: %w", d.path, name, err)
	}
	defer file.release()
	for start := len(buf); ; {
		n, err := unix.Pread(fd, buf[start:cap(buf)], 0) // reading from offset 0 makes the kernel generate the text anew
		switch {
		case err == unix.EINTR:
		case err != nil:
			if stays { // for example of a thread that has ended
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

// Of returns the directory of the last known process with this pid.
func (h *Handles) Of(pid int) (*Dir, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.byPID[pid]
	return k.dir, ok
}

// Get returns the directory of exactly this process.
func (h *Handles) Get(pid int, ticks uint64) (*Dir, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.byPID[pid]
	return k.dir, ok && k.ticks == ticks
}

// Has reports whether one of these has the descriptor fd of ipctop.
func (h *Handles) Has(fd int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fds[fd]
}

// Drop closes the directories of the processes that are not to stay.
func (h *Handles) Drop(stays func(pid int) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for pid, k := range h.byPID {
		if !stays(pid) {
			if k.dir.files != nil {
				k.dir.files.drop(func(string) bool { return false })
			}
			k.dir.own.close()
			delete(h.byPID, pid)
			delete(h.fds, k.dir.own.fd)
			kept.Add(-1)
		}
	}
}
