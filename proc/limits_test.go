package proc

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestParseSysctl(t *testing.T) {
	for text, want := range map[string][]uint64{
		"32000\n":                      {32000},
		"32000\t1024000000\t500\t32\n": {32000, 1024000000, 500, 32},
		"18446744073692774399\n":       {18446744073692774399},
		"0":                            {0},
	} {
		if got, err := parseSysctl([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "-1\n", "1 x\n", "18446744073709551616", "0x10", "1.5"} {
		if got, err := parseSysctl([]byte(text)); !errors.Is(err, ErrMalformed) || got != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

const limitsText = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            1024                 524288               files     
Max msgqueue size         819200               819200               bytes     
Max realtime timeout      unlimited            unlimited            us        
`

func TestParseRlimit(t *testing.T) {
	for title, want := range map[string]uint64{
		"Max open files": 1024, "Max msgqueue size": 819200, "Max cpu time": math.MaxUint64,
	} {
		if got, err := parseRlimit([]byte(limitsText), title); err != nil || got != want {
			t.Errorf("%s: %d, %v", title, got, err)
		}
	}
	for _, text := range []string{"", "Max open files\n", "Max open files 10\n", "Max open files x y\n", "Max open files -1 1 files\n"} {
		if got, err := parseRlimit([]byte(text), "Max open files"); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestParseThreads(t *testing.T) {
	if n, err := ParseThreads([]byte("2.06 3.34 4.96 4/228 21089\n")); err != nil || n != model.Some[int64](228) {
		t.Errorf("%v, %v", n, err)
	}
	for _, text := range []string{"", "1 2 3 4 5", "1 2 3 4/x 5", "1 2 3 4/-5 6", "1 2 3 4/5"} {
		if n, err := ParseThreads([]byte(text)); !errors.Is(err, ErrMalformed) || n.Known() {
			t.Errorf("%q: %v, %v", text, n, err)
		}
	}
}

func FuzzSysctl(f *testing.F) {
	f.Add([]byte("32000\t1024000000\t500\t32\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseSysctl(b)
		if err != nil && !errors.Is(err, ErrMalformed) || (err == nil) != (len(n) > 0) {
			t.Fatal(n, err)
		}
	})
}

func FuzzRlimit(f *testing.F) {
	f.Add([]byte(limitsText))
	f.Add([]byte("2.06 3.34 4.96 4/228 21089\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseRlimit(b, "Max open files"); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if n, err := ParseThreads(b); err == nil && n.Or(0) < 0 {
			t.Fatal(n)
		}
	})
}
