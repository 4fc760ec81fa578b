package proc

import (
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// owned is a descriptor with one owner, who closes it. Work that got stuck and was given
// up may still be in a call on it at that time. So the number is returned to the kernel
// only after the last call has ended: no such call can then reach another file that got
// the number.
type owned struct {
	fd    int
	state atomic.Int64 // number of calls under way, plus closing

	later *laterOpen // for a descriptor that is opened on first use; nil: it is open
}

// laterOpen opens a descriptor on first use.
type laterOpen struct {
	once   sync.Once
	open   func() (int, error)
	opened atomic.Bool
	err    error
}

// closing is set in owned.state by close.
const closing = 1 << 40

// open counts the descriptors that have not been closed.
var open atomic.Int64

// Open returns how many directories and files of this package are open: for tests that
// look for leaks.
func Open() int { return int(open.Load()) }

func own(fd int) *owned {
	open.Add(1)
	return &owned{fd: fd}
}

// use begins a call on the descriptor; the caller calls release after it. If the
// descriptor was closed, the error is [os.ErrClosed].
func (o *owned) use() (int, error) {
	for {
		s := o.state.Load()
		if s >= closing {
			return -1, os.ErrClosed
		}
		if o.state.CompareAndSwap(s, s+1) {
			if o.later == nil {
				return o.fd, nil
			}
			if err := o.openNow(); err != nil {
				o.release()
				return -1, err
			}
			return o.fd, nil
		}
	}
}

func (o *owned) openNow() error {
	l := o.later
	l.once.Do(func() {
		var fd int
		if fd, l.err = l.open(); l.err == nil {
			o.fd = fd
			open.Add(1)
			l.opened.Store(true)
		}
	})
	return l.err
}

// isOpen reports whether there is a descriptor.
func (o *owned) isOpen() bool { return o.later == nil || o.later.opened.Load() }

func (o *owned) release() {
	if o.state.Add(-1) == closing {
		o.free()
	}
}

// close closes the descriptor, as soon as no call on it is under way. Further calls
// of close do nothing.
func (o *owned) close() {
	for {
		s := o.state.Load()
		if s >= closing {
			return
		}
		if o.state.CompareAndSwap(s, s+closing) {
			if s == 0 {
				o.free()
			}
			return
		}
	}
}

func (o *owned) free() {
	if !o.isOpen() {
		return
	}
	open.Add(-1)
	_ = unix.Close(o.fd) // proc files: nothing was written, so nothing can be lost
}
