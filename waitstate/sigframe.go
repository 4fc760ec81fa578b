package waitstate

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// contended is the smallest value of a futex word that is locked and has waiters, used by
// glibc's internal locks and mutexes; other locks use higher ones.
const contended = 2

// maxHandlerStack is how many bytes of a thread's stack are searched for the frame of a signal
// handler.
const maxHandlerStack = 16 << 10

// inHandler returns the signal whose handler a thread is running while it waits at a lock
// word; "" if none, or if that is not known. The kernel blocks a signal while its handler runs
// (sigaction(2)), so only the stacks of threads that block a caught signal are
// read.
func (v *visit) inHandler(t *thread, line *syscallLine) string {
	p := v.proc.Model
	if len(t.futexes) != 1 || t.timed || p.Signals == nil {
		return ""
	}
	if w := &t.futexes[0].wait; w.Call != pthread.PI && (w.Call != pthread.Plain || w.Value < contended) {
		return ""
	}
	blocked := p.Signals.Blocked
	for i := range p.ThreadList {
		if own := &p.ThreadList[i]; own.TID == t.tid && own.Signals != nil {
			blocked = own.Signals.Blocked
		}
	}
	caught := signalMask(p.Signals.Caught)
	mask := signalMask(blocked)
	if mask&caught == 0 {
		return ""
	}
	signal, found := handlerFrame.find(v.stack(t.tid, line.sp), line.sp, mask, caught)
	switch {
	case !found:
		return ""
	case signal == 0:
		return unknownSignal
	}
	return model.SignalName(signal)
}

// unknownSignal stands for the signal of a handler if it could be one of several.
const unknownSignal = "unknown"

// signalMask returns a set of signals in the kernel's form: bit n-1 is signal n.
func signalMask(names []string) (mask uint64) {
	for _, name := range names {
		if n, err := model.SignalNumber(name); err == nil && n >= 1 && n <= model.MaxSignal {
			mask |= 1 << (n - 1)
		}
	}
	return mask
}

// stack reads a thread's stack from sp on, as far as its pages are present.
func (v *visit) stack(tid int, sp uint64) []byte {
	var stack []byte
	for addr := sp; len(stack) < maxHandlerStack; {
		n := pageSize - addr%pageSize
		b, err := v.mem.read(tid, addr, int(n))
		if err != nil {
			break
		}
		stack = append(stack, b...)
		addr += n
	}
	return stack
}
