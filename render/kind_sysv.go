package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// who shows a pid that the kernel stores in an object; that process may have ended.
func who(name, doc string, get func(*model.Object) model.Opt[int]) Column[model.Object] {
	return Column[model.Object]{
		Name: name, Doc: doc, Flex: true,
		Key: func(_ *View, o *model.Object) Key { return OptKey(get(o)) },
		Text: func(v *View, o *model.Object) Cell {
			pid, ok := get(o).Get()
			switch {
			case !ok:
				return Cell{Unknown, Dim}
			case pid == 0: // no process yet
				return Cell{}
			}
			if v.processes[pid] == nil {
				return Cell{v.snap.PIDRef(pid) + " (gone)", Dim}
			}
			return Cell{Text: v.process(pid)}
		},
	}
}

// since shows how long ago something was.
func since(name, doc string, get func(*model.Object) time.Time) Column[model.Object] {
	return Column[model.Object]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, o *model.Object) Key {
			if t := get(o); !t.IsZero() {
				return TextKey(t.UTC().Format(time.RFC3339Nano))
			}
			return Key{}
		},
		Text: func(v *View, o *model.Object) Cell {
			if get(o).IsZero() { // normally this means never
				return Cell{}
			}
			return Cell{Text: Age(v.snap.Taken, get(o))}
		},
	}
}

func keyColumn(get func(*model.Object) string) Column[model.Object] {
	return narrow(textColumn("KEY", "key as ipcs shows it", get))
}

// semValues returns the values of a set: 0 1 1.
func semValues(sems []model.Sem) string {
	texts := make([]string, len(sems))
	for i, s := range sems {
		texts[i] = Unknown
		if n, ok := s.Value.Get(); ok {
			texts[i] = strconv.Itoa(n)
		}
	}
	return strings.Join(texts, " ")
}

// SemaphoreValues returns the value of a semaphore, or the values of a set; blank for other
// objects.
func SemaphoreValues(v *View, o *model.Object) Cell {
	switch d := o.Detail.(type) {
	case *model.SysvSemDetail:
		return Cell{Text: semValues(d.Sems)}
	case *model.PosixSemDetail:
		return v.cell(OptKey(d.Value))
	}
	return Cell{}
}

// semWaiters returns how many threads wait for a semaphore of the set; unknown if one of the
// counts is unknown.
func semWaiters(sems []model.Sem) optInt {
	n := 0
	for _, s := range sems {
		a, ok1 := s.NCount.Get()
		b, ok2 := s.ZCount.Get()
		if !ok1 || !ok2 {
			return optInt{}
		}
		n += a + b
	}
	if len(sems) == 0 {
		return optInt{}
	}
	return model.Some(int64(n))
}

var (
	sysvMsgColumns = objectColumns{
		idColumn, keyColumn(detail(func(d *model.SysvMsgDetail) string { return d.Key })), uidColumn, modeColumn,
		intColumn("MESSAGES", "messages in the queue", detail(func(d *model.SysvMsgDetail) optInt { return d.Messages })),
		fillPair("BYTES", "their size, of how much may be queued",
			detail(func(d *model.SysvMsgDetail) optInt { return d.Bytes }),
			detail(func(d *model.SysvMsgDetail) optInt { return d.MaxBytes }), Size, "FULL"),
		who("SENDER", "last process that sent", detail(func(d *model.SysvMsgDetail) model.Opt[int] { return d.LastSendPID })),
		who("RECEIVER", "last process that received", detail(func(d *model.SysvMsgDetail) model.Opt[int] { return d.LastRecvPID })),
		wide(since("SENT", "time since something was sent", detail(func(d *model.SysvMsgDetail) time.Time { return d.SendTime }))),
		wide(since("RECEIVED", "time since something was received", detail(func(d *model.SysvMsgDetail) time.Time { return d.RecvTime }))),
		wide(nsColumn),
	}

	sysvSemColumns = objectColumns{
		idColumn, keyColumn(detail(func(d *model.SysvSemDetail) string { return d.Key })), uidColumn, modeColumn,
		intColumn("SEMS", "number of semaphores", detail(func(d *model.SysvSemDetail) optInt { return widen(d.Count) })),
		textColumn("VALUES", "value of each", detail(func(d *model.SysvSemDetail) string { return semValues(d.Sems) })),
		intColumn("WAITERS", "threads that wait for one of them", detail(func(d *model.SysvSemDetail) optInt { return semWaiters(d.Sems) })),
		since("LASTOP", "time since the last operation", detail(func(d *model.SysvSemDetail) time.Time { return d.OpTime })),
		wide(nsColumn),
	}

	sysvShmColumns = append(objectColumns{
		idColumn, keyColumn(detail(func(d *model.SysvShmDetail) string { return d.Key })), spare(uidColumn), spare(modeColumn),
		sizeColumn("SIZE", "size of the segment", detail(func(d *model.SysvShmDetail) optInt { return d.Size })),
		intColumn("ATTACHED", "number of attachments", detail(func(d *model.SysvShmDetail) optInt { return d.Attached })),
		talkColumn,
		{
			Name: "STATUS", Doc: "REMOVED: it is removed when the last process detaches it",
			Text: func(_ *View, o *model.Object) Cell {
				d, ok := o.Detail.(*model.SysvShmDetail)
				if !ok {
					return Cell{Unknown, Dim}
				}
				marked, known := d.MarkedForRemoval.Get()
				switch {
				case marked:
					return Cell{"REMOVED", Notice}
				case !known:
					return Cell{Unknown, Dim}
				}
				return Cell{}
			},
		},
		wide(who("CREATOR", "process that made it", detail(func(d *model.SysvShmDetail) model.Opt[int] { return d.CreatorPID }))),
		wide(who("LAST", "process that last attached or detached it", detail(func(d *model.SysvShmDetail) model.Opt[int] { return d.LastPID }))),
		wide(sizeColumn("RSS", "how much of it is in memory", detail(func(d *model.SysvShmDetail) optInt { return d.RSS }))),
		wide(sizeColumn("SWAP", "how much of it is swapped out", detail(func(d *model.SysvShmDetail) optInt { return d.Swap }))),
		wide(since("USED", "time since something was attached", detail(func(d *model.SysvShmDetail) time.Time { return d.AttachTime }))),
	}, commonWide...)
)
