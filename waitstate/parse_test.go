package waitstate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

func TestParseSyscall(t *testing.T) {
	l, err := parseSyscall([]byte("202 0x7f2b0c0 0x109 0x0 0x0 0xffffffff 0xffffffffffffffff 0x7ffd3c8 0x7f2b9\n"))
	want := syscallLine{number: 202, args: [6]uint64{0x7f2b0c0, 0x109, 0, 0, 0xffffffff, ^uint64(0)}, sp: 0x7ffd3c8, pc: 0x7f2b9}
	if err != nil || l != want {
		t.Errorf("got %+v, %v", l, err)
	}
	for text, want := range map[string]syscallState{"running\n": running, "-1 0x0 0x0\n": outside, "-1 0x7ffe 0x4000\n": outside} {
		if l, err := parseSyscall([]byte(text)); err != nil || l.state != want {
			t.Errorf("%q: state %d, %v", text, l.state, err)
		}
	}
	for _, text := range []string{
		"", "\n", "0", "0 0x1", "-1 0x0", "-1 0x0 0x0 0x0", "0 1 2 3 4 5 6 7 8", "-2 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1",
		"0 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1", "0 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0xg", "x 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1",
	} {
		if l, err := parseSyscall([]byte(text)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %+v, %v", text, l, err)
		}
	}
}

func TestParseAuxv(t *testing.T) {
	order := binary.NativeEndian
	var b64, b32 []byte
	for _, v := range []uint64{33, 0x7ffd000, 16, 0xbfebfbff, 6, 4096, 3, 0x400040, 4, 56, 5, 13, 0, 0} {
		b64, b32 = order.AppendUint64(b64, v), order.AppendUint32(b32, uint32(v))
	}
	if is, known := parseAuxv(b64); is || !known {
		t.Errorf("64 bits: %v %v", is, known)
	}
	order.PutUint32(b32[9*4:], 32)
	if is, known := parseAuxv(b32); !is || !known {
		t.Errorf("32 bits: %v %v", is, known)
	}
	if _, known := parseAuxv(make([]byte, 64)); known {
		t.Error("known without a vector")
	}
}

