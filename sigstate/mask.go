package sigstate

import (
	"fmt"
	"math/bits"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ipctop/ipctop/proc"
)

// Mask is a set of signals as the kernel writes it: bit n-1 is signal n.
type Mask uint64

// Has reports whether signal n is in the mask.
func (m Mask) Has(n int) bool { return n >= 1 && n <= Max && m>>(n-1)&1 != 0 }

// ParseMask reads a mask as /proc/PID/status prints it, 16 hexadecimal digits.
func ParseMask(b []byte) (Mask, error) {
	if len(b) == 0 || len(b) > 16 {
		return 0, fmt.Errorf("signal mask: %w: %q", proc.ErrMalformed, clip(b))
	}
	var m Mask
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, fmt.Errorf("signal mask: %w: %q", proc.ErrMalformed, clip(b))
		}
		m = m<<4 | Mask(c)
	}
	return m, nil
}

// String is the mask as the kernel prints it.
func (m Mask) String() string {
	s := strconv.FormatUint(uint64(m), 16)
	return "0000000000000000"[len(s):] + s
}

// decoded caches the names of each mask: a machine has thousands of processes
// and a few dozen masks. Programs can use any number of masks, so the cache is
// bounded; when it is full, other masks are decoded every time.
var (
	decoded      sync.Map // Mask → []string
	decodedCount atomic.Int32
)

const maxDecoded = 4096

var none = []string{}

// Names lists the signals of the mask, by number. It is never nil. The list is
// shared: it must not be changed.
func (m Mask) Names() []string {
	if m == 0 {
		return none
	}
	if list, ok := decoded.Load(m); ok {
		return list.([]string)
	}
	list := make([]string, 0, bits.OnesCount64(uint64(m)))
	for rest := uint64(m); rest != 0; rest &= rest - 1 {
		list = append(list, Name(bits.TrailingZeros64(rest)+1))
	}
	if decodedCount.Load() < maxDecoded {
		if _, there := decoded.LoadOrStore(m, list); !there {
			decodedCount.Add(1)
		}
	}
	return list
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }
