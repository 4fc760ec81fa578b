package live

import (
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// lockColumns are the columns of the screen of locks: one lock per row, of any kind.
var lockColumns = []column{
	{name: "NAME", flex: true, cell: lockName},
	{name: "TYPE", cell: func(d *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: lockType(d, r.object)} }},
	{name: "MODE", spare: true, cell: func(d *Data, _ *render.View, r *row) render.Cell {
		if l := heldLock(r.object); l != nil {
			return render.Cell{Text: d.escape(l.Mode)}
		}
		return render.Cell{}
	}},
	{name: "RANGE", spare: true, quiet: true, cell: lockRange},
	{name: "HOLDER", flex: true, cell: lockHolder},
	{
		name: "WAITERS", right: true,
		key: func(d *Data, _ *render.View, r *row) render.Key { return render.IntKey(waitersOf(d, r.object)) },
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			n := waitersOf(d, r.object)
			c := render.Cell{Text: strconv.Itoa(n)}
			if n > 0 {
				c.Role = render.Notice
			}
			return c
		},
	},
	{
		name: "OLDEST WAIT", flex: true,
		key: func(d *Data, _ *render.View, r *row) render.Key {
			if w := oldestWait(d, r.object); w != nil {
				return render.IntKey(-w.BlockedFor.Or(0))
			}
			return render.Key{}
		},
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			w := oldestWait(d, r.object)
			if w == nil {
				return render.Cell{}
			}
			text := d.who(w.PID, w.Comm)
			if ns, ok := w.BlockedFor.Get(); ok {
				text = render.Duration(time.Duration(ns)) + " " + text
			}
			return render.Cell{Text: text}
		},
	},
}

// lockName returns the name of a lock; for private futexes, how many a process has.
func lockName(d *Data, v *render.View, r *row) render.Cell {
	if n := d.foldedInto(r.object); n > 1 && r.object.Kind == model.Futex {
		return render.Cell{Text: strconv.Itoa(n) + " futexes of " + d.who(int(r.object.Holders[0].PID), r.object.Holders[0].Comm)}
	}
	if r.object.Kind == model.Futex {
		return render.Cell{Text: d.escape(r.object.ID)}
	}
	return render.Cell{Text: v.ObjectName(r.object)}
}

func lockType(d *Data, o *model.Object) string {
	switch x := o.Detail.(type) {
	case *model.FutexDetail:
		if x.Type == "" || x.Type == "unknown" {
			return "futex"
		}
		return d.escape(x.Type)
	case *model.SysvSemDetail:
		return "SysV sem"
	case *model.PosixSemDetail:
		return "POSIX sem"
	}
	if l := heldLock(o); l != nil {
		return d.escape(l.Type)
	}
	return d.escape(string(o.Kind))
}

// heldLock returns the first held lock on a file, else the first for which somebody
// waits.
func heldLock(o *model.Object) *model.Lock {
	locks := locksOf(o)
	for i := range locks {
		if !locks[i].Blocked {
			return &locks[i]
		}
	}
	if len(locks) > 0 {
		return &locks[0]
	}
	return nil
}

// lockRange returns the bytes that a lock covers, if it does not cover all of them, and the
// number of further locks; for semaphores, their values.
func lockRange(_ *Data, v *render.View, r *row) render.Cell {
	locks := locksOf(r.object)
	held := 0
	for i := range locks {
		if !locks[i].Blocked {
			held++
		}
	}
	l := heldLock(r.object)
	switch {
	case l == nil:
		return render.SemaphoreValues(v, r.object)
	case held > 1:
		return render.Cell{Text: strconv.Itoa(held) + " locks"}
	}
	return render.Cell{Text: render.LockRange(l)}
}

func lockHolder(d *Data, v *render.View, r *row) render.Cell {
	if f, ok := r.object.Detail.(*model.FutexDetail); ok {
		if f.OwnerTID.Or(0) != 0 || f.OwnerGone() || len(f.PossibleOwners) > 0 {
			return render.FutexOwner(v, r.object)
		}
		return render.Cell{}
	}
	var names []string
	locks := locksOf(r.object)
	for i := range locks {
		if name := render.LockOwners(v, &locks[i]); !locks[i].Blocked && name != "" && !strings.Contains(strings.Join(names, ", "), name) {
			names = append(names, name)
		}
	}
	if len(names) > 3 {
		names = append(names[:3], "+"+strconv.Itoa(len(names)-3))
	}
	return render.Cell{Text: strings.Join(names, ", ")}
}

// oldestWait returns the wait for an object that has lasted longest.
func oldestWait(d *Data, o *model.Object) *model.Wait {
	var best *model.Wait
	for _, w := range d.index.WaitsOn[o.ID] {
		if best == nil || w.BlockedFor.Or(0) > best.BlockedFor.Or(0) {
			best = w
		}
	}
	return best
}
