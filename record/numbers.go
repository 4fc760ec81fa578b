package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// In most lines that change, only numbers change: ages, counters, queues. These are
// stored as differences. All ages grow by the time between the samples, so the
// difference from that time is stored for them.

// maxDigits keeps sums and differences within 63 bits.
const maxDigits = 18

const maxNumber = 1_000_000_000_000_000_000

// number returns the value of a run of digits, if the run can be restored from the
// value.
func number(run []byte) (int64, bool) {
	if len(run) > maxDigits || len(run) > 1 && run[0] == '0' {
		return 0, false
	}
	n := int64(0)
	for _, c := range run {
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits returns the number of digits at the beginning of b.
func digits(b []byte) int {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

// appendNumbers appends how line differs from old, if they differ only in numbers: how
// many numbers differ, and for each the count of unchanged numbers before it and its
// difference. shift is the time between the samples in ns.
func appendNumbers(b []byte, old, line []byte, shift int64) ([]byte, bool) {
	begin := len(b)
	b = append(b, 0) // one byte for the count: in most lines few numbers change
	count, skipped := uint64(0), uint64(0)
	i, j := 0, 0
	for i < len(old) && j < len(line) {
		if c := old[i]; c == line[j] && !isDigit(c) {
			i, j = i+1, j+1
			continue
		}
		n, m := digits(old[i:]), digits(line[j:])
		if n == 0 || m == 0 {
			return b[:begin], false
		}
		if bytes.Equal(old[i:i+n], line[j:j+m]) {
			skipped++
		} else {
			was, ok1 := number(old[i : i+n])
			is, ok2 := number(line[j : j+m])
			if !ok1 || !ok2 {
				return b[:begin], false
			}
			b = appendDifference(binary.AppendUvarint(b, skipped), is-was, shift)
			count++
			skipped = 0
		}
		i, j = i+n, j+m
	}
	if i < len(old) || j < len(line) {
		return b[:begin], false
	}
	var room [binary.MaxVarintLen64]byte
	return slices.Replace(b, begin, begin+1, binary.AppendUvarint(room[:0], count)...), true
}

// appendDifference appends d, or its difference from shift if that is smaller.
func appendDifference(b []byte, d, shift int64) []byte {
	code := zigzag(d) << 1
	if near := zigzag(d - shift); near < zigzag(d) {
		code = near<<1 | 1
	}
	return binary.AppendUvarint(b, code)
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

var errDelta = errors.New("it does not fit the sample before")

// appendNumbered appends old with the changes that appendNumbers wrote to dst.
func (d *deltaReader) appendNumbered(dst, old []byte) []byte {
	for count := d.uvarint(); count > 0 && d.err == nil; count-- {
		skip := d.uvarint()
		code := d.uvarint()
		for d.err == nil {
			for len(old) > 0 && !isDigit(old[0]) {
				dst, old = append(dst, old[0]), old[1:]
			}
			n := digits(old)
			if n == 0 {
				d.err = errDelta
				break
			}
			if skip > 0 {
				skip--
				dst, old = append(dst, old[:n]...), old[n:]
				continue
			}
			was, ok := number(old[:n])
			is := unzigzag(code >> 1)
			if code&1 != 0 {
				is += d.shift
			}
			is += was
			if !ok || is < 0 || is >= maxNumber {
				d.err = errDelta
				break
			}
			dst, old = strconv.AppendInt(dst, is, 10), old[n:]
			break
		}
	}
	return append(dst, old...)
}
