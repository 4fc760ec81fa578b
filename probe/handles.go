package probe

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// maxHandles bounds the directories of processes that stay open.
const maxHandles = 4096

// handles are directories of processes that stay open between one look and the
// next: an open one is bound to its process, so nobody has to open it again and to
// find out whose it is.
type handles struct {
	most int

	mu    sync.Mutex
	byPID map[int]handle
	fds   map[int]bool // their descriptors
}

type handle struct {
	dir   Dir
	ticks uint64 // when its process began
}

// newHandles bounds them by half of what ipctop may have open besides a scan's own.
func newHandles() *handles {
	h := &handles{byPID: map[int]handle{}, fds: map[int]bool{}}
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
	if _, ok := h.byPID[p.PID]; ok || len(h.byPID) >= h.most {
		return false
	}
	dir.kept = true
	h.byPID[p.PID] = handle{dir, p.StartTicks}
	h.fds[dir.fd] = true
	return true
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
			_ = unix.Close(k.dir.fd)
			delete(h.byPID, pid)
			delete(h.fds, k.dir.fd)
		}
	}
}

// open opens the directory of a process that was read before, and no other's that
// has its pid by now.
func (s *Scan) open(t *Task, p *model.Process) (Dir, error) {
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
	if t != nil && !t.Enter("stat", 0) {
		return fail(ErrGivenUp)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	text, err := dir.ReadRecord("stat", sc.text[:0])
	if t != nil {
		t.Leave()
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
