package record

import "hash/crc32"

// sum is the checksum of some bytes. The sums of two adjacent pieces can be combined; see [sum.then].
type sum struct {
	crc   uint32
	shift uint32 // the factor for the checksum of the bytes before
	size  int64  // bytes
}

// noSum is the sum of no bytes.
var noSum = sum{shift: polynomialOne}

// A CRC is the remainder of a polynomial over GF(2), with the lowest power in the highest
// bit, divided by this one (RFC 3720 appendix B.4: CRC-32C). If n bytes follow some bytes, the
// CRC of all is the CRC of the first ones, times x^8n, plus the CRC of the n bytes.
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

// shifts are the factors x^8n for each n below 1024, manyShifts those for the multiples of 1024
// bytes.
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

// shiftOf returns the factor x^8n.
func shiftOf(n int) uint32 {
	shift := shifts[n%len(shifts)]
	for n /= len(shifts); n > 0; n -= len(manyShifts) - 1 {
		shift = multiply(shift, manyShifts[min(n, len(manyShifts)-1)])
	}
	return shift
}

// then returns the sum of the bytes of s followed by those of next.
func (s sum) then(next sum) sum {
	return sum{multiply(s.crc, next.shift) ^ next.crc, multiply(s.shift, next.shift), s.size + next.size}
}

// lineSum is the sum of a line, in a smaller form because there are many lines.
type lineSum struct {
	crc  uint32
	size uint32
}

func lineSumOf(line []byte) lineSum { return lineSum{checksum(line), uint32(len(line))} }

func (l lineSum) sum() sum { return sum{l.crc, shiftOf(int(l.size)), int64(l.size)} }
