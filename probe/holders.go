package probe

import (
	"strconv"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"golang.org/x/sys/unix"
)

// QueryHolders asks those who have a descriptor of the object, one after the other,
// until one gives an answer. The error is that of the last.
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

// HolderPath is where the proc file system has something about a descriptor:
// /proc/PID/fd/N, or below task/TID if the table is a thread's own.
func HolderPath(root string, h *model.Holder, dir string, fd int32) string {
	path := root + "/" + strconv.Itoa(int(h.PID)) + "/"
	if h.TID != 0 {
		path += "task/" + strconv.Itoa(int(h.TID)) + "/"
	}
	return path + dir + "/" + strconv.Itoa(int(fd))
}
