package bpf

import "encoding/binary"

// fields reads numbers from a record, one after the other.
type fields struct {
	rest []byte
}

func (f *fields) u32() uint32 {
	n := binary.LittleEndian.Uint32(f.rest)
	f.rest = f.rest[4:]
	return n
}

func (f *fields) u64() uint64 {
	n := binary.LittleEndian.Uint64(f.rest)
	f.rest = f.rest[8:]
	return n
}

func (f *fields) int() int { return int(int32(f.u32())) }

// bytes reads the next n bytes; they are valid as long as the record is.
func (f *fields) bytes(n int) []byte {
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

// dev reads a device number in the kernel's form (include/linux/kdev_t.h).
func (f *fields) dev() (major, minor uint32) {
	dev := f.u32()
	return dev >> 20, dev & (1<<20 - 1)
}
