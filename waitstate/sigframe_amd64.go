package waitstate

import (
	"encoding/binary"
	"math/bits"
)

// A struct rt_sigframe, which the kernel pushes before it calls a handler
// (arch/x86/include/asm/sigframe.h): the return address, a struct ucontext with the
// registers and the mask of the interrupted code, and a siginfo, which is filled in
// only for handlers that ask for it (SA_SIGINFO).
const (
	frameFlags   = 8   // uc_flags, three bits
	frameLink    = 16  // uc_link, 0
	frameSP      = 168 // the interrupted code's stack pointer
	frameSegs    = 192 // its segments cs, gs, fs and ss
	frameMask    = 304 // the signals that it blocked
	frameSignal  = 312 // si_signo
	frameSize    = 316
	userSegments = 0x002b_0000_0000_0033 // cs and ss of 64-bit programs
)

// findHandlerFrame looks in a stack, of which sp is the lowest address, for the frame
// of the handler that runs, and tells its signal; 0 where it may be one of several.
// While a handler runs the thread blocks what the interrupted code blocked, the signal
// itself, and maybe more: what an earlier handler left behind does not fit.
func findHandlerFrame(stack []byte, sp, blocked, caught uint64) (signal int, found bool) {
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(stack[at:]) }
	for at := int(-sp & 7); at+frameSize <= len(stack); at += 8 {
		if word(at+frameSegs) != userSegments || word(at+frameFlags) > 7 || word(at+frameLink) != 0 || word(at+frameSP) == 0 {
			continue
		}
		before := word(at + frameMask)
		since := blocked &^ before & caught
		if before&^blocked != 0 || since == 0 {
			continue
		}
		if n := binary.LittleEndian.Uint32(stack[at+frameSignal:]); n >= 1 && n <= 64 && since>>(n-1)&1 != 0 {
			return int(n), true
		}
		if bits.OnesCount64(since) == 1 {
			return bits.TrailingZeros64(since) + 1, true
		}
		return 0, true
	}
	return 0, false
}
