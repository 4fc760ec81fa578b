package render

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// spanColumn shows a length of time.
func spanColumn(name, doc string, get func(*model.Object) optInt) Column[model.Object] {
	return Column[model.Object]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, o *model.Object) Key { return OptKey(get(o)) },
		Text: func(_ *View, o *model.Object) Cell {
			switch n, ok := get(o).Get(); {
			case !ok:
				return Cell{Unknown, Dim}
			case n == 0:
				return Cell{}
			default:
				return Cell{Text: Duration(time.Duration(n))}
			}
		},
	}
}

// shortSignals shows signals without the SIG that all names share.
func shortSignals(list []string) string {
	short := make([]string, len(list))
	for i, s := range list {
		short[i] = strings.TrimPrefix(s, "SIG")
	}
	return strings.Join(short, " ")
}

// firstOf returns the number of names and the first one: 3: /etc, …
func firstOf(v *View, names []string, limit int) string {
	text := strconv.Itoa(len(names))
	var known []string
	for _, n := range names {
		if n != "" && !slices.Contains(known, n) {
			known = append(known, v.escape(n))
		}
	}
	if len(known) == 0 {
		return text
	}
	if len(known) > limit && !v.Wide {
		known = append(known[:limit:limit], v.glyph.more)
	}
	return text + ": " + strings.Join(known, ", ")
}

// watchesColumn shows what an object watches.
func watchesColumn[D any](doc string, show func(v *View, d *D) (text string, n int, known bool)) Column[model.Object] {
	return Column[model.Object]{
		Name: "WATCHES", Doc: doc, Flex: true,
		Key: func(v *View, o *model.Object) Key {
			if d, ok := o.Detail.(any).(*D); ok {
				if _, n, known := show(v, d); known {
					return IntKey(n)
				}
			}
			return Key{}
		},
		Text: func(v *View, o *model.Object) Cell {
			if d, ok := o.Detail.(any).(*D); ok {
				if text, _, known := show(v, d); known {
					return Cell{Text: text}
				}
			}
			return Cell{Unknown, Dim}
		},
	}
}

// epollWatches counts what an epoll watches, by kind: 3 (2 tcp, 1 eventfd).
func epollWatches(v *View, d *model.EpollDetail) (string, int, bool) {
	if d.Watches == nil {
		return "", 0, false
	}
	var kinds []string
	count := map[string]int{}
	for i := range d.Watches {
		kind, _, ok := strings.Cut(d.Watches[i].Object, ":")
		if !ok {
			kind = "other"
		}
		if count[kind] == 0 {
			kinds = append(kinds, kind)
		}
		count[kind]++
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return count[b] - count[a] })
	for i, k := range kinds {
		kinds[i] = strconv.Itoa(count[k]) + " " + v.escape(k)
	}
	text := strconv.Itoa(len(d.Watches))
	if len(kinds) > 0 {
		text += " (" + strings.Join(kinds, ", ") + ")"
	}
	return text, len(d.Watches), true
}

// maxWatched is the largest number of paths that are listed.
const maxWatched = 3

func inotifyWatches(v *View, d *model.InotifyDetail) (string, int, bool) {
	paths := make([]string, len(d.Watches))
	for i := range d.Watches {
		paths[i] = d.Watches[i].Path
	}
	return firstOf(v, paths, maxWatched), len(paths), d.Watches != nil
}

func fanotifyWatches(v *View, d *model.FanotifyDetail) (string, int, bool) {
	paths := make([]string, len(d.Watches))
	for i := range d.Watches {
		if paths[i] = d.Watches[i].Path; paths[i] == "" {
			paths[i] = d.Watches[i].Type
		}
	}
	return firstOf(v, paths, maxWatched), len(paths), d.Watches != nil
}

// pidfdProcess returns the process to which a pidfd refers.
func pidfdProcess(v *View, o *model.Object) Cell {
	d, ok := o.Detail.(*model.PidfdDetail)
	switch {
	case !ok:
		return Cell{}
	case d.Ended.Or(false):
		return Cell{"ended", Dim}
	case !d.PID.Known():
		return Cell{Unknown, Dim}
	}
	c := Cell{Text: v.named(v.nameOf(d.PID.Or(0), d.Comm), d.PID.Or(0))}
	if tid, ok := d.TID.Get(); ok && tid != d.PID.Or(0) {
		c.Text += " thread " + model.PIDNumber(tid)
	}
	return c
}

