package fdscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// pipefs is where the kernel keeps anonymous pipes. There is one of it, so the
// inode number alone is the identity.
var pipefs = &probe.Space{
	Name: "pipefs",
	New: func(k probe.Key, _ *probe.Scan) model.Object {
		return model.Object{
			ID: "pipe:" + strconv.FormatUint(k.Num, 10), Kind: model.Pipe, Ino: model.Big(k.Num), Detail: new(model.PipeDetail),
		}
	},
}

// Pipe reads anonymous pipes: the ends from the descriptor links, fill and
// capacity from a duplicate (see [completePipes]).
func Pipe() probe.Probe {
	return probe.Probe{
		Name: "pipe",
		FD: func(fd *probe.FD, out *probe.Out) bool {
			ino, ok := bracketed(fd.Link, "pipe:[")
			if !ok {
				return false
			}
			h := fd.Holder()
			h.Access = fd.Access()
			out.Hold(probe.Key{Space: pipefs, Num: ino}, h)
			return true
		},
		Complete: func(ctx context.Context, j *probe.Joined, out *probe.Out) { completePipes(ctx, j, pipefs, out) },
	}
}

// bracketed reads the number in a link text such as "pipe:[4242]".
func bracketed(link []byte, prefix string) (uint64, bool) {
	if !bytes.HasPrefix(link, []byte(prefix)) || link[len(link)-1] != ']' {
		return 0, false
	}
	n := uint64(0)
	digits := link[len(prefix) : len(link)-1]
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// completePipes asks every pipe of a space how full it is. The kernel tells only
// those who have it open, so one descriptor is duplicated (pidfd_getfd(2)) for
// the microseconds that two ioctls take: while a duplicate of the last write end
// is open, its readers get no end of file.
func completePipes(ctx context.Context, j *probe.Joined, space *probe.Space, out *probe.Out) {
	if !j.Scan.PIDCalls {
		out.Gap(model.Gap{Reason: model.Unsupported, Op: "fill", Detail: "the proc file system belongs to another pid namespace"})
		return
	}
	refused := 0
	j.Each(j.In(space), func(t *probe.Task, e *probe.Joint) func() {
		if ctx.Err() != nil {
			return nil
		}
		var fill pipeFill
		err := errNoHolder
		for i := range e.Holders {
			h := &e.Holders[i]
			fd, ok := h.FD.Get()
			if !ok || h.TID != 0 {
				continue
			}
			if !t.Enter("fill", 0) {
				err = probe.ErrGivenUp
				break
			}
			fill, err = readFill(int(h.PID), int(fd), e.Key)
			t.Leave()
			if err == nil || errors.Is(err, unix.ENOSYS) {
				break
			}
		}
		return func() {
			switch {
			case err == nil:
				d, ok := e.Object.Detail.(*model.PipeDetail)
				if !ok {
					return
				}
				d.Queued, d.Capacity = model.Some(fill.queued), model.Some(fill.capacity)
				e.Object.Fill = model.NewRatio(d.Queued, d.Capacity)
			case probe.Gone(err), errors.Is(err, unix.EBADF), errors.Is(err, errNoHolder):
				// it was closed meanwhile
			case probe.ReasonOf(err) == model.Denied:
				refused++
			default:
				out.Gap(model.Gap{Reason: probe.ReasonOf(err), Object: e.Object.ID, Op: "fill", Detail: err.Error()})
			}
		}
	})
	if refused > 0 {
		out.Gap(model.Gap{
			Reason: model.Denied, Op: "fill", Count: refused, Detail: "no right to duplicate a descriptor of any holder (pidfd_getfd)",
		})
	}
}

var errNoHolder = errors.New("no holder whose descriptor could be duplicated")

type pipeFill struct{ queued, capacity int64 }

// readFill duplicates a descriptor and asks it. The check that the duplicate is
// the pipe that was looked for also covers a pid or descriptor that has changed
// hands.
func readFill(pid, fd int, k probe.Key) (pipeFill, error) {
	var f pipeFill
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return f, fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	defer unix.Close(pidfd)
	dup, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return f, fmt.Errorf("pidfd_getfd %d of %d: %w", fd, pid, err)
	}
	// Nothing between here and Close may wait for anything but the pipe's own
	// mutex, which is why this runs on a guarded thread.
	var st unix.Statx_t
	err = unix.Statx(dup, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO|unix.STATX_TYPE, &st)
	queued, capacity := 0, 0
	same := err == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO && st.Ino == k.Num &&
		(k.Scope == 0 || k.Scope == probe.Dev(st.Dev_major, st.Dev_minor))
	if same {
		if queued, err = unix.IoctlGetInt(dup, unix.TIOCINQ); err == nil {
			capacity, err = unix.FcntlInt(uintptr(dup), unix.F_GETPIPE_SZ, 0)
		}
	}
	_ = unix.Close(dup)
	switch {
	case err != nil:
		return f, fmt.Errorf("ask pipe: %w", err)
	case !same:
		return f, unix.EBADF
	}
	return pipeFill{int64(queued), int64(capacity)}, nil
}
