package waitstate

import (
	"bytes"
	"encoding/binary"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// Operations of futex(2).
const (
	opWait          = 0
	opLockPI        = 6
	opWaitBitset    = 9
	opWaitRequeuePI = 11
	opLockPI2       = 13

	futexPrivate  = 0x80
	futexRealtime = 0x100
	futexCommand  = ^uint64(futexPrivate | futexRealtime)
)

// futexWait is one word at which a thread waits.
type futexWait struct {
	addr uint64
	wait pthread.Wait
	read bool // the memory around the word could be read

	shared   bool // it is in shared memory, at this place:
	dev, ino uint64
	offset   uint64
	located  bool // whether shared is known

	ambiguous bool // dev and ino do not identify the memory
	word      *word
}

// decodeFutex reads futex(2), futex_wait(2) and futex_waitv(2); false if the operation does not
// wait.
func (c *caller) decodeFutex(w *waiting) bool {
	w.needs = model.NeedsLock
	l := c.line
	switch w.call {
	case "futex_waitv":
		c.decodeFutexWaitv(w)
		return true
	case "futex_wait": // address, value, mask, flags as in futex_waitv, absolute timeout, clock
		c.deadline(w, l.args[4], int(int32(l.args[5])))
		w.target.Address = model.Addr(l.args[0])
		w.futexes = []futexWait{{addr: l.args[0], wait: pthread.Wait{Call: pthread.Other, Value: uint32(l.args[1]), Private: l.args[3]&futexPrivate != 0}}}
		return true
	}
	f := futexWait{addr: l.args[0], wait: pthread.Wait{Private: l.args[1]&futexPrivate != 0, Value: uint32(l.args[2]), Narrow: c.narrow, Timed: l.args[3] != 0}}
	clock := clockMonotonic
	if l.args[1]&futexRealtime != 0 {
		clock = clockRealtime
	}
	switch uint32(l.args[1] & futexCommand) {
	case opWait:
		f.wait.Call = pthread.Plain
		c.limit(w, l.args[3], timespecUnit)
	case opWaitBitset:
		f.wait.Call = pthread.Bitset
		c.deadline(w, l.args[3], clock)
	case opLockPI:
		f.wait.Call = pthread.PI
		c.deadline(w, l.args[3], clockRealtime)
	case opLockPI2:
		f.wait.Call = pthread.PI
		c.deadline(w, l.args[3], clock)
	case opWaitRequeuePI:
		f.wait.Call = pthread.Other
		c.deadline(w, l.args[3], clock)
	default:
		return false
	}
	w.target.Address = model.Addr(f.addr)
	w.futexes = []futexWait{f}
	return true
}

// decodeFutexWaitv reads an array of struct futex_waitv: value u64, address u64,
// flags u32 (Linux 5.16). Any of them will do.
func (c *caller) decodeFutexWaitv(w *waiting) {
	const size, most = 24, 128
	l := c.line
	c.deadline(w, l.args[3], int(int32(l.args[4])))
	n := min(l.args[1], most)
	b, err := c.mem.read(c.tid, l.args[0], int(n)*size)
	w.partial = err != nil
	w.set = true
	for ; len(b) >= size; b = b[size:] {
		w.futexes = append(w.futexes, futexWait{
			addr: binary.NativeEndian.Uint64(b[8:]),
			wait: pthread.Wait{
				Call: pthread.Other, Value: binary.NativeEndian.Uint32(b), Private: binary.NativeEndian.Uint32(b[16:])&futexPrivate != 0,
			},
		})
	}
}

// place records in which memory the word is.
func (f *futexWait) place(m *probe.Mapping) {
	f.shared = len(m.Perms) == 4 && m.Perms[3] == 's'
	f.dev, f.ino, f.offset = m.Dev, m.Ino, m.Offset+f.addr-m.Start
	f.ambiguous = bytes.HasPrefix(m.Name, []byte("/SYSV"))
}

// locate finds the memory in which the word is, and reads the memory around it.
func (c *caller) locate(f *futexWait) error {
	if !f.wait.Private {
		m, err := c.proc.MappingAt(c.tid, f.addr)
		if err != nil {
			return err
		}
		f.place(&m)
	}
	f.located = true
	b, at, err := c.mem.around(c.tid, f.addr, pthread.Before, pthread.After)
	if err == nil {
		f.wait.Around, f.wait.At, f.read = b, at, true
	}
	return nil
}
