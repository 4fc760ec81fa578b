package posix

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// askUnlisted asks how full queues are that no table lists, because their name was removed or no
// way leads to their namespace. It asks through a duplicate of a holder's descriptor, which
// exists for a microsecond. Asking takes no message, and changes neither times nor
// registrations.
func askUnlisted(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	if !idx.Scan.PIDCalls {
		return
	}
	var list []*probe.Entry
	for _, e := range idx.In(queues) {
		if d, ok := e.Object.Detail.(*model.PosixMqDetail); ok && (e.Object.Deleted || e.Object.Namespace == nil) && !d.Messages.Known() {
			list = append(list, e)
		}
	}
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		var attr mqAttr
		err := error(unix.EBADF)
		for i := range e.Holders {
			h := &e.Holders[i]
			if !h.FD.Known() {
				continue
			}
			if !idx.BeginAt(t, h.PID, "duplicate queue", h.FD.Or(-1)) {
				err = guard.ErrGivenUp
				continue
			}
			attr, err = askThrough(h, e.Key)
			t.End()
			if err == nil {
				break
			}
		}
		return func() {
			switch {
			case err == nil:
				attr.describe(e.Object)
			case proc.Gone(err), errors.Is(err, unix.EBADF): // closed meanwhile
			default:
				out.Gap(model.Gap{Reason: proc.ReasonOf(err), Object: e.Object.ID, Op: "ask a duplicate", Detail: err.Error()})
			}
		}
	})
}

// askThrough asks a queue through a duplicate of a holder's descriptor.
func askThrough(h *model.Holder, k probe.Key) (attr mqAttr, err error) {
	err = probe.AskDuplicate(h, func(dup int) error {
		var st unix.Stat_t
		var fs unix.Statfs_t
		if err := unix.Fstatfs(dup, &fs); err != nil || fs.Type != mqueueMagic {
			return unix.EBADF
		}
		if err := unix.Fstat(dup, &st); err != nil || st.Ino != k.Num || proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev)) != k.Scope {
			return unix.EBADF
		}
		return attr.read(dup)
	})
	return attr, err
}
