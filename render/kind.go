package render

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// objectColumns is the list of columns of a table of objects.
type objectColumns = []Column[model.Object]

// kindColumns are the columns of each kind.
var kindColumns = map[model.Kind]objectColumns{
	model.Pipe:    pipeColumns,
	model.FIFO:    fifoColumns,
	model.Unix:    unixColumns,
	model.TCP:     inetColumns,
	model.UDP:     inetColumns,
	model.Raw:     inetColumns,
	model.ICMP:    inetColumns,
	model.Packet:  packetColumns,
	model.Netlink: netlinkColumns,
	model.Vsock:   vsockColumns,
	model.Socket:  socketColumns,
	model.SysvMsg: sysvMsgColumns,
	model.SysvSem: sysvSemColumns,
	model.SysvShm: sysvShmColumns,

	model.PosixMq:  posixMqColumns,
	model.PosixSem: posixSemColumns,
	model.PosixShm: shmColumns,
	model.ShmAnon:  shmColumns,
	model.Memfd:    shmColumns,
	model.File:     fileColumns,
	model.Pty:      ptyColumns,
	model.Futex:    futexColumns,
	model.BPFMap:   bpfMapColumns,

	model.Eventfd:     eventfdColumns,
	model.Epoll:       epollColumns,
	model.Signalfd:    signalfdColumns,
	model.Timerfd:     timerfdColumns,
	model.Inotify:     inotifyColumns,
	model.Fanotify:    fanotifyColumns,
	model.Pidfd:       pidfdColumns,
	model.IOUring:     ioUringColumns,
	model.Userfaultfd: userfaultfdColumns,
}

// ColumnsOf returns the columns of a kind's table. The caller must not change the list.
func ColumnsOf(k model.Kind) []Column[model.Object] {
	if c, ok := kindColumns[k]; ok {
		return c
	}
	return otherColumns
}

