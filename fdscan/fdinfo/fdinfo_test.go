package fdinfo

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

func TestEachField(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "[]"},
		{"pos:\t0\nflags:\t02\n", "[pos=0 flags=02]"},
		{"flags:\t02", "[flags=02]"}, // cut off
		{"a line without one\nkey:\n:value\n", "[key= =value]"},
		{"lock:\t1: FLOCK  ADVISORY  WRITE 7 fe:00:1 0 EOF\n", "[lock=1: FLOCK  ADVISORY  WRITE 7 fe:00:1 0 EOF]"},
	} {
		got := []string{}
		if err := EachField([]byte(tt.text), func(key string, value []byte) error {
			got = append(got, key+"="+string(value))
			return nil
		}); err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%q: %v, %v", tt.text, got, err)
		}
	}
}

// A malformed line costs only itself, and the error quotes it, however long it is.
func TestEachFieldKeepsTheGoodLines(t *testing.T) {
	var got []int64
	bad := "b:" + strings.Repeat("x", 1000)
	err := EachField([]byte("a:1\n"+bad+"\nc:3\nd:y\ne:z\nf:6\n"), func(_ string, value []byte) error {
		n, err := Decimal(value)
		if err == nil {
			got = append(got, n)
		}
		return err
	})
	if !slices.Equal(got, []int64{1, 3, 6}) {
		t.Errorf("%v", got)
	}
	if !errors.Is(err, proc.ErrMalformed) || !strings.Contains(err.Error(), "and 2 lines more") || len(err.Error()) > 300 {
		t.Errorf("%v", err)
	}
	if err := new(BadLines).Err(); err != nil {
		t.Errorf("without a bad line: %v", err)
	}
}

func TestEachWord(t *testing.T) {
	got := ""
	err := EachWord([]byte("tfd:        3 inotify wd:14  ino:98404d empty: a:b:c"), func(key string, value []byte) error {
		got += key + "=" + string(value) + ";"
		return nil
	})
	if err != nil || got != "tfd=;wd=14;ino=98404d;empty=;a=b:c;" {
		t.Errorf("%q, %v", got, err)
	}
	stop, n := errors.New("stop"), 0
	if err := EachWord([]byte("a:1 b:2"), func(string, []byte) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("%v after %d words", err, n)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int64{"10": 10, "-1": -1, "9223372036854775807": math.MaxInt64} {
		if n, err := Decimal([]byte(text)); err != nil || n != want {
			t.Errorf("decimal %q: %d, %v", text, n, err)
		}
	}
	for text, want := range map[string]uint64{"10": 16, "14": 20, "fe00000": 0xfe00000, "ffffffffffffffff": math.MaxUint64} {
		if n, err := Hexadecimal([]byte(text)); err != nil || n != want {
			t.Errorf("hexadecimal %q: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", " 1", "0x1", "1e", "9223372036854775808"} {
		if n, err := Decimal([]byte(text)); err == nil {
			t.Errorf("decimal %q: %d", text, n)
		}
	}
	for _, text := range []string{"", "-1", "0x1", "g", "10000000000000000"} {
		if n, err := Hexadecimal([]byte(text)); err == nil {
			t.Errorf("hexadecimal %q: %d", text, n)
		}
	}
}

func TestSuperDev(t *testing.T) {
	for sdev, want := range map[uint64]uint64{0: 0, 0xf: proc.Dev(0, 15), 0xfe00000: proc.Dev(254, 0), 0xfffff: proc.Dev(0, 1<<20-1), 0x100000: proc.Dev(1, 0)} {
		if got := SuperDev(sdev); got != want {
			t.Errorf("%#x: %#x, want %#x", sdev, got, want)
		}
	}
}

func TestFlagNames(t *testing.T) {
	names := FlagNames{{1, "A"}, {6, "BC"}, {2, "B"}, {1 << 63, "TOP"}}
	for mask, want := range map[uint64]string{0: "[]", 1: "[A]", 2: "[B]", 4: "[0x4]", 7: "[A BC]", 1<<63 | 0x30: "[TOP 0x30]"} {
		if got := fmt.Sprint(names.List(mask)); got != want {
			t.Errorf("%#x: %s, want %s", mask, got, want)
		}
	}
}

// The kernel prints a descriptor's offset in decimal and its flags in octal.
func TestFieldsOfAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(12345, 0); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()))
	if err != nil {
		t.Skip(err)
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = EachField(text, func(key string, value []byte) error {
		switch key {
		case "pos":
			seen++
			if n, err := Decimal(value); err != nil || n != 12345 {
				t.Errorf("pos %d, %v", n, err)
			}
		case "flags":
			seen++
			var n int
			if _, err := fmt.Sscanf(string(value), "%o", &n); err != nil || n&^unix.O_CLOEXEC != flags {
				t.Errorf("flags %q, want %o", value, flags)
			}
		}
		return nil
	})
	if err != nil || seen != 2 {
		t.Errorf("%d fields, %v: %q", seen, err, text)
	}
}