func TestParseSched(t *testing.T) {
	text := "cat (1, #threads: 1)\n-----\nse.exec_start                                :      53120404.120930\nse.vruntime : 1.0\n"
	if d, err := parseSched([]byte(text)); err != nil || d != 53120404120930*time.Nanosecond {
		t.Errorf("%v, %v", d, err)
	}
	for _, text := range []string{"", "se.exec_start : 1", "se.exec_start : x.000000", "se.exec_start : 1.0", "se.exec_start : -1.000000"} {
		if d, err := parseSched([]byte(text)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
	// A thread that was moved to another processor after it had begun to sleep.
	moved := "timeout (8730, #threads: 1)\n---\nse.exec_start : 0.000000\nse.vruntime : 1.0\nse.avg.last_update_time : %s\nse.avg.util_est : 0\npolicy : %s\nprio : 120\n"
	for _, tt := range []struct {
		updated, policy string
		want            time.Duration
	}{{"37349578755072", "0", 37349578755072}, {"9223372036854775807", "3", 1<<63 - 1}, {"12", "5", 12}, {"0", "0", 0}, {"12", "1", 0}, {"12", "", 0}} {
		if d, err := parseSched(fmt.Appendf(nil, moved, tt.updated, tt.policy)); err != nil || d != tt.want {
			t.Errorf("%+v: %v, %v", tt, d, err)
		}
	}
	if d, err := parseSched([]byte("se.exec_start : 0.000000\npolicy : 0\n")); err != nil || d != 0 { // a kernel without support for several processors
		t.Errorf("%v, %v", d, err)
	}
	for _, updated := range []string{"-1", "x", "9223372036854775808"} {
		if d, err := parseSched(fmt.Appendf(nil, moved, updated, "0")); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%s: %v, %v", updated, d, err)
		}
	}
	stat := "7 (a) b) S 1 7 7 0 -1 4194304 99 0 0 0 1 2 0 0 20 0 1 0 1234 5 6 7 1 1 0 0 0 0 0 0 0 0 0 0 17 %s 0 0 0 0 0\n"
	if n, err := parseProcessor(fmt.Appendf(nil, stat, "63")); err != nil || n != 63 {
		t.Errorf("%d, %v", n, err)
	}
	for _, text := range []string{"", "7 (a) S 1", fmt.Sprintf(stat, "x"), fmt.Sprintf(stat, "-1")} {
		if _, err := parseProcessor([]byte(text)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if n, err := parseSchedstat([]byte("1 2 345\n")); err != nil || n != 345 {
		t.Errorf("%d, %v", n, err)
	}
	for _, text := range []string{"", "1 2", "1 2 x", "1 2 3 4"} {
		if _, err := parseSchedstat([]byte(text)); !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseMemory(t *testing.T) {
	order := binary.NativeEndian
	pollfd := func(fd int32, events uint16) []byte {
		return order.AppendUint16(order.AppendUint16(order.AppendUint32(nil, uint32(fd)), events), 0)
	}
	polls := append(append(append(pollfd(3, unix.POLLIN), pollfd(-1, unix.POLLIN)...), pollfd(7, unix.POLLOUT)...), 1, 2, 3)
	if got := parsePollfds(polls); !reflect.DeepEqual(got, []fdUse{{3, true, false}, {7, false, true}}) {
		t.Errorf("pollfds %+v", got)
	}
	read, write := make([]byte, 16), make([]byte, 16)
	read[0], read[8], write[8] = 1<<4, 1<<1, 1<<1|1<<2
	if got := parseFdSets(66, [3][]byte{read, write, nil}); !reflect.DeepEqual(got, []fdUse{{4, true, false}, {65, true, true}}) {
		t.Errorf("fd sets %+v", got)
	}
	if got := parseSembufs([]byte{1, 0, 0xff, 0xff, 0, 0x10, 2, 0, 0, 0, 0, 8, 3, 0, 4, 0, 0, 0}); !reflect.DeepEqual(got,
		[]string{"1:-1 SEM_UNDO", "2:0 IPC_NOWAIT", "3:+4"}) {
		t.Errorf("operations %q", got)
	}
	lock := make([]byte, 32)
	order.PutUint16(lock, unix.F_WRLCK)
	order.PutUint64(lock[8:], 100)
	if mode, span := (flockLayout{8, 8}).parse(lock); mode != "WRITE" || span != "100-EOF" {
		t.Errorf("lock %s %s", mode, span)
	}
	order.PutUint64(lock[16:], 10)
	if _, span := (flockLayout{8, 8}).parse(lock); span != "100-109" {
		t.Errorf("lock %s", span)
	}
	order.PutUint16(lock[2:], unix.SEEK_END)
	if _, span := (flockLayout{8, 8}).parse(lock); span != "" {
		t.Errorf("lock from the end: %s", span)
	}
	for _, tt := range []struct {
		sec, frac, unit int64
		want            time.Duration
		ok              bool
	}{
		{1, 5, timespecUnit, time.Second + 5, true},
		{1, 5, timevalUnit, time.Second + 5*time.Microsecond, true},
		{1 << 60, 0, timespecUnit, 1<<63 - 1, true},
		{-1, 0, timespecUnit, 0, false},
		{0, 1e6, timevalUnit, 0, false},
	} {
		b := order.AppendUint64(order.AppendUint64(nil, uint64(tt.sec)), uint64(tt.frac))
		if d, ok := parseTime(b, tt.unit); d != tt.want || ok != tt.ok {
			t.Errorf("%+v: %v %v", tt, d, ok)
		}
	}
}

func TestParseWatches(t *testing.T) {
	text := "pos:\t0\nflags:\t02\ntfd:        9 events: 80000019 data:             1234  pos:0 ino:82708 sdev:f\n" +
		"tfd: x events: 1\ntfd:        3 events:        4 data:                3  pos:0 ino:1 sdev:f\n"
	list, err := parseWatches([]byte(text))
	if want := []fdUse{{3, false, true}, {9, true, false}}; !reflect.DeepEqual(list, want) || !errors.Is(err, proc.ErrMalformed) {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestCleanWchan(t *testing.T) {
	for text, want := range map[string]string{"0": "", "": "", "do_nanosleep": "do_nanosleep", "fcntl_setlk.constprop.0": "fcntl_setlk"} {
		if got := cleanWchan([]byte(text)); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzParseSyscall(f *testing.F) {
	for _, s := range []string{"running", "-1 0x0 0x0", "0 0x3 0x7f32 0x20000 0x22 0xffffffff 0x0 0x7fff 0x7f32\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseSyscall(b)
		if err == nil && l.state == inCall && l.number < 0 {
			t.Errorf("%q: %+v", b, l)
		}
	})
}

func FuzzParseAuxv(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Fuzz(func(_ *testing.T, b []byte) { parseAuxv(b) })
}

func FuzzParseSched(f *testing.F) {
	f.Add([]byte("se.exec_start : 12.000001\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := parseSched(b); err == nil && d < 0 {
			t.Errorf("%q: %v", b, d)
		}
		_, _ = parseSchedstat(b)
		if n, err := parseProcessor(b); err == nil && n < 0 {
			t.Errorf("%q: %d", b, n)
		}
	})
}

func FuzzParseWatches(f *testing.F) {
	f.Add([]byte("tfd:        9 events: 80000019 data: 1234 pos:0 ino:82708 sdev:f\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _ := parseWatches(b)
		for _, u := range list {
			if u.fd < 0 {
				t.Errorf("%q: %+v", b, u)
			}
		}
	})
}

func FuzzParseMemory(f *testing.F) {
	f.Add(make([]byte, 64), 70)
	f.Fuzz(func(_ *testing.T, b []byte, n int) {
		parsePollfds(b)
		parseFdSets(min(max(n, 0), maxSet), [3][]byte{b, b, nil})
		parseSembufs(b)
		flockLayout{8, 8}.parse(b)
		flockLayout{4, 4}.parse(b)
		parseTime(b, timevalUnit)
	})
}

// TestMovedThread compares the value for a sleeping thread with the value that is read if the
// scheduler has set se.exec_start to 0.
func TestMovedThread(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	sched := fmt.Sprintf("/proc/%d/sched", cmd.Process.Pid)
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(sched)
		if err != nil {
			t.Skip("no scheduler's figures: ", err)
		}
		if !strings.Contains(string(b), "se.avg.last_update_time") {
			t.Skip("a kernel for one processor moves no threads")
		}
		last, err := parseSched(b)
		if err != nil {
			t.Fatal(err)
		}
		moved := regexp.MustCompile(`(se\.exec_start +: +)[0-9.]+`).ReplaceAll(b, []byte("${1}0.000000"))
		updated, err := parseSched(moved)
		if err != nil {
			t.Fatal(err)
		}
		if last > 0 && (updated-last).Abs() < time.Second {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it ran at %v of its processor's clock, or at %v", last, updated)
		}
	}
}
