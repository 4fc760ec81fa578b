package sysv

import (
	"context"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// segments is the table of shared memory segments of each IPC namespace.
var segments = &probe.KeySpace{Name: "sysv-shm", ByMapping: true}

var shmMechanism = &mechanism{
	kind: model.SysvShm, space: segments, listing: shmListing, call: "shmctl", file: "shm",
	words: map[string]column{
		"key": colKey, "shmid": colID, "perms": colMode, "size": colBytes, "cpid": colCreatorPID, "lpid": colLastPID,
		"nattch": colAttached, "uid": colUID, "gid": colGID, "cuid": colCreatorUID, "atime": colAttachTime, "dtime": colDetachTime,
		"ctime": colChanged, "rss": colRSS, "swap": colSwap,
	},
	pids: []column{colCreatorPID, colLastPID},
}

// shmDest in a segment's mode: the segment was removed and exists as long as it
// is attached (include/linux/shm.h). From then on its key is IPC_PRIVATE.
const shmDest = 0o1000

// Shm reads System V shared memory segments and who has them attached.
func Shm() probe.Probe {
	return probe.Probe{
		Name:     string(model.SysvShm),
		Scope:    "ipc",
		Table:    shmTable,
		Mapping:  attachmentMapping,
		Limits:   shmLimits,
		Complete: completeSegments,
	}
}

func shmTable(_ context.Context, ns probe.NS, out *probe.Collector) error {
	records, err := shmMechanism.records(ns, out)
	if err != nil {
		return err
	}
	addMemory(records, ns, out)
	for i := range records {
		out.Object(shmMechanism.keyOf(ns, records[i].id()), segment(&records[i], ns))
	}
	return nil
}

// addMemory adds how much of each segment is in memory and in swap. Only the
// text has these numbers per segment.
func addMemory(records []record, ns probe.NS, out *probe.Collector) {
	if len(records) == 0 || records[0].opt(colRSS).Known() {
		return
	}
	text, err := shmMechanism.text(ns, out)
	if err != nil {
		out.Fail("read rss and swap", ns.Scan.ProcRoot+"/sysvipc/shm", err)
		return
	}
	mergeMemory(records, text)
}

func mergeMemory(records, text []record) {
	byID := make(map[int]*record, len(text))
	for i := range text {
		byID[text[i].id()] = &text[i]
	}
	for i := range records {
		t := byID[records[i].id()]
		if t == nil {
			continue // removed meanwhile
		}
		for _, c := range []column{colRSS, colSwap} {
			if v, ok := t.opt(c).Get(); ok {
				records[i].set(c, v)
			}
		}
	}
}

func segment(r *record, ns probe.NS) *model.Object {
	d := &model.SysvShmDetail{
		Key: r.key(), CreatorUID: r.num(colCreatorUID), Size: r.opt(colBytes), Attached: r.opt(colAttached), CreatorPID: r.num(colCreatorPID),
		LastPID: r.num(colLastPID), RSS: r.opt(colRSS), Swap: r.opt(colSwap), AttachTime: r.time(colAttachTime),
		DetachTime: r.time(colDetachTime), ChangeTime: r.time(colChanged),
	}
	o := r.object(ns, model.SysvShm, d)
	if v, ok := r.opt(colMode).Get(); ok {
		removed := v&shmDest != 0
		d.MarkedForRemoval = model.Some(removed)
		if o.Deleted = removed; removed && o.Name == private {
			o.Name = "" // it may have had a key, which an attachment may still show
		}
	}
	return o
}
