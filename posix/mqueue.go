package posix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// queues has queues by the device of their namespace's mqueue file system and
// their inode.
var queues = &probe.KeySpace{
	Name:    "posix-mq",
	OfInode: func(dev, ino uint64) (scope, num uint64, ok bool) { return dev, ino, true },
}

// mqueueMagic is MQUEUE_MAGIC of ipc/mqueue.c, the file system type that statfs(2) returns.
const mqueueMagic = 0x19800202

// mqueueSize is the size of every file of an mqueue file system, no matter what
// is in the queue (FILENT_SIZE of ipc/mqueue.c).
const mqueueSize = 80

// Mq reads POSIX message queues.
func Mq() probe.Probe {
	return probe.Probe{
		Name:   string(model.PosixMq),
		Scope:  "ipc",
		FD:     queueFD,
		Table:  queueTable,
		Limits: queueLimits,
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			nameRegistered(ctx, idx, out)
			askUnlisted(ctx, idx, out)
			countQueues(idx)
			if !idx.Scan.WaitsOnly() {
				limitQueueBytes(idx, out)
			}
		},
	}
}

// queueFD claims descriptors of queues. Their path, "/name", could belong to any
// file, so the file is asked: first with stat, which costs nothing more as other
// probes need it too, then for its file system.
func queueFD(fd *probe.FD, out *probe.Collector) bool {
	if fd.Link[0] != '/' || bytes.HasPrefix(fd.Link, []byte("/dev/")) && !bytes.HasPrefix(fd.Link, []byte("/dev/mqueue/")) {
		return false
	}
	if on, known := fd.On(mqueueMagic); known && !on {
		return false
	}
	st, err := fd.Stat()
	if errors.Is(err, proc.ErrForeign) && len(fd.Link) > 1 && bytes.LastIndexByte(fd.Link, '/') == 0 {
		// A queue's path does not show its file system. If the root directory is on a
		// foreign file system, queues look like files in it.
		fd.Gap("posix-mq", "stat", err)
	}
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Dev_major != 0 || st.Size != mqueueSize || st.Blocks != 0 {
		return false // a file that cannot be asked is left to the probes that read files
	}
	if !onMqueue(fd) {
		return false
	}
	k := probe.Key{Space: queues, Scope: proc.Dev(st.Dev_major, st.Dev_minor), Num: st.Ino}
	h := fd.Holder()
	h.Access = fd.Access()
	out.AddHolder(k, h)
	// A queue that was unlinked is in no table: more cannot be known about it.
	name, deleted := fd.Link, st.Nlink == 0
	if deleted {
		name = bytes.TrimSuffix(name, []byte(" (deleted)"))
	}
	o := object(k, queueName(name), st.Uid, st.Gid, uint32(st.Mode))
	o.Deleted = deleted
	out.Object(k, o)
	return true
}

// queueName returns the name of a queue from the path of its file; the mount
// point of the file system does not matter.
func queueName(path []byte) string { return string(path[bytes.LastIndexByte(path, '/'):]) }

// onMqueue reports whether a descriptor's file is on an mqueue file system. It
// asks through an O_PATH descriptor, which does not open the file.
func onMqueue(fd *probe.FD) bool {
	name := "fd/" + strconv.Itoa(int(fd.Num))
	if fd.TID != 0 {
		name = "task/" + strconv.Itoa(int(fd.TID)) + "/" + name
	}
	path, err := fd.Proc.Dir.OpenFile(name, unix.O_PATH)
	if err != nil {
		return false
	}
	defer unix.Close(path)
	var fs unix.Statfs_t
	return unix.Fstatfs(path, &fs) == nil && fs.Type == mqueueMagic
}

func object(k probe.Key, name string, uid, gid, mode uint32) *model.Object {
	dev := proc.DevString(k.Scope)
	return &model.Object{
		ID: "posix-mq:" + dev + ":" + strconv.FormatUint(k.Num, 10), Kind: model.PosixMq, Name: name, Dev: dev,
		Ino: model.Big(k.Num), UID: model.Some(int(uid)), GID: model.Some(int(gid)), Mode: fmt.Sprintf("%04o", mode&0o7777),
		Detail: new(model.PosixMqDetail),
	}
}

// nameRegistered adds the command names of processes that are registered for a
// notification: the table does not have them.
func nameRegistered(_ context.Context, idx *probe.Index, _ *probe.Collector) {
	for _, e := range idx.In(queues) {
		for i := range e.Holders {
			if p := idx.Processes[e.Holders[i].PID]; p != nil && e.Holders[i].Comm == "" {
				e.Holders[i].Comm = p.Comm
			}
		}
	}
}
