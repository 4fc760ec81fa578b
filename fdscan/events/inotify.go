package events

import (
	"bytes"
	"context"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

var inotifyClass = newAnonClass(model.Inotify, false)

// Inotify reads file watches. Its link's text has no brackets.
func Inotify() probe.Probe {
	p := anonProbe(inotifyClass, "anon_inode:inotify", parseInotify)
	p.Complete = func(ctx context.Context, idx *probe.Index, _ *probe.Collector) {
		placeWatches(ctx, idx, inotifyClass, func(d model.Detail) (list []watched) {
			w := d.(*model.InotifyDetail).Watches
			for i := range w {
				if k, ok := watchedKey(w[i].Dev, w[i].Ino); ok {
					list = append(list, watched{k, &w[i].Path})
				}
			}
			return list
		})
	}
	return p
}

// inotifyEvents are the IN_ bits (linux/inotify.h).
var inotifyEvents = fdinfo.FlagNames{
	{0x1, "IN_ACCESS"},
	{0x2, "IN_MODIFY"},
	{0x4, "IN_ATTRIB"},
	{0x8, "IN_CLOSE_WRITE"},
	{0x10, "IN_CLOSE_NOWRITE"},
	{0x20, "IN_OPEN"},
	{0x40, "IN_MOVED_FROM"},
	{0x80, "IN_MOVED_TO"},
	{0x100, "IN_CREATE"},
	{0x200, "IN_DELETE"},
	{0x400, "IN_DELETE_SELF"},
	{0x800, "IN_MOVE_SELF"},
	{0x2000, "IN_UNMOUNT"},
	{0x4000, "IN_Q_OVERFLOW"},
	{0x8000, "IN_IGNORED"},
	{0x4000000, "IN_EXCL_UNLINK"},
	{0x80000000, "IN_ONESHOT"},
}

// parseInotify reads the /proc/PID/fdinfo text of an inotify instance (3.8),
// which has a line for each watch.
func parseInotify(text []byte) (model.Detail, error) {
	d := new(model.InotifyDetail)
	if text == nil {
		return d, nil
	}
	d.Watches = []model.InotifyWatch{}
	var bad fdinfo.BadLines
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("inotify "))
		if !ok {
			continue
		}
		w, err := parseInotifyLine(rest)
		if err != nil {
			bad.Add(line, err)
			continue
		}
		d.Watches = append(d.Watches, w)
	}
	return d, bad.Err()
}

// parseInotifyLine reads "wd:1f ino:98404d sdev:fe00000 mask:100 …". All numbers
// are hexadecimal.
func parseInotifyLine(line []byte) (w model.InotifyWatch, err error) {
	err = fdinfo.EachWord(line, func(key string, v []byte) error {
		if key != "wd" && key != "ino" && key != "sdev" && key != "mask" {
			return nil
		}
		n, err := fdinfo.Hexadecimal(v)
		switch key {
		case "wd":
			w.WD = model.Some(int(n))
		case "ino":
			w.Ino = model.Big(n)
		case "sdev":
			w.Dev = proc.DevString(fdinfo.SuperDev(n))
		case "mask":
			w.Events = inotifyEvents.List(n)
		}
		return err
	})
	return w, err
}
