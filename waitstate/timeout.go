package waitstate

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// Units of the second word of a time in memory.
const (
	timespecUnit = 1
	timevalUnit  = 1000
)

const (
	clockRealtime  = unix.CLOCK_REALTIME
	clockMonotonic = unix.CLOCK_MONOTONIC
)

// limit records a relative time limit that is stored in memory; address 0 means no
// limit.
func (c *caller) limit(w *waiting, addr uint64, unit int64) {
	if addr == 0 {
		return
	}
	w.timed = true
	if d, ok := c.duration(addr, unit); ok {
		w.timeout = model.Some(int64(d))
	}
}

// deadline records an absolute time limit on a clock, which is stored in memory: how much of
// it is left.
func (c *caller) deadline(w *waiting, addr uint64, clock int) {
	if addr == 0 {
		return
	}
	w.timed = true
	d, ok := c.duration(addr, timespecUnit)
	var now unix.Timespec
	if ok && (clock == clockRealtime || clock == clockMonotonic) && unix.ClockGettime(int32(clock), &now) == nil {
		w.timeout, w.left = model.Some(max(0, int64(d)-now.Nano())), true
	}
}

// millis records a time limit in milliseconds; negative means no limit.
func (w *waiting) millis(arg uint64) {
	if ms := int32(arg); ms >= 0 {
		w.timed, w.timeout = true, model.Some(int64(ms)*int64(time.Millisecond))
	}
}

// duration reads a timespec or timeval.
func (c *caller) duration(addr uint64, unit int64) (time.Duration, bool) {
	if !c.narrow || c.time64 {
		b, err := c.mem.read(c.tid, addr, 16)
		if err != nil {
			return 0, false
		}
		return parseTime(b, unit)
	}
	b, err := c.mem.read(c.tid, addr, 8)
	if err != nil {
		return 0, false
	}
	ne := binary.NativeEndian
	wide := ne.AppendUint64(nil, signExtended(uint64(ne.Uint32(b))))
	return parseTime(ne.AppendUint64(wide, signExtended(uint64(ne.Uint32(b[4:])))), unit)
}

// signExtended extends a signed 32-bit number to 64 bits.
func signExtended(v uint64) uint64 { return uint64(int64(int32(v))) }

// parseTime parses two 64-bit words, seconds and their fraction. Times that are too long for
// the type mean for ever; the result is then the largest value of the type.
func parseTime(b []byte, unit int64) (time.Duration, bool) {
	if len(b) < 16 {
		return 0, false
	}
	sec, frac := int64(binary.NativeEndian.Uint64(b)), int64(binary.NativeEndian.Uint64(b[8:]))
	if sec < 0 || frac < 0 || frac >= int64(time.Second)/unit {
		return 0, false
	}
	const most = int64(1<<63-1) / int64(time.Second)
	if sec >= most {
		return 1<<63 - 1, true
	}
	return time.Duration(sec)*time.Second + time.Duration(frac*unit), true
}
