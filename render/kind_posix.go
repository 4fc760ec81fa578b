package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// notified returns the process that has registered for notification (mq_notify).
func notified(v *View, o *model.Object) Cell {
	d, ok := o.Detail.(*model.PosixMqDetail)
	if !ok || d.Notify == nil {
		return Cell{}
	}
	text := v.escape(d.Notify.Method)
	if d.Notify.Signal != "" {
		text = v.escape(d.Notify.Signal)
	}
	if pid, ok := d.Notify.PID.Get(); ok && pid != 0 {
		text = strings.TrimSpace(text + " to " + v.process(pid))
	}
	return Cell{Text: text}
}

// locksCell says who has locked a file, and how many wait: flock WRITE by a(1); 2 wait.
func locksCell(v *View, locks []model.Lock) Cell {
	held, waiting := []string{}, 0
	for i := range locks {
		l := &locks[i]
		if l.Blocked {
			waiting++
			continue
		}
		text := v.escape(l.Type + " " + l.Mode)
		if l.Type != "flock" && l.Type != "lease" && (l.Start != 0 || l.End.Known()) {
			text += " " + LockRange(l)
		}
		if who := LockOwners(v, l); who != "" {
			text += " by " + who
		}
		held = append(held, text)
	}
	if len(held) == 0 && waiting == 0 {
		return Cell{}
	}
	c := Cell{Text: strings.Join(held, ", ")}
	if len(held) > maxLocks && !v.Wide {
		c.Text = strings.Join(held[:maxLocks], ", ") + fmt.Sprintf(" +%d more", len(held)-maxLocks)
	}
	if waiting > 0 {
		c = Cell{strings.TrimPrefix(c.Text+"; "+Counted(waiting, "waits", "wait"), "; "), Notice}
	}
	return c
}

// maxLocks is the largest number of a file's locks that are listed.
const maxLocks = 2

// LockRange returns the bytes that a lock covers: START-END; "" for a flock or lease, which
// covers the whole file.
func LockRange(l *model.Lock) string {
	if l.Type == "flock" || l.Type == "lease" {
		return ""
	}
	if end, ok := l.End.Get(); ok {
		return fmt.Sprintf("%d-%d", l.Start, end)
	}
	return fmt.Sprintf("%d-EOF", l.Start)
}

// LockOwners names the holders of a lock.
func LockOwners(v *View, l *model.Lock) string {
	var list []party
	for _, pid := range l.Holders {
		list = v.join(list, party{pid, v.nameOf(pid, ""), 1})
	}
	if pid, ok := l.PID.Get(); ok && len(list) == 0 && pid > 0 {
		list = append(list, party{pid, v.nameOf(pid, ""), 1})
	}
	return v.parties(list)
}

func locksColumn(get func(*model.Object) []model.Lock) Column[model.Object] {
	return Column[model.Object]{
		Name: "LOCKS", Doc: "locks on it: who holds them, and how many wait", Flex: true, Spare: true,
		Key:  func(_ *View, o *model.Object) Key { return IntKey(len(get(o))) },
		Text: func(v *View, o *model.Object) Cell { return locksCell(v, get(o)) },
	}
}

var (
	posixMqColumns = append(objectColumns{
		idColumn, nameColumn,
		fillPair("MESSAGES", "messages in the queue, of how many may",
			detail(func(d *model.PosixMqDetail) optInt { return d.Messages }), detail(func(d *model.PosixMqDetail) optInt { return d.MaxMessages }), count, "FULL"),
		sizeColumn("BYTES", "their size", detail(func(d *model.PosixMqDetail) optInt { return d.Bytes })),
		talkColumn,
		spare(Column[model.Object]{Name: "NOTIFY", Doc: "who is notified of a message, and how", Flex: true, Text: notified}),
		wide(uidColumn), wide(modeColumn),
	}, commonWide...)

	posixSemColumns = append(objectColumns{
		idColumn, nameColumn,
		intColumn("VALUE", "how often it can be taken", detail(func(d *model.PosixSemDetail) optInt { return d.Value })),
		intColumn("WAITERS", "threads that wait for it", detail(func(d *model.PosixSemDetail) optInt { return d.Waiters })),
		talkColumn, wide(uidColumn), wide(modeColumn),
	}, commonWide...)

	shmColumns = append(objectColumns{
		idColumn, nameColumn,
		sizeColumn("SIZE", "its size", detail(func(d *model.MemoryDetail) optInt { return d.Size })),
		sizeColumn("ALLOCATED", "how much of it has memory", detail(func(d *model.MemoryDetail) optInt { return d.Allocated })),
		talkColumn,
		locksColumn(detail(func(d *model.MemoryDetail) []model.Lock { return d.Locks })),
		spare(textColumn("SEALS", "what may no longer be done to it", detail(func(d *model.MemoryDetail) string { return strings.Join(d.Seals, " ") }))),
		wide(since("MODIFIED", "time since it was written by a call", detail(func(d *model.MemoryDetail) time.Time { return d.Modified }))),
		wide(uidColumn), wide(modeColumn),
	}, commonWide...)

	fileColumns = append(objectColumns{
		idColumn, nameColumn,
		locksColumn(detail(func(d *model.FileDetail) []model.Lock { return d.Locks })),
		sizeColumn("SIZE", "its size", detail(func(d *model.FileDetail) optInt { return d.Size })),
		talkColumn, wide(uidColumn), wide(modeColumn),
	}, commonWide...)

	ptyColumns = append(objectColumns{
		idColumn, nameColumn,
		sizeColumn("QUEUED", "bytes that nobody has read", detail(func(d *model.PtyDetail) optInt { return d.Queued })),
		who("FOREGROUND", "process group that reads from it", detail(func(d *model.PtyDetail) model.Opt[int] { return d.Foreground })),
		talkColumn,
	}, commonWide...)

	futexColumns = append(objectColumns{
		idColumn,
		unsure(narrow(textColumn("TYPE", "what it belongs to: mutex, rwlock, cond, barrier, sem, join", detail(func(d *model.FutexDetail) string { return d.Type })))),
		{Name: "OWNER", Doc: "who has locked it", Flex: true, Text: FutexOwner},
		intColumn("WAITERS", "threads that are blocked on it", detail(func(d *model.FutexDetail) optInt { return widen(d.Waiters) })),
		talkColumn,
	}, commonWide...)
)

// FutexOwner returns the thread that has locked a futex; blank if it has no owner, or does
// not say who it is.
func FutexOwner(v *View, o *model.Object) Cell {
	d, ok := o.Detail.(*model.FutexDetail)
	if !ok {
		return Cell{}
	}
	tid, known := d.OwnerTID.Get()
	pid := d.OwnerPID.Or(tid)
	alive := d.OwnerAlive.Or(true)
	switch {
	case len(d.PossibleOwners) > 0:
		var names []string
		for _, tid := range d.PossibleOwners {
			names = append(names, fmt.Sprintf("thread %d", tid))
		}
		return Cell{Text: strings.Join(names, " or ")}
	case d.OwnerNumber.Known():
		return Cell{fmt.Sprintf("thread %d of its pid namespace, which has ended", d.OwnerNumber.Or(0)), Alarm}
	case !known || tid == 0:
		return Cell{}
	case d.OwnerDied || !alive:
		return Cell{fmt.Sprintf("thread %d, which has ended", tid), Alarm}
	case tid != pid:
		return Cell{Text: fmt.Sprintf("%s thread %d", v.process(pid), tid)}
	}
	return Cell{Text: v.process(pid)}
}
