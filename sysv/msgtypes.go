package sysv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// MessageTypes reads the types and sizes of the messages in the queues that the user wants
// to see in detail. It reads each message with MSG_COPY (msgop(2)), which takes nothing from
// the queue and leaves no trace in it, and drops the content at once.
//
// It needs read permission on the queue, ipctop's own IPC namespace, and a kernel with
// CONFIG_CHECKPOINT_RESTORE.
func MessageTypes() probe.Probe {
	return probe.Probe{
		Name: string(model.SysvMsg),
		Detail: func(ctx context.Context, idx *probe.Index, _ []*model.Process, out *probe.Collector) error {
			for _, e := range idx.OfKind(model.SysvMsg) {
				if idx.Wanted(e) && ctx.Err() == nil {
					addTypes(idx, e, out)
				}
			}
			return nil
		},
	}
}

// maxPeeked is how many messages are read: for each one the kernel walks the queue from
// its beginning, with the queue locked.
const maxPeeked = 1000

func addTypes(idx *probe.Index, e *probe.Entry, out *probe.Collector) {
	gap := func(reason model.Reason, detail string) {
		out.Gap(model.Gap{Reason: reason, Object: e.Object.ID, Op: "msgrcv MSG_COPY", Detail: detail})
	}
	id, ok := e.Object.SysvID.Get()
	detail, ok2 := e.Object.Detail.(*model.SysvMsgDetail)
	switch ns := e.Object.Namespace; {
	case !ok || !ok2:
		return
	case ns == nil || ns.Inode != idx.Scan.Own["ipc"]:
		gap(model.Unsupported, "types of messages in another IPC namespace: enter it (nsenter --ipc)")
		return
	case msgListing == nil:
		gap(model.Unsupported, errNoStructs.Error())
		return
	}
	types, looked, err := messageTypes(id)
	switch {
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIDRM):
		return // removed meanwhile
	case errors.Is(err, unix.ENOSYS):
		gap(model.Unsupported, "types of messages: the kernel has no MSG_COPY (CONFIG_CHECKPOINT_RESTORE)")
		return
	case err != nil:
		gap(proc.ReasonOf(err), fmt.Sprintf("types of messages: %v", err))
		return
	case looked == maxPeeked:
		gap(model.Truncated, fmt.Sprintf("types of messages: the first %d were looked at", looked))
	}
	d := *detail // the detail may be shared with an earlier snapshot
	d.Types = types
	e.OwnObject().Detail = &d
}

// messageTypes reads the messages of a queue, one after the other. If messages come and
// go meanwhile, some may be skipped or seen twice.
func messageTypes(id int) (types []model.MessageType, looked int, err error) {
	byType := map[int64]*model.MessageType{}
	buf := make([]uint64, 512)
	for looked < maxPeeked {
		n, errno := peek(id, looked, buf)
		if errno == unix.E2BIG && len(buf) < maxMessage/8 {
			buf = make([]uint64, 4*len(buf))
			continue
		}
		if errno == unix.ENOMSG {
			break
		}
		if errno != 0 {
			return nil, looked, errno
		}
		looked++
		t := byType[int64(buf[0])]
		if t == nil {
			t = &model.MessageType{Type: model.Big(buf[0])}
			byType[int64(buf[0])] = t
		}
		t.Messages++
		t.Bytes += int64(n)
		t.Largest = max(t.Largest, int64(n))
		clear(buf) // do not keep the content
	}
	types = make([]model.MessageType, 0, len(byType))
	for _, t := range byType {
		types = append(types, *t)
	}
	slices.SortFunc(types, func(a, b model.MessageType) int { return cmp.Compare(a.Type, b.Type) })
	return types, looked, nil
}

// maxMessage is the size of the largest message that is read, in bytes; the kernel
// allows messages up to kernel.msgmax, 8192 by default.
const maxMessage = 64 << 20

// msgCopy is MSG_COPY of linux/msg.h: it copies the message at an index, which stays in the queue.
const msgCopy = 0o40000

// peek copies the message at an index of a queue to buf: its type, one word, and then its
// content; n is the content's size.
func peek(id, index int, buf []uint64) (n int, errno unix.Errno) {
	r, _, errno := unix.Syscall6(unix.SYS_MSGRCV, uintptr(id), uintptr(unsafe.Pointer(&buf[0])), uintptr(8*(len(buf)-1)), uintptr(index), unix.IPC_NOWAIT|msgCopy, 0)
	return int(r), errno
}
