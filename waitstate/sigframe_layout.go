package waitstate

import (
	"encoding/binary"
	"math/bits"
)

// frameLayout says at which offsets a struct rt_sigframe, which the kernel pushes before it
// calls a handler, has the fields by which it is recognised: a struct ucontext with the
// registers and the signal mask of the interrupted code, and a siginfo, which is filled in only
// for handlers that ask for it (SA_SIGINFO).
type frameLayout struct {
	align  uint64 // of the address where it starts
	flags  int    // uc_flags
	most   uint64 // … and its greatest value
	link   int    // uc_link, 0
	sp     int    // the interrupted code's stack pointer
	mask   int    // the signals that it blocked
	signal int    // si_signo, 32 bits
	mark   int    // a constant that every frame has; see marked
	marked uint64
	size   int // of the part that is read
}

// The frames of the architectures: arch/x86/include/asm/sigframe.h, where the return
// address comes first and cs and ss mark a 64-bit program; arch/arm64/kernel/signal.c,
// where the siginfo comes first and the first record after the general registers is that
// of the floating-point registers: FPSIMD_MAGIC and its size.
var (
	amd64Frame = frameLayout{align: 8, flags: 8, most: 7, link: 16, sp: 168, mask: 304, signal: 312, mark: 192, marked: 0x002b_0000_0000_0033, size: 316}
	arm64Frame = frameLayout{align: 16, flags: 128, most: 0, link: 136, sp: 560, mask: 168, signal: 0, mark: 592, marked: 0x0210_4650_8001, size: 600}
)

// find searches a stack, whose lowest address is sp, for the frame of the running handler,
// and returns its signal; 0 if it may be one of several. While a handler runs, the thread
// blocks what the interrupted code blocked, the signal itself, and maybe more. The remains
// of an earlier handler's frame do not fit that.
func (l *frameLayout) find(stack []byte, sp, blocked, caught uint64) (signal int, found bool) {
	if l == nil {
		return 0, false
	}
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(stack[at:]) }
	for at := int(-sp & (l.align - 1)); at+l.size <= len(stack); at += int(l.align) {
		if word(at+l.mark) != l.marked || word(at+l.flags) > l.most || word(at+l.link) != 0 || word(at+l.sp) == 0 {
			continue
		}
		before := word(at + l.mask)
		since := blocked &^ before & caught
		if before&^blocked != 0 || since == 0 {
			continue
		}
		if n := binary.LittleEndian.Uint32(stack[at+l.signal:]); n >= 1 && n <= 64 && since>>(n-1)&1 != 0 {
			return int(n), true
		}
		if bits.OnesCount64(since) == 1 {
			return bits.TrailingZeros64(since) + 1, true
		}
		return 0, true
	}
	return 0, false
}
