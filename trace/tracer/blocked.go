package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/waitstate"
)

// onDescriptors are the calls whose first argument is a descriptor of what they wait for.
var onDescriptors = map[string]bool{
	"read": true, "readv": true, "recvfrom": true, "recvmsg": true, "recvmmsg": true, "write": true, "writev": true, "sendto": true,
	"sendmsg": true, "sendmmsg": true, "accept": true, "accept4": true, "connect": true, "mq_timedsend": true, "mq_timedreceive": true,
	"flock": true, "fcntl": true, "splice": true, "tee": true, "vmsplice": true,
}

// onSystemV are the calls whose first argument is the id of a System V object.
var onSystemV = map[string]model.Kind{
	"semop": model.SysvSem, "semtimedop": model.SysvSem, "msgrcv": model.SysvMsg, "msgsnd": model.SysvMsg,
}

// blocked makes an event of a wait that has ended.
func (n *names) blocked(b *bpf.Blocked) *trace.Event {
	e := &trace.Event{Type: "event", Time: b.Time, Event: trace.BlockedEvent, Target: n.party(&b.Who)}
	call := waitstate.CallName
	if b.Call32 {
		call = waitstate.CallName32
	}
	e.Blocked = &trace.Blocked{Call: call(b.Call), For: b.Slept, WokenBy: wokenBy(b.By)}
	if (b.By == bpf.WokenByThread || b.By == bpf.WokenLater) && !b.Waker.Kernel {
		e.Sender = n.party(&b.Waker)
	}
	switch kind := onSystemV[e.Call]; {
	case kind != "" && b.IPC == n.ipc:
		e.Object = fmt.Sprintf("%s:%d", kind, int32(b.Args[0]))
	case kind != "":
		e.Object = fmt.Sprintf("%s:%d@%d", kind, int32(b.Args[0]), b.IPC)
	case onDescriptors[e.Call]:
		e.Object = objectOf(&b.File)
	}
	return e
}

// ended makes an event of a process that ended; nil if its end was reported already.
func (n *names) ended(x *bpf.Exit) *trace.Event {
	who := n.party(&x.Who)
	if k := n.known[who.PID]; k != nil { // kernel threads are not in it
		if k.ended {
			return nil // two of its threads ended at the same time
		}
		k.ended = true
	}
	e := &trace.Event{Type: "event", Time: x.Time, Event: trace.ExitEvent, Target: who}
	e.Exit = &trace.Exit{Age: x.Lived}
	status := unix.WaitStatus(x.Code)
	if status.Exited() {
		e.Result = model.Some(status.ExitStatus())
	} else {
		e.Killed, e.Core = model.SignalName(int(status.Signal())), status.CoreDump()
	}
	return e
}
