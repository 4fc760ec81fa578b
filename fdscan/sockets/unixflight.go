package sockets

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Descriptors in flight were sent to a socket (SCM_RIGHTS, unix(7)) and not yet
// received. The kernel shows only their number, and only in fdinfo, so each socket
// means reading a file; sockets that cannot have any are skipped.

// mayCarry reports whether there can be descriptors in a socket's queue. On a
// stream, descriptors are sent with at least one byte. A message may be empty, and
// recv_queue covers only the first message.
func mayCarry(d *model.UnixDetail) bool {
	queued := d.RecvQueue
	if d.State == "listen" {
		queued = d.Backlog // descriptors in flight to connections that are not accepted yet count here
		n, ok := queued.Get()
		return !ok || n != 0
	}
	n, ok := queued.Get()
	return d.Type != "stream" || !ok || n != 0
}

func countInflight(ctx context.Context, idx *probe.Index, ask []*probe.Entry, out *probe.Collector) {
	ask = slices.DeleteFunc(ask, func(e *probe.Entry) bool {
		for i := range e.Holders {
			if n, known := idx.InFlight(&e.Holders[i], e.Key.Num); known {
				setInflight(e, model.Some(int64(n)))
				return true
			}
		}
		return false
	})
	refused := 0
	idx.Each(ask, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		n, err := readInflight(idx, t, e)
		return func() {
			setInflight(e, n)
			switch {
			case err == nil:
			case proc.Gone(err): // closed meanwhile
			case proc.ReasonOf(err) == model.Denied:
				refused++
			default:
				out.Gap(model.Gap{Reason: proc.ReasonOf(err), Object: e.Object.ID, Op: "fdinfo", Detail: err.Error()})
			}
		}
	})
	if refused > 0 {
		out.Gap(model.Gap{Reason: model.Denied, Op: "fdinfo", Count: refused, Detail: "no right to read the fdinfo of any holder"})
	}
}

func setInflight(e *probe.Entry, n model.Opt[int64]) {
	if d, ok := e.Object.Detail.(*model.UnixDetail); ok && d.InflightFDs != n {
		change(e, func(d *model.UnixDetail) { d.InflightFDs = n })
	}
}

// readInflight reads the number through the holders' fdinfo. It is unknown on kernels that
// do not have the field.
func readInflight(idx *probe.Index, t *guard.Task, e *probe.Entry) (model.Opt[int64], error) {
	return probe.QueryHolders(idx, t, e, probe.OpInfo, func(h *model.Holder, fd int32) (model.Opt[int64], error) {
		return readInflightOf(idx.Scan.ProcRoot, h, fd, e.Key.Num)
	})
}

func readInflightOf(root string, h *model.Holder, fd int32, ino uint64) (unknown model.Opt[int64], err error) {
	path := probe.HolderPath(root, h, "fdinfo", fd)
	var buf [2048]byte
	text, err := proc.ReadSmall(path, buf[:])
	if err != nil {
		return unknown, err
	}
	info, err := parseSocketInfo(text)
	if err != nil {
		return unknown, fmt.Errorf("%s: %w", path, err)
	}
	if !info.hasIno { // before Linux 5.14
		var link [64]byte
		n, err := unix.Readlink(probe.HolderPath(root, h, "fd", fd), link[:])
		if err == nil {
			info.ino, _ = proc.LinkNumber(link[:n], "socket:[")
		}
	}
	if info.ino != ino {
		return unknown, fmt.Errorf("%s is of another file: %w", path, unix.ENOENT)
	}
	return info.fds, nil
}

type socketInfo struct {
	ino    uint64
	hasIno bool
	fds    model.Opt[int64]
}

// parseSocketInfo reads the fdinfo of a UNIX socket (proc_pid_fdinfo(5)): "ino:"
// since Linux 5.14, "scm_fds:" since 5.10.
func parseSocketInfo(b []byte) (socketInfo, error) {
	var info socketInfo
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		var n uint64
		switch string(name) {
		case "ino", "scm_fds":
			if n, ok = parseNumber(bytes.TrimSpace(value), 10); !ok || n > 1<<62 {
				return info, fmt.Errorf("%w: %s is %q", proc.ErrMalformed, name, value)
			}
		}
		switch string(name) {
		case "ino":
			info.ino, info.hasIno = n, true
		case "scm_fds":
			info.fds = model.Some(int64(n))
		}
	}
	return info, nil
}
