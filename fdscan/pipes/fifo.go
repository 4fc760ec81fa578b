package pipes

import (
	"context"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// FIFOSpace has FIFOs by the device of their file system and their inode: FIFOs of
// two file systems can have the same inode number.
var FIFOSpace = &probe.KeySpace{
	Name:    "fifo",
	OfInode: func(dev, ino uint64) (scope, num uint64, ok bool) { return dev, ino, true },
}

// FIFO reads named pipes. Only the file type distinguishes a FIFO from any
// other file with a path, so each path is asked for it. It is never opened, as
// that would wake processes that wait for the other end.
func FIFO() probe.Probe { return fifo(new(helperCache)) }

func fifo(helper *helperCache) probe.Probe {
	memory := pipeMemory{helper: helper}
	return probe.Probe{
		Name: "fifo",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if fd.Link[0] != '/' || proc.IsCommonDevice(fd.Link) {
				return false
			}
			mode, err := fd.Type()
			if err == nil && mode != unix.S_IFIFO {
				return false
			}
			st, err := fd.Stat()
			if err != nil {
				if !errors.Is(err, proc.ErrForeign) {
					fd.Gap("fifo", "stat", err)
				}
				return false
			}
			if st.Mode&unix.S_IFMT != unix.S_IFIFO {
				return false
			}
			k := probe.Key{Space: FIFOSpace, Scope: proc.Dev(st.Dev_major, st.Dev_minor), Num: st.Ino}
			h := fd.Holder()
			h.Access = fd.Access()
			out.AddHolder(k, h)
			out.Object(k, fifoObject(k, string(fd.Link), st))
			return true
		},
		Close: helper.close,
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			completePipes(ctx, idx, FIFOSpace, &memory, out)
			reportUnasked(idx, out)
		},
	}
}

// reportUnasked emits how many files may be FIFOs but were not asked, because a program
// serves their file system (fuse(4)) and might not answer.
func reportUnasked(idx *probe.Index, out *probe.Collector) {
	devices := idx.Scan.FUSEDevices()
	if len(devices) == 0 {
		return
	}
	n := 0
	for _, e := range idx.Unclaimed(probe.Files) {
		if devices[e.Key.Scope] {
			n++
		}
	}
	if n > 0 {
		out.Gap(model.Gap{
			Reason: model.Unsupported, Op: "stat", Count: n,
			Detail: "open files on FUSE file systems: their servers are not asked, so FIFOs among them are unknown",
		})
	}
}

func fifoObject(k probe.Key, link string, st *unix.Statx_t) *model.Object {
	path, deleted := link, false
	if st.Nlink == 0 {
		path, deleted = trimDeleted(link), true
	}
	dev := proc.DevString(k.Scope)
	return &model.Object{
		ID: "fifo:" + dev + ":" + strconv.FormatUint(k.Num, 10), Kind: model.FIFO, Name: path, Path: path, Deleted: deleted,
		Dev: dev, Ino: model.Big(k.Num), UID: model.Some(int(st.Uid)), GID: model.Some(int(st.Gid)),
		Mode: probe.Octal(uint32(st.Mode)), Detail: new(model.PipeDetail),
	}
}

// trimDeleted removes the suffix that the kernel appends to the path of an
// unlinked file. A file's own name may end so, too: only the link count tells.
func trimDeleted(path string) string {
	if n := len(path) - len(proc.DeletedSuffix); n > 0 && path[n:] == proc.DeletedSuffix {
		return path[:n]
	}
	return path
}
