package filelock

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/proc"
)

// captured is /proc/locks of Linux 6.18, with waiters nested two deep.
const captured = `1: LEASE  BREAKING  UNLCK 9624 fe:00:9981154 0 EOF
1: -> LEASE  BREAKER   WRITE 9680 <none>:0 0 EOF
2: OFDLCK ADVISORY  READ -1 fe:00:9981138 100 149
2: -> OFDLCK ADVISORY  WRITE -1 fe:00:9981138 0 EOF
3: POSIX  ADVISORY  WRITE 9624 fe:00:9981121 5 14
3: -> POSIX  ADVISORY  WRITE 9678 fe:00:9981121 0 EOF
3:  -> POSIX  ADVISORY  READ 9679 fe:00:9981121 0 9223372036854775806
4: FLOCK  ADVISORY  WRITE 9624 1f:1a:18446744073709551615 0 EOF
5: LEASE  ACTIVE    READ 42944 fe:00:9977940 0 EOF
6: DELEG  ACTIVE    READ 0 fe:00:9977941 0 EOF
`

func TestParseLocks(t *testing.T) {
	const dev = 0xfe << 32
	want := []record{
		{1, lease, "UNLCK", false, true, 9624, dev, 9981154, 0, eof},
		{1, lease, "WRITE", true, false, 9680, dev, 9981154, 0, eof},
		{2, ofd, "READ", false, false, -1, dev, 9981138, 100, 149},
		{2, ofd, "WRITE", true, false, -1, dev, 9981138, 0, eof},
		{3, posix, "WRITE", false, false, 9624, dev, 9981121, 5, 14},
		{3, posix, "WRITE", true, false, 9678, dev, 9981121, 0, eof},
		{3, posix, "READ", true, false, 9679, dev, 9981121, 0, 9223372036854775806},
		{4, flock, "WRITE", false, false, 9624, proc.Dev(0x1f, 0x1a), 18446744073709551615, 0, eof},
		{5, lease, "READ", false, false, 42944, dev, 9977940, 0, eof},
		{6, lease, "READ", false, false, -1, dev, 9977941, 0, eof},
	}
	got, bad := parseLocks([]byte(captured))
	if len(bad) > 0 {
		t.Error(bad)
	}
	if len(got) != len(want) {
		t.Fatalf("%d locks, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d:\n got %+v\nwant %+v", i+1, got[i], want[i])
		}
	}
}

func TestOneBadLineCostsThatLine(t *testing.T) {
	lines := []string{
		"", "1:", "x: FLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF", "1 FLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF",
		"1: SHLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF", "1: FLOCK  ADVISORY  EXCL 1 fe:00:1 0 EOF",
		"1: FLOCK  ADVISORY  WRITE one fe:00:1 0 EOF", "1: FLOCK  ADVISORY  WRITE 1 fe:00 0 EOF",
		"1: FLOCK  ADVISORY  WRITE 1 fe:00:0 0 EOF", "1: POSIX  ADVISORY  WRITE 1 fe:00:1 9 3",
		"1: POSIX  ADVISORY  WRITE 1 fe:00:1 -1 3", "1: POSIX  ADVISORY  WRITE 1 fe:00:1 0", "1: ->",
	}
	for _, line := range lines {
		got, bad := parseLocks([]byte(captured + line + "\n" + captured))
		if len(got) != 20 {
			t.Errorf("%q: %d locks, want the other 20", line, len(got))
		}
		if line != "" && (len(bad) != 1 || proc.ReasonOf(bad[0]) != "malformed") {
			t.Errorf("%q: %v, want one malformed line", line, bad)
		}
	}
}

func TestParseInfoLocks(t *testing.T) {
	text := "pos:\t0\nflags:\t0100002\nmnt_id:\t27\nino:\t9981105\nlock:\t1: FLOCK  ADVISORY  WRITE 9624 fe:00:9981105 0 EOF\nlock:\tx\n"
	got, bad := parseInfoLocks([]byte(text))
	if len(got) != 1 || len(bad) != 1 || got[0].class != flock || got[0].ino != 9981105 {
		t.Errorf("got %+v, %v", got, bad)
	}
}

func TestConflicts(t *testing.T) {
	lock := func(c class, mode string, pid int, start, end int64) record {
		return record{class: c, mode: mode, pid: pid, start: start, end: end}
	}
	for _, c := range []struct {
		name         string
		waiter, held record
		want         bool
	}{
		{"two readers", lock(posix, "READ", 1, 0, eof), lock(posix, "READ", 2, 0, eof), false},
		{"writer against reader", lock(posix, "WRITE", 1, 0, eof), lock(posix, "READ", 2, 0, eof), true},
		{"reader against writer", lock(posix, "READ", 1, 0, eof), lock(posix, "WRITE", 2, 0, eof), true},
		{"touching ranges", lock(posix, "WRITE", 1, 0, 9), lock(posix, "WRITE", 2, 10, 19), false},
		{"one byte in common", lock(posix, "WRITE", 1, 0, 10), lock(posix, "WRITE", 2, 10, 19), true},
		{"its own", lock(posix, "WRITE", 1, 0, eof), lock(posix, "READ", 1, 0, 9), false},
		{"POSIX against OFD", lock(posix, "WRITE", 1, 0, eof), lock(ofd, "READ", -1, 0, 9), true},
		{"OFD against OFD", lock(ofd, "WRITE", -1, 0, eof), lock(ofd, "WRITE", -1, 0, 9), true},
		{"flock against POSIX", lock(flock, "WRITE", 1, 0, eof), lock(posix, "WRITE", 2, 0, eof), false},
		{"flock against flock of the same process", lock(flock, "READ", 1, 0, eof), lock(flock, "WRITE", 1, 0, eof), true},
		{"two flock readers", lock(flock, "READ", 1, 0, eof), lock(flock, "READ", 2, 0, eof), false},
		{"breaker against lease", lock(lease, "WRITE", 1, 0, eof), lock(lease, "UNLCK", 2, 0, eof), true},
		{"breaker against flock", lock(lease, "WRITE", 1, 0, eof), lock(flock, "WRITE", 2, 0, eof), false},
	} {
		if got := c.waiter.conflicts(&c.held); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzParseLocks(f *testing.F) {
	f.Add([]byte(captured))
	f.Add([]byte("1: -> POSIX  ADVISORY  WRITE 1 <none>:0 0 EOF"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _ := parseLocks(text)
		for _, r := range list {
			if r.ino == 0 || r.start < 0 || r.end < r.start || r.pid == 0 || !strings.Contains("READ WRITE UNLCK", r.mode) {
				t.Errorf("%+v", r)
			}
		}
	})
}

func FuzzParseInfoLocks(f *testing.F) {
	f.Add([]byte("pos:\t0\nlock:\t1: FLOCK  ADVISORY  WRITE 9624 fe:00:9981105 0 EOF\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, bad := parseInfoLocks(text)
		if n := strings.Count(string(text), "lock:"); len(list)+len(bad) > n {
			t.Errorf("%d locks and %d errors in %d lines", len(list), len(bad), n)
		}
	})
}
