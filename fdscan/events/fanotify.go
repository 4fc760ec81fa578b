package events

import (
	"bytes"
	"context"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

var fanotifyClass = newAnonClass(model.Fanotify, false)

// Fanotify reads file system watches. Watches of mounts and file systems get
// the path of their mount from the process's mountinfo; watches of files get
// the path that [placeWatches] finds.
func Fanotify() probe.Probe {
	return probe.Probe{
		Name: "fanotify",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if string(fd.Link) != "anon_inode:[fanotify]" {
				return false
			}
			if _, o, ok := fanotifyClass.read(fd, out, parseFanotify); ok {
				for i := range o.Detail.(*model.FanotifyDetail).Watches {
					placeMark(&o.Detail.(*model.FanotifyDetail).Watches[i], fd.Proc)
				}
			}
			return true
		},
		Complete: func(ctx context.Context, idx *probe.Index, _ *probe.Collector) {
			placeWatches(ctx, idx, fanotifyClass, func(d model.Detail) (list []watched) {
				w := d.(*model.FanotifyDetail).Watches
				for i := range w {
					if k, ok := watchedKey(w[i].Dev, w[i].Ino); ok && w[i].Type == markInode {
						list = append(list, watched{k, &w[i].Path})
					}
				}
				return list
			})
		},
	}
}

// placeMark sets the mount point of a mark.
func placeMark(w *model.FanotifyWatch, p *probe.Proc) {
	if w.Type != markMount && w.Type != markFilesystem {
		return
	}
	for _, m := range p.Mounts() {
		id, ok := w.MountID.Get()
		if ok && m.ID == uint64(id) || w.Type == markFilesystem && m.Root == "/" && proc.DevString(m.Dev) == w.Dev {
			w.Path = m.Point
			return
		}
	}
}

// The types of a mark.
const (
	markInode          = "inode"
	markMount          = "mount"
	markFilesystem     = "filesystem"
	markMountNamespace = "mount-namespace"
)

// fanotifyFlags are the FAN_ bits of fanotify_init(2), except the class.
var fanotifyFlags = fdinfo.FlagNames{
	{0x1, "FAN_CLOEXEC"},
	{0x2, "FAN_NONBLOCK"},
	{0x10, "FAN_UNLIMITED_QUEUE"},
	{0x20, "FAN_UNLIMITED_MARKS"},
	{0x40, "FAN_ENABLE_AUDIT"},
	{0x80, "FAN_REPORT_PIDFD"},
	{0x100, "FAN_REPORT_TID"},
	{0x200, "FAN_REPORT_FID"},
	{0x400, "FAN_REPORT_DIR_FID"},
	{0x800, "FAN_REPORT_NAME"},
	{0x1000, "FAN_REPORT_TARGET_FID"},
	{0x2000, "FAN_REPORT_FD_ERROR"},
	{0x4000, "FAN_REPORT_MNT"},
}

const fanotifyClassMask = 0xc

var fanotifyClasses = map[uint64]string{0: "notif", 4: "content", 8: "pre-content"}

// fanotifyEvents are the FAN_ bits of a mark (linux/fanotify.h).
var fanotifyEvents = fdinfo.FlagNames{
	{0x1, "FAN_ACCESS"},
	{0x2, "FAN_MODIFY"},
	{0x4, "FAN_ATTRIB"},
	{0x8, "FAN_CLOSE_WRITE"},
	{0x10, "FAN_CLOSE_NOWRITE"},
	{0x20, "FAN_OPEN"},
	{0x40, "FAN_MOVED_FROM"},
	{0x80, "FAN_MOVED_TO"},
	{0x100, "FAN_CREATE"},
	{0x200, "FAN_DELETE"},
	{0x400, "FAN_DELETE_SELF"},
	{0x800, "FAN_MOVE_SELF"},
	{0x1000, "FAN_OPEN_EXEC"},
	{0x4000, "FAN_Q_OVERFLOW"},
	{0x8000, "FAN_FS_ERROR"},
	{0x10000, "FAN_OPEN_PERM"},
	{0x20000, "FAN_ACCESS_PERM"},
	{0x40000, "FAN_OPEN_EXEC_PERM"},
	{0x100000, "FAN_PRE_ACCESS"},
	{0x1000000, "FAN_MNT_ATTACH"},
	{0x2000000, "FAN_MNT_DETACH"},
	{0x8000000, "FAN_EVENT_ON_CHILD"},
	{0x10000000, "FAN_RENAME"},
	{0x40000000, "FAN_ONDIR"},
}

// parseFanotify reads the /proc/PID/fdinfo text of a fanotify group (3.8; file
// system marks 4.20, mount namespace marks 6.14): a line for the group and one
// for each mark.
func parseFanotify(text []byte) (model.Detail, error) {
	d := new(model.FanotifyDetail)
	if text == nil {
		return d, nil
	}
	d.Watches = []model.FanotifyWatch{}
	var bad fdinfo.BadLines
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("fanotify "))
		if !ok {
			continue
		}
		if bytes.HasPrefix(rest, []byte("flags:")) {
			if err := parseFanotifyGroup(rest, d); err != nil {
				bad.Add(line, err)
			}
			continue
		}
		w, err := parseFanotifyMark(rest)
		if err != nil {
			bad.Add(line, err)
			continue
		}
		d.Watches = append(d.Watches, w)
	}
	return d, bad.Err()
}

// parseFanotifyGroup reads "flags:0 event-flags:8000".
func parseFanotifyGroup(line []byte, d *model.FanotifyDetail) error {
	return fdinfo.EachWord(line, func(key string, v []byte) error {
		if key != "flags" {
			return nil
		}
		n, err := fdinfo.Hexadecimal(v)
		if err != nil {
			return err
		}
		d.Class = fanotifyClasses[n&fanotifyClassMask]
		d.Flags = fanotifyFlags.List(n &^ fanotifyClassMask)
		return nil
	})
}

// parseFanotifyMark reads "ino:98a090 sdev:fe00000 mflags:0 mask:8000020 …",
// "mnt_id:1b …", "sdev:1b …" or "mnt_ns:f0000000 …". All numbers are
// hexadecimal.
func parseFanotifyMark(line []byte) (w model.FanotifyWatch, err error) {
	err = fdinfo.EachWord(line, func(key string, v []byte) error {
		switch key {
		case "ino", "sdev", "mnt_id", "mnt_ns", "mask", "ignored_mask":
		default:
			return nil
		}
		n, err := fdinfo.Hexadecimal(v)
		if err != nil {
			return err
		}
		switch key {
		case "ino":
			w.Type, w.Ino = markInode, model.Big(n)
		case "sdev":
			if w.Type == "" {
				w.Type = markFilesystem
			}
			w.Dev = proc.DevString(fdinfo.SuperDev(n))
		case "mnt_id":
			w.Type, w.MountID = markMount, model.Some(int(n))
		case "mnt_ns":
			w.Type, w.Ino = markMountNamespace, model.Big(n)
		case "mask":
			w.Events = fanotifyEvents.List(n)
		case "ignored_mask":
			if n != 0 {
				w.Ignored = fanotifyEvents.List(n)
			}
		}
		return nil
	})
	return w, err
}
