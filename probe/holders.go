package probe

import (
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"golang.org/x/sys/unix"
)

// QueryHolders calls ask for each holder with a descriptor of the object until one call
// succeeds. The error is that of the last call.
func QueryHolders[T any](idx *Index, t *guard.Task, e *Entry, op string, ask func(h *model.Holder, fd int32) (T, error)) (answer T, err error) {
	err = unix.ENOENT
	for i := range e.Holders {
		h := &e.Holders[i]
		fd, ok := h.FD.Get()
		if !ok {
			continue
		}
		if !idx.BeginAt(t, h.PID, op, fd) {
			err = guard.ErrGivenUp
			continue
		}
		answer, err = ask(h, fd)
		t.End()
		if err == nil {
			return answer, nil
		}
	}
	return answer, err
}

// HolderPath returns the path of a holder's descriptor in the proc file system:
// /proc/PID/fd/N, or below task/TID if the table is a thread's own. dir is fd or fdinfo.
func HolderPath(root string, h *model.Holder, dir string, fd int32) string {
	path := root + "/" + strconv.Itoa(int(h.PID)) + "/"
	if h.TID != 0 {
		path += "task/" + strconv.Itoa(int(h.TID)) + "/"
	}
	return path + dir + "/" + strconv.Itoa(int(fd))
}

// Holds reports whether a descriptor with this number refers to the object: in the table of a
// process if tid is 0, else in the table of this thread ([Scan.TableOf]).
func (e *Entry) Holds(pid, tid, fd int32) bool {
	if !e.listed() {
		return false
	}
	_, found := slices.BinarySearchFunc(e.Holders, model.Holder{PID: pid, TID: tid, Via: model.ViaFD, FD: model.Some(fd)}, orderHolders)
	return found
}

// EachOf calls look once for each object of which one of the processes has a descriptor or
// mapping; for all objects if there are no pids. Holders that a probe added only after the
// join ([Entry.Adopt]) may be missing.
func (idx *Index) EachOf(pids map[int32]bool, look func(*Entry)) {
	if !idx.joined.keep || len(pids) == 0 {
		for e := range idx.All() {
			look(e)
		}
		return
	}
	lookAt := func(e *Entry) {
		if e.excluded {
			if e = idx.merged[e.Key]; e == nil {
				return
			}
		}
		if e.listed() && e.firstInPass() {
			look(e)
		}
	}
	idx.joined.passes++
	for pid := range pids {
		p := idx.Processes[pid]
		if p == nil {
			continue
		}
		s := idx.joined.origins[origin{process: processKey{p.PID, p.StartTicks}}]
		if s == nil {
			continue
		}
		for _, e := range s.stable {
			lookAt(e)
		}
		for i := range s.holders {
			lookAt(s.holders[i].entry)
		}
	}
}