var (
	eventfdColumns = append(objectColumns{
		idColumn,
		unsure(narrow(textColumn("COUNT", "its counter", detail(func(d *model.EventfdDetail) string {
			if n, ok := d.Count.Get(); ok {
				return strconv.FormatUint(uint64(n), 10)
			}
			return ""
		})))),
		narrow(textColumn("MODE", "semaphore: each read takes one", detail(func(d *model.EventfdDetail) string {
			if d.Semaphore.Or(false) {
				return "semaphore"
			}
			return ""
		}))),
		talkColumn,
	}, commonWide...)

	epollColumns = append(objectColumns{idColumn, watchesColumn("what it watches, by kind", epollWatches), talkColumn}, commonWide...)

	signalfdColumns = append(objectColumns{
		idColumn, unsure(textColumn("SIGNALS", "the signals it takes", detail(func(d *model.SignalfdDetail) string { return shortSignals(d.Signals) }))), talkColumn,
	}, commonWide...)

	timerfdColumns = append(objectColumns{
		idColumn,
		spanColumn("IN", "time until it expires; blank: it is not armed", detail(func(d *model.TimerfdDetail) optInt { return d.Remaining })),
		spanColumn("EVERY", "its interval; blank: it expires once", detail(func(d *model.TimerfdDetail) optInt { return d.Interval })),
		intColumn("TICKS", "expirations not yet read", detail(func(d *model.TimerfdDetail) optInt { return d.Ticks })),
		unsure(narrow(textColumn("CLOCK", "the clock it goes by", detail(func(d *model.TimerfdDetail) string { return d.Clock })))),
		talkColumn,
	}, commonWide...)

	inotifyColumns = append(objectColumns{idColumn, watchesColumn("how many files it watches, and the first", inotifyWatches), talkColumn}, commonWide...)

	fanotifyColumns = append(objectColumns{
		idColumn, unsure(narrow(textColumn("CLASS", "notif, content or pre-content", detail(func(d *model.FanotifyDetail) string { return d.Class })))),
		watchesColumn("how many places it watches, and the first", fanotifyWatches), talkColumn,
	}, commonWide...)

	pidfdColumns = append(objectColumns{idColumn, {Name: "PROCESS", Doc: "the process it is for", Flex: true, Text: pidfdProcess}, talkColumn}, commonWide...)

	ioUringColumns = append(objectColumns{
		idColumn,
		fillPair("SUBMITTED", "submissions that wait, of how many may",
			detail(func(d *model.IOUringDetail) optInt { return d.SQPending }), detail(func(d *model.IOUringDetail) optInt { return d.SQEntries }), count, "FULL"),
		fillPair("COMPLETED", "completions not yet taken, of how many may",
			detail(func(d *model.IOUringDetail) optInt { return d.CQPending }), detail(func(d *model.IOUringDetail) optInt { return d.CQEntries }), count, "FULL"),
		intColumn("FILES", "registered files", detail(func(d *model.IOUringDetail) optInt { return d.RegisteredFiles })),
		talkColumn,
	}, commonWide...)

	userfaultfdColumns = append(objectColumns{
		idColumn,
		intColumn("PENDING", "faults not yet read", detail(func(d *model.UserfaultfdDetail) optInt { return d.Pending })),
		intColumn("UNRESOLVED", "faults that threads wait for", detail(func(d *model.UserfaultfdDetail) optInt { return d.Total })),
		talkColumn,
	}, commonWide...)
	bpfMapColumns = append(objectColumns{
		idColumn,
		unsure(narrow(textColumn("TYPE", "hash, array, ringbuf …", detail(func(d *model.BPFMapDetail) string { return d.MapType })))),
		intColumn("MAX ENTRIES", "how many entries it may have; of a ring buffer its size in bytes", detail(func(d *model.BPFMapDetail) optInt { return d.MaxEntries })),
		sizeColumn("MEMORY", "memory that it takes, as the kernel estimates it", detail(func(d *model.BPFMapDetail) optInt { return d.Memory })),
		talkColumn,
	}, commonWide...)
)
