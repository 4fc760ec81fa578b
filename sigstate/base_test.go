package sigstate

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestBaseOfNumbers gives the numbers of a status file values that would be different
// in another base: masks are hexadecimal, counts decimal.
func TestBaseOfNumbers(t *testing.T) {
	s, err := Parse([]byte("SigQ:\t16/255\nSigPnd:\t0000000000000010\nShdPnd:\t0000000080000000\nSigBlk:\t00000000000000ff\nSigIgn:\t0000000000000009\n" +
		"SigCgt:\tfffffffffffffeff\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		got  model.Opt[Mask]
		want Mask
	}{
		"pending": {s.Pending, 1 << 4}, "shared": {s.SharedPending, 1 << 31}, "blocked": {s.Blocked, 255}, "ignored": {s.Ignored, 9},
		"caught": {s.Caught, ^Mask(1 << 8)},
	} {
		if c.got != model.Some(c.want) {
			t.Errorf("%s: %+v, want %v", name, c.got, c.want)
		}
	}
	if s.Queued != model.Some[int64](16) || s.QueueLimit != model.Some[int64](255) {
		t.Errorf("queued %+v of %+v", s.Queued, s.QueueLimit)
	}
}
