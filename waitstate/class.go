package waitstate

import "encoding/binary"

// parseAuxv reports whether a program is a 32-bit one. Its auxiliary vector
// (getauxval(3), proc_pid_auxv(5)) consists of pairs of words and contains the size
// of an ELF program header. known is false if that is missing, as for a process
// without memory of its own.
//
// The program file itself would show it, too, but to open it can block for ever and
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
