package waitstate

import "encoding/binary"

// parseAuxv tells whether a program is a 32-bit one by its auxiliary vector
// (getauxval(3), proc_pid_auxv(5)), which is made of pairs of words: it holds the
// size of an ELF program header. known is false if it does not, as for a process
// without memory of its own.
//
// The program file itself would tell, too, but opening it can take for ever and
// leaves a trace.
func parseAuxv(b []byte) (is32, known bool) {
	const programHeaderSize, size32, size64 = 4 /* AT_PHENT */, 32, 56
	order := binary.NativeEndian
	for i := 0; i+16 <= len(b); i += 16 {
		if order.Uint64(b[i:]) == programHeaderSize && order.Uint64(b[i+8:]) == size64 {
			return false, true
		}
	}
	for i := 0; i+8 <= len(b); i += 8 {
		if order.Uint32(b[i:]) == programHeaderSize && order.Uint32(b[i+4:]) == size32 {
			return true, true
		}
	}
	return false, false
}
