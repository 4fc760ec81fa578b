package fdinfo

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/proc"
)

// BadLines collects the malformed lines of a kernel file. Each one costs only
// itself.
type BadLines struct {
	first error
	more  int
}

func (b *BadLines) Add(line []byte, err error) {
	if b.first != nil {
		b.more++
		return
	}
	const enough = 120
	var number *strconv.NumError // it quotes the text, however long that is
	if errors.As(err, &number) {
		err = number.Err
	}
	b.first = fmt.Errorf("fdinfo: %w: line %q: %v", proc.ErrMalformed, line[:min(len(line), enough)], err)
}

func (b *BadLines) Err() error {
	if b.more == 0 {
		return b.first
	}
	return fmt.Errorf("%w (and %d lines more)", b.first, b.more)
}

// EachField calls f for the lines "key: value" of a /proc/PID/fdinfo file. f
// ignores the keys that it does not know.
func EachField(text []byte, f func(key string, value []byte) error) error {
	var bad BadLines
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\n")
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		if err := f(string(key), bytes.TrimSpace(value)); err != nil {
			bad.Add(line, err)
		}
	}
	return bad.Err()
}

// EachWord calls f for the words "key:value" of a line.
func EachWord(line []byte, f func(key string, value []byte) error) error {
	for word := range bytes.FieldsSeq(line) {
		key, value, ok := bytes.Cut(word, []byte(":"))
		if !ok {
			continue
		}
		if err := f(string(key), value); err != nil {
			return err
		}
	}
	return nil
}

func Decimal(b []byte) (int64, error) { return strconv.ParseInt(string(b), 10, 64) }

func Hexadecimal(b []byte) (uint64, error) { return strconv.ParseUint(string(b), 16, 64) }

// SuperDev unpacks a super block's device as fdinfo prints it, in the kernel's
// own encoding: the minor number in the low 20 bits.
func SuperDev(sdev uint64) uint64 { return proc.Dev(uint32(sdev>>20), uint32(sdev&(1<<20-1))) }

// FlagNames names the bits of a mask. Bits without a name come last, in
// hexadecimal.
type FlagNames []struct {
	Bit  uint64
	Name string
}

func (f FlagNames) List(mask uint64) []string {
	names := []string{}
	for _, n := range f {
		if mask&n.Bit == n.Bit {
			names = append(names, n.Name)
			mask &^= n.Bit
		}
	}
	if mask != 0 {
		names = append(names, "0x"+strconv.FormatUint(mask, 16))
	}
	return names
}
