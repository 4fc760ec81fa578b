package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Big is a number that can exceed 2^53 and is therefore a string of decimal
// digits in JSON. Zero means unknown: inode 0 does not exist.
type Big uint64

// String is the number in decimal.
func (b Big) String() string { return strconv.FormatUint(uint64(b), 10) }

// Addr is an address in a process: a hexadecimal string in JSON. Zero means
// unknown: nothing is mapped there.
type Addr uint64

// String is the address in hexadecimal with 0x.
func (a Addr) String() string { return "0x" + strconv.FormatUint(uint64(a), 16) }

// Ratio is a share of a whole. JSON shows four decimals.
type Ratio float64

// NewRatio returns used/limit. It is unknown if either number is unknown or the limit is
// not positive. It may exceed 1: a listener accepts one connection more than its
// backlog.
func NewRatio(used, limit Opt[int64]) Opt[Ratio] {
	u, ok1 := used.Get()
	m, ok2 := limit.Get()
	if !ok1 || !ok2 || m <= 0 {
		return Opt[Ratio]{}
	}
	return Some(Ratio(float64(u) / float64(m)))
}

// OFD names an open file description (open(2)) after its lowest holder.
type OFD struct {
	PID int32
	FD  int32
}

// String is PID.FD.
func (o OFD) String() string { return fmt.Sprintf("%d.%d", o.PID, o.FD) }

// IsZero reports whether the description is unknown or not shared.
func (o OFD) IsZero() bool { return o.PID == 0 }

// ParseOFD reads PID.FD.
func ParseOFD(s string) (OFD, error) {
	pid, fd, ok := strings.Cut(s, ".")
	p, err1 := strconv.ParseInt(pid, 10, 32)
	f, err2 := strconv.ParseInt(fd, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return OFD{}, fmt.Errorf("%q is not PID.FD", s)
	}
	return OFD{PID: int32(p), FD: int32(f)}, nil
}
