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

// Handles are directories of processes that stay open from one scan to the
// next: an open one is bound to its process, so nobody has to open it again and to
// find out whose it is. Where scans are repeated, files that each of them reads
// stay open, too: to open and close one takes longer than to read it.
type Handles struct {
	most  int
	files bool

	mu    sync.Mutex
	byPID map[int]handle
	fds   map[int]bool // all descriptors
}

type handle struct {
	dir   *Dir
	ticks uint64 // when its process began
}

// kept counts what all Handles of the program have open.
var kept atomic.Int64

// NewHandles bounds them, together with all others, by three quarters of what ipctop may have
// open besides a scan's own.
func NewHandles(files bool) *Handles {
	h := &Handles{files: files, byPID: map[int]handle{}, fds: map[int]bool{}}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur > 128 {
		h.most = int(min((limit.Cur-128)/4*3, maxHandles))
	}
	return h
}

// Put takes a directory over; false if it has to be closed by who opened it.
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

// get returns the file of that name; stays is false if it is the caller's to close.
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

// ForgetDescriptors closes what is open of descriptors: their numbers may mean others now.
func (d *Dir) ForgetDescriptors() {
	if d.files != nil {
		d.files.handles.mu.Lock()
		defer d.files.handles.mu.Unlock()
		d.files.drop(func(name string) bool { return !strings.HasPrefix(name, "fdinfo/") })
	}
}

// ForgetThreads closes what is open of threads that have ended: lives tells which have not.
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
		n, err := unix.Pread(fd, buf[start:cap(buf)], 0) // from its beginning the kernel makes it anew
		switch {
		case err == unix.EINTR:
		case err != nil:
			if stays { // of a thread that has ended, for one
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

// Of is the directory of whatever process had this pid.
func (h *Handles) Of(pid int) (*Dir, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.byPID[pid]
	return k.dir, ok
}

// Get is the directory of this very process.
func (h *Handles) Get(pid int, ticks uint64) (*Dir, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok := h.byPID[pid]
	return k.dir, ok && k.ticks == ticks
}

// Has reports whether a descriptor of ipctop's is one of these.
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
