package posix

import (
	"unsafe"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

const queuesMax = "fs.mqueue.queues_max"

// queueLimits emits the bounds of an IPC namespace; [countQueues] adds how much
// of them is used.
func queueLimits(ns probe.NS, out *probe.Collector) {
	var unknown model.Opt[int64]
	scope := ns.LimitScope()
	ns.Scan.SysctlLimit(out, model.PosixMq, queuesMax, "queues", scope, unknown)
	ns.Scan.SysctlLimit(out, model.PosixMq, "fs.mqueue.msg_max", "messages per queue", scope, unknown)
	ns.Scan.SysctlLimit(out, model.PosixMq, "fs.mqueue.msgsize_max", "bytes per message", scope, unknown)
}

// countQueues sets how many queues each namespace has. The kernel also counts
// queues that were unlinked and are still open. No list has these: they are
// counted in their holder's namespace.
func countQueues(idx *probe.Index) {
	listed, unlinked := map[uint64]int64{}, map[uint64]int64{}
	for _, e := range idx.In(queues) {
		if ns := e.Object.Namespace; ns != nil {
			listed[ns.Inode]++
		} else if e.Object.Deleted {
			unlinked[homeOf(idx, e)]++
		}
	}
	for _, l := range idx.Limits(queuesMax) {
		if l.Scope == nil || !idx.TableRead(string(model.PosixMq), l.Scope.NS) {
			continue
		}
		ns := l.Scope.NS
		l.Used = model.Some(listed[ns] + unlinked[ns])
		l.Estimated = idx.Hidden() || unlinked[ns] > 0
	}
}

// homeOf returns the IPC namespace of a holder of the queue, 0 if none is
// known.
func homeOf(idx *probe.Index, e *probe.Entry) uint64 {
	for i := range e.Holders {
		if p := idx.Processes[e.Holders[i].PID]; p != nil && p.Namespaces["ipc"] != 0 {
			return p.Namespaces["ipc"]
		}
	}
	return 0
}

// limitQueueBytes emits how much of RLIMIT_MSGQUEUE each user with queues has
// used. Queues count for the user who made them, in all namespaces together;
// the file's owner is assumed to be that user. If the size of a queue is
// unknown, the sum of its user is unknown.
func limitQueueBytes(idx *probe.Index, out *probe.Collector) {
	used := map[int]model.Opt[int64]{}
	for _, e := range idx.In(queues) {
		uid, ok := e.Object.UID.Get()
		d, ok2 := e.Object.Detail.(*model.PosixMqDetail)
		if !ok || !ok2 {
			continue
		}
		sum, seen := used[uid]
		if !seen {
			sum = model.Some[int64](0)
		}
		size, ok1 := queueBytes(d).Get()
		if before, ok := sum.Get(); ok && ok1 {
			sum = model.Some(before + size)
		} else {
			sum = model.Opt[int64]{}
		}
		used[uid] = sum
	}
	if len(used) == 0 {
		return
	}
	bounded := map[int]bool{}
	for _, p := range idx.Processes {
		uid, ok := p.UID.Get()
		sum, owner := used[uid]
		if !ok || !owner || p.Kernel {
			continue
		}
		n, err := idx.Scan.Rlimit(p, proc.LimitMsgQueue)
		if err != nil {
			if !proc.Gone(err) {
				out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: p.PID, Op: "read limit", Detail: err.Error()})
			}
			continue
		}
		bounded[uid] = true
		emitQueueBytes(out, uid, sum, probe.NewLimit(model.PosixMq, proc.LimitMsgQueue.Name, "bytes", n))
	}
	for uid, sum := range used { // queues outlive the processes of their user
		if !bounded[uid] {
			emitQueueBytes(out, uid, sum, model.Limit{Name: proc.LimitMsgQueue.Name, Kind: model.PosixMq, Unit: "bytes"})
		}
	}
}

func emitQueueBytes(out *probe.Collector, uid int, sum model.Opt[int64], l model.Limit) {
	l.Scope, l.Used, l.Estimated = &model.LimitScope{UID: model.Some(uid)}, sum, sum.Known()
	out.Limit(l)
}

// queueBytes is the size that the kernel counts for a queue (getrlimit(2)): room
// for the maximum number of messages, a header for each, and a tree node for
// each possible priority. Both structures have six words.
func queueBytes(d *model.PosixMqDetail) model.Opt[int64] {
	n, ok1 := d.MaxMessages.Get()
	size, ok2 := d.MessageSize.Get()
	if !ok1 || !ok2 {
		return model.Opt[int64]{}
	}
	const priorities = 32768 // MQ_PRIO_MAX
	const words = 6 * int64(unsafe.Sizeof(uintptr(0)))
	return model.Some(n*words + min(n, priorities)*words + n*size)
}
