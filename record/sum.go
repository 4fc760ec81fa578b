package record

import "hash/crc32"

// sum is the checksum of some bytes, made so that the sum of what follows can be added.
type sum struct {
	crc   uint32
	shift uint32 // what the checksum of what is before is multiplied by
	size  int64  // bytes
}

// noSum is the sum of nothing.
var noSum = sum{shift: polynomialOne}

// A CRC is the remainder of a polynomial over GF(2), with the lowest power in the highest
// bit, by this one (RFC 3720 appendix B.4: CRC-32C). That of bytes followed by n others is that
// of the first, times x^8n, plus that of the others.
const (
	polynomial    = crc32.Castagnoli
	polynomialOne = 1 << 31
)

// multiply multiplies two remainders.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		b = b>>1 ^ polynomial&-(b&1)
	}
	return product
}

// shifts are what n bytes multiply by, for each n below so many, and for so many of those.
var shifts, manyShifts = func() (few, many [1 << 10]uint32) {
	fill := func(list []uint32, by uint32) uint32 {
		at := uint32(polynomialOne)
		for n := range list {
			list[n] = at
			at = multiply(at, by)
		}
		return at
	}
	const x8 = 1 << (31 - 8)
	fill(many[:], fill(few[:], x8))
	return few, many
}()

// shiftOf is what n bytes multiply by.
func shiftOf(n int) uint32 {
	shift := shifts[n%len(shifts)]
	for n /= len(shifts); n > 0; n -= len(manyShifts) - 1 {
		shift = multiply(shift, manyShifts[min(n, len(manyShifts)-1)])
	}
	return shift
}

// then is the sum of what s is of, followed by what next is of.
func (s sum) then(next sum) sum {
	return sum{multiply(s.crc, next.shift) ^ next.crc, multiply(s.shift, next.shift), s.size + next.size}
}

// lineSum is the sum of a line, of which there are many.
type lineSum struct {
	crc  uint32
	size uint32
}

func lineSumOf(line []byte) lineSum { return lineSum{checksum(line), uint32(len(line))} }

func (l lineSum) sum() sum { return sum{l.crc, shiftOf(int(l.size)), int64(l.size)} }
