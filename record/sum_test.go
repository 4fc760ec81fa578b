package record

import (
	"math/rand/v2"
	"testing"
)

// TestSum: the combined sum of two pieces is that of the whole, wherever the bytes are split.
func TestSum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 7, 1023, 1024, 1025, 5000, 1 << 20, 3<<20 + 5} {
		all := make([]byte, size)
		for i := range all {
			all[i] = byte(random.Uint32())
		}
		s, n := noSum, 0
		for rest := all; len(rest) > 0; {
			n = min(len(rest), 1+random.IntN(1+len(rest)/2))
			s = s.then(lineSumOf(rest[:n]).sum())
			rest = rest[n:]
		}
		if s.crc != checksum(all) || s.size != int64(size) {
			t.Errorf("%d bytes: %x of %d, want %x", size, s.crc, s.size, checksum(all))
		}
	}
}
