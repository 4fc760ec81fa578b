package waitstate

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

func TestParseTimers(t *testing.T) {
	two := "ID: 0\nsignal: 38/00007ffc\nnotify: signal/pid.42\nClockID: 1\nID: 7\nsignal: 14/0\nnotify: signal/pid.42\nClockID: 0\n"
	for text, want := range map[string]int{"": 0, two: 2} {
		if n, err := parseTimers([]byte(text)); n != want || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	if n, err := parseTimers([]byte("ID: x\n")); !errors.Is(err, proc.ErrMalformed) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestParseUnixAddress(t *testing.T) {
	address := func(family uint16, rest string) []byte {
		return append(binary.NativeEndian.AppendUint16(nil, family), rest...)
	}
	for _, tt := range []struct {
		b    []byte
		want string
	}{
		{address(unix.AF_UNIX, "/run/x.sock\x00junk"), "/run/x.sock"},
		{address(unix.AF_UNIX, "/run/x.sock"), "/run/x.sock"},
		{address(unix.AF_UNIX, "\x00name"), "@name"},
		{address(unix.AF_INET, "\x00\x50\x7f\x00\x00\x01"), ""},
		{address(unix.AF_UNIX, ""), ""},
		{nil, ""},
	} {
		if got := parseUnixAddress(tt.b); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.b, got, tt.want)
		}
	}
}

func FuzzParseTimers(f *testing.F) {
	f.Add([]byte("ID: 0\nsignal: 38/00007ffc\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := parseTimers(b); n > len(b)/5 || err != nil && n != 0 {
			t.Errorf("%d timers, %v", n, err)
		}
	})
}