// The columns any object may have.
var (
	idColumn   = narrow(textColumn("ID", "kernel identity; what REF accepts", func(o *model.Object) string { return o.ID }))
	kindColumn = narrow(textColumn("KIND", "the mechanism", func(o *model.Object) string { return string(o.Kind) }))
	nameColumn = Column[model.Object]{
		Name: "NAME", Doc: "path, key, address or other name; says if the name was removed", Flex: true,
		Key: func(_ *View, o *model.Object) Key { return TextKey(o.Name) },
		Text: func(v *View, o *model.Object) Cell {
			c := Cell{Text: v.escape(o.Name)}
			if o.Deleted {
				return Cell{strings.TrimSpace(c.Text + " (deleted)"), Notice}
			}
			return c
		},
	}
	talkColumn = Column[model.Object]{
		Name: "PEERS", Doc: "who communicates with whom through it, or who shares it", Flex: true,
		Text: func(v *View, o *model.Object) Cell { return v.Talk(o) },
	}
	uidColumn = Column[model.Object]{
		Name: "UID", Doc: "owner", Right: true,
		Key:  func(_ *View, o *model.Object) Key { return OptKey(o.UID) },
		Text: func(v *View, o *model.Object) Cell { return v.cell(OptKey(o.UID)) },
	}
	modeColumn    = narrow(textColumn("MODE", "permission bits", func(o *model.Object) string { return o.Mode }))
	holdersColumn = Column[model.Object]{
		Name: "HOLDERS", Doc: "number of holders; + if there may be hidden ones", Right: true,
		Key: func(_ *View, o *model.Object) Key { return IntKey(len(o.Holders)) },
		Text: func(_ *View, o *model.Object) Cell {
			text := strconv.Itoa(len(o.Holders))
			if !o.HoldersComplete {
				text += "+"
			}
			return Cell{Text: text}
		},
	}
	fillColumn = Column[model.Object]{
		Name: "FILL", Doc: "how full it is", Right: true,
		Key: func(_ *View, o *model.Object) Key {
			if r, ok := o.Fill.Get(); ok {
				return Key{kind: keyReal, real: float64(r)}
			}
			return Key{}
		},
		Text: func(_ *View, o *model.Object) Cell {
			r, ok := o.Fill.Get()
			switch {
			case !ok: // most objects have no limit
				return Cell{}
			case r >= 1:
				return Cell{"FULL", Alarm}
			}
			return Cell{Text: strconv.Itoa(int(r*100)) + "%"}
		},
	}
	nsColumn = Column[model.Object]{
		Name: "NS", Doc: "namespace it belongs to, if not ipctop's own",
		Key: func(_ *View, o *model.Object) Key {
			if o.Namespace == nil {
				return Key{}
			}
			return TextKey(o.Namespace.Type + ":" + strconv.FormatUint(o.Namespace.Inode, 10))
		},
		Text: func(v *View, o *model.Object) Cell {
			if n := o.Namespace; n == nil {
				return Cell{}
			} else if v.snap.OwnNamespace(n.Type, n.Inode) {
				return Cell{"own", Dim}
			}
			return Cell{Text: v.escape(o.Namespace.Type + ":" + strconv.FormatUint(model.NamespaceNumber(o.Namespace.Inode), 10))}
		},
	}
	peersColumn = Column[model.Object]{
		Name: "ENDS", Doc: "ids of the objects at the other end; ? if inferred", Flex: true,
		Text: func(v *View, o *model.Object) Cell {
			text := ""
			for i, p := range o.Peers {
				if i > 0 {
					text += " "
				}
				text += v.escape(p.ID)
				if p.Confidence != model.Certain {
					text += "?"
				}
			}
			return Cell{Text: text}
		},
	}
	pidsColumn = Column[model.Object]{
		Name: "PIDS", Doc: "processes that hold it", Flex: true,
		Text: func(v *View, o *model.Object) Cell {
			text, last := "", int32(0)
			for i := range o.Holders {
				if pid := o.Holders[i].PID; pid != last {
					text += " " + v.snap.PIDRef(int(pid))
					last = pid
				}
			}
			return Cell{Text: strings.TrimPrefix(text, " ")}
		},
	}
	genColumn = textColumn("GEN", "distinguishes an object from an older one with the same number", func(o *model.Object) string { return o.Gen })

	// commonColumns can be selected for any kind.
	commonColumns = objectColumns{
		idColumn, kindColumn, nameColumn, talkColumn, fillColumn, holdersColumn, pidsColumn, peersColumn, uidColumn, modeColumn, nsColumn, genColumn, rateOfColumn,
	}
	// otherColumns are the columns of a kind that only a later version knows.
	otherColumns = append(objectColumns{idColumn, nameColumn, talkColumn}, commonWide...)
	// commonWide are the last columns of every kind's wide table.
	commonWide = objectColumns{wide(holdersColumn), wide(nsColumn)}
)

// FillCell says how full an object is.
func FillCell(o *model.Object) Cell { return fillColumn.Text(nil, o) }

// detail makes a column's getter from a getter of its kind's detail; for objects without a
// detail the value is unknown.
func detail[D any, V any](get func(*D) V) func(*model.Object) V {
	return func(o *model.Object) V {
		if d, ok := o.Detail.(any).(*D); ok {
			return get(d)
		}
		var unknown V
		return unknown
	}
}

// fillPair shows used/limit, and the word full, such as FULL, if the limit is reached.
func fillPair(name, doc string, used, limit func(*model.Object) model.Opt[int64], format func(int64) string, full string) Column[model.Object] {
	return Column[model.Object]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, o *model.Object) Key { return OptKey(used(o)) },
		Text: func(_ *View, o *model.Object) Cell {
			u, ok := used(o).Get()
			m, bounded := limit(o).Get()
			switch {
			case !ok:
				return Cell{Unknown, Dim}
			case !bounded:
				return Cell{Text: format(u)}
			}
			c := Cell{Text: format(u) + "/" + format(m)}
			if m > 0 && u >= m {
				c = Cell{c.Text + " " + full, Alarm}
			}
			return c
		},
	}
}
