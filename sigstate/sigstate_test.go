package sigstate

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/proc"
)

const statusText = `Name:	cat
Umask:	0022
State:	S (sleeping)
ShdSomething:	x
Threads:	1
SigQ:	3/96428
SigPnd:	0000000000000200
ShdPnd:	8000000200000001
SigBlk:	0000000000000000
SigIgn:	0000000180001000
SigCgt:	fffffffe7ffbfeff
CapInh:	0000000000000000
`

func TestParse(t *testing.T) {
	s, err := Parse([]byte(statusText))
	if err != nil {
		t.Fatal(err)
	}
	m := s.Model()
	for _, c := range []struct {
		what string
		got  []string
		want string
	}{
		{"pending", m.Pending, "SIGUSR1"},
		{"shared pending", m.SharedPending, "SIGHUP SIGRTMIN SIGRTMAX"},
		{"blocked", m.Blocked, ""},
		{"ignored", m.Ignored, "SIGPIPE SIG32 SIG33"},
	} {
		if got := strings.Join(c.got, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	if m.Blocked == nil {
		t.Error("a mask of nothing is known")
	}
	if len(m.Caught) != 60 || slices.Contains(m.Caught, "SIGKILL") || slices.Contains(m.Caught, "SIGSTOP") {
		t.Errorf("caught %d: %v", len(m.Caught), m.Caught)
	}
	if m.Queued != model.Some[int64](3) || m.QueueLimit != model.Some[int64](96428) {
		t.Errorf("queue %v %v", m.Queued, m.QueueLimit)
	}
}

func TestParseUnknownIsNotEmpty(t *testing.T) {
	for text, bad := range map[string]bool{
		"":                                false,
		"SigPnd:\t\n":                     true,
		"SigPnd:\t00000000000000000\n":    true,
		"SigPnd:\t000000000000000g\n":     true,
		"SigQ:\t1\nSigBlk":                true,
		"SigQ:\t-1/2":                     true,
		"SigPnd: 0x1":                     true,
		"Name:\tSigPnd: 0000000000000001": false,
	} {
		s, err := Parse([]byte(text))
		if (err != nil) != bad || err != nil && !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
		if s.Model() != nil {
			t.Errorf("%q: %+v, want nothing", text, s.Model())
		}
	}
	s, err := Parse([]byte("SigBlk:\txx\nSigIgn:\t0000000000000001\n"))
	if m := s.Model(); err == nil || m.Blocked != nil || len(m.Ignored) != 1 {
		t.Errorf("one bad mask costs that mask: %+v, %v", s.Model(), err)
	}
	s, _ = Parse([]byte("SigQ:\t7/18446744073709551615\n"))
	if s.Queued != model.Some[int64](7) || s.QueueLimit.Known() {
		t.Errorf("an unlimited queue: %+v", s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(statusText))
	f.Add([]byte("SigQ:1/\nSigBlk:\t8000000000000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil && !errors.Is(err, proc.ErrMalformed) {
			t.Fatal(err)
		}
		s.Model()
		thread([]byte(statusText), b)
	})
}

func FuzzParseMask(f *testing.F) {
	f.Add([]byte("fffffffe7ffbfeff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMask(b)
		if err != nil {
			return
		}
		back := Mask(0)
		for _, name := range m.Names() {
			n, err := Number(name)
			if err != nil || !m.Has(n) {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
			back |= 1 << (n - 1)
		}
		if back != m || !strings.HasSuffix(m.String(), string(b)) {
			t.Fatalf("%s became %s", b, back)
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"TERM", "SIGRTMIN+3", "rtmax-30", "33", "SIG"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Number(s)
		if err == nil && (n < 1 || n > Max) {
			t.Fatalf("%q is %d", s, n)
		}
	})
}

func TestNames(t *testing.T) {
	for n := 1; n <= Max; n++ {
		if got, err := Number(Name(n)); err != nil || got != n {
			t.Errorf("%d is %s is %d, %v", n, Name(n), got, err)
		}
		if want := unix.SignalName(unix.Signal(n)); want != "" && n < 32 && want != Name(n) {
			t.Errorf("%d is %s, want %s", n, Name(n), want)
		}
	}
	for name, want := range map[string]int{
		"TERM": 15, "SIGTERM": 15, "term": 15, "15": 15, "SigHup": 1, "IOT": 6, "POLL": 29, "CLD": 17, "32": 32, "SIG33": 33,
		"RTMIN": 34, "SIGRTMIN+0": 34, "SIGRTMIN+1": 35, "RTMIN+30": 64, "RTMAX": 64, "SIGRTMAX-1": 63, "rtmax-30": 34, "SIG9": 9,
		"0": 0, "65": 0, "-1": 0, "": 0, "SIG": 0, "SIG0": 0, "RTMIN+31": 0, "RTMAX-31": 0, "RTMIN-1": 0, "RTMIN+": 0, "TERMINATE": 0,
		"SIGSIGTERM": 0, "RTMIN+-1": 0, "SIG+9": 0,
	} {
		got, err := Number(name)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v", name, got, err)
		}
	}
	for n, want := range map[int]string{31: "SIGSYS", 32: "SIG32", 33: "SIG33", 34: "SIGRTMIN", 63: "SIGRTMIN+29", 64: "SIGRTMAX", 0: "SIG0", 70: "SIG70"} {
		if Name(n) != want {
			t.Errorf("%d is %s, want %s", n, Name(n), want)
		}
	}
}

func TestNamesAreInterned(t *testing.T) {
	a, b := Mask(0x4201).Names(), Mask(0x4201).Names()
	if &a[0] != &b[0] {
		t.Error("the same mask was decoded twice")
	}
	for i := range 2 * maxDecoded {
		if got := (Mask(1)<<40 + Mask(i)).Names(); len(got) == 0 {
			t.Fatal("no names")
		}
	}
	if n := decodedCount.Load(); n > maxDecoded || n == 0 {
		t.Errorf("%d masks kept, at most %d wanted", n, maxDecoded)
	}
}

func TestThread(t *testing.T) {
	edit := func(from, to string) []byte { return []byte(strings.Replace(statusText, from, to, 1)) }
	if s := thread([]byte(statusText), edit("SigIgn:\t0000000180001000", "SigIgn:\t0")); s != nil {
		t.Errorf("what threads share makes no difference: %+v", s)
	}
	s := thread([]byte(statusText), edit("SigBlk:\t0000000000000000", "SigBlk:\t0000000000004000"))
	if s == nil || !slices.Equal(s.Blocked, []string{"SIGTERM"}) || !slices.Equal(s.Pending, []string{"SIGUSR1"}) ||
		s.Ignored != nil || s.SharedPending != nil || s.Caught != nil || s.Queued.Known() {
		t.Errorf("got %+v", s)
	}
	if s := thread([]byte(statusText), nil); s != nil {
		t.Errorf("a thread about which nothing is known: %+v", s)
	}
}

func scan(t *testing.T) map[int]*model.Process {
	t.Helper()
	s := probetest.Scan(t, Probe())
	for _, g := range s.Gaps {
		if g.Probe == "signals" {
			t.Errorf("gap %+v", g)
		}
	}
	m := map[int]*model.Process{}
	for i := range s.Processes {
		m[s.Processes[i].PID] = s.Processes[i]
	}
	return m
}

func TestLiveThread(t *testing.T) {
	ready, quit := make(chan int), make(chan struct{})
	go proc.OnThread(func() {
		set := unix.Sigset_t{}
		for _, n := range []int{10, 34, 37} {
			word := int(unsafe.Sizeof(set.Val[0])) * 8
			set.Val[(n-1)/word] |= 1 << ((n - 1) % word)
		}
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
			t.Error(err)
		}
		_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.Signal(37))
		ready <- unix.Gettid()
		<-quit
	})
	tid := <-ready
	defer close(quit)
	p := scan(t)[os.Getpid()]
	if p.Signals == nil || !p.Signals.Queued.Known() || !p.Signals.QueueLimit.Known() {
		t.Fatalf("process: %+v", p.Signals)
	}
	for _, th := range p.ThreadList {
		if th.TID != tid {
			continue
		}
		if th.Signals == nil || !slices.Equal(th.Signals.Pending, []string{"SIGRTMIN+3"}) {
			t.Fatalf("thread: %+v", th.Signals)
		}
		for _, name := range []string{"SIGUSR1", "SIGRTMIN", "SIGRTMIN+3"} {
			if !slices.Contains(th.Signals.Blocked, name) {
				t.Errorf("%s is not among the blocked %v", name, th.Signals.Blocked)
			}
		}
		return
	}
	t.Errorf("thread %d is not in %+v", tid, p.ThreadList)
}

func TestLiveProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap "" TERM; trap : USR1 USR2; echo; read x`)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s := scan(t)[cmd.Process.Pid].Signals
	if s == nil || !slices.Contains(s.Ignored, "SIGTERM") || !slices.Contains(s.Caught, "SIGUSR1") ||
		!slices.Contains(s.Caught, "SIGUSR2") || slices.Contains(s.Caught, "SIGTERM") {
		t.Errorf("got %+v", s)
	}
}

func BenchmarkProcess(b *testing.B) {
	text := []byte(statusText)
	b.ReportAllocs()
	for b.Loop() {
		s, _ := Parse(text)
		s.Model()
	}
}

// Signals queued to a process raise the use of its user by their number.
func TestLiveLimit(t *testing.T) {
	var rlimit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_SIGPENDING, &rlimit); err != nil {
		t.Fatal(err)
	}
	read := func() *model.Limit {
		s := probetest.Scan(t, Probe())
		for i := range s.Limits {
			if l := &s.Limits[i]; l.Name == "RLIMIT_SIGPENDING" && l.Scope.UID == model.Some(os.Getuid()) {
				return l
			}
		}
		t.Fatalf("none of user %d in %+v", os.Getuid(), s.Limits)
		return nil
	}
	ready, quit, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		proc.OnThread(func() {
			set := unix.Sigset_t{}
			word := int(unsafe.Sizeof(set.Val[0])) * 8
			set.Val[37/word] |= 1 << (37 % word) // signal 38
			if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
				t.Error(err)
			}
			ready <- struct{}{}
			<-ready
			for range 5 { // a real-time signal is queued each time it is sent
				_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.Signal(38))
			}
			ready <- struct{}{}
			<-quit
		})
	}()
	<-ready
	before := read()
	ready <- struct{}{}
	<-ready
	after := read()
	close(quit)
	<-ended
	// Signals of the user's other processes come and go: only these five are certain.
	if !before.Used.Known() || after.Used.Or(0) < 5 {
		t.Errorf("%v used before, %v after sending 5", before.Used, after.Used)
	}
	if after.Estimated || after.Kind != "" || after.Unit != "signals" || after.Max.Or(0) > int64(rlimit.Cur) {
		t.Errorf("%+v", after)
	}
}

func TestRealUser(t *testing.T) {
	for text, want := range map[string]int{
		"Name:\tx\nUid:\t1000\t0\t0\t0\n": 1000, "\nUid:\t0\t0\t0\t0\n": 0, "Name:\tx\n": -1, "\nUid:\n": -1, "\nUid:\t-1\n": -1, "\nUid:\tx\n": -1,
	} {
		if uid, ok := realUser([]byte(text)); ok != (want >= 0) || ok && uid != want {
			t.Errorf("%q: %d, %v", text, uid, ok)
		}
	}
}
