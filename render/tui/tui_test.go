package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render/live"
)

const deadline = 10 * time.Second

// running is a view on a simulated screen.
type running struct {
	t      *testing.T
	screen tcell.SimulationScreen
	ended  chan error
	cancel context.CancelFunc
}

func startView(t *testing.T, o Options) *running {
	t.Helper()
	screen := tcell.NewSimulationScreen("UTF-8")
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t, screen, make(chan error, 1), cancel}
	o.Screen, o.Interval = screen, 10*time.Millisecond
	o.Theme, _ = ThemeNamed("default")
	if o.Scan == nil {
		o.Scan = func(context.Context) (*model.Index, error) { return model.NewIndex(modeltest.Rich()), nil }
	}
	go func() { r.ended <- Run(ctx, o) }()
	t.Cleanup(cancel)
	return r
}

// text returns the text of the screen. The frame may be incomplete.
func (r *running) text() string {
	width, height := r.screen.Size()
	var b strings.Builder
	for y := range height {
		for x := 0; x < width; {
			s, _, w := r.screen.Get(x, y)
			b.WriteString(s)
			x += max(w, 1)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// waitFor polls until the screen contains a text.
func (r *running) waitFor(want string) {
	r.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(2 * time.Millisecond) {
		if strings.Contains(r.text(), want) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%q does not come; the screen is\n%s", want, r.text())
		}
	}
}

func (r *running) waitEnd() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(deadline):
		r.t.Fatal("the view does not end")
		return nil
	}
}

func (r *running) rune(c rune) { r.screen.InjectKey(tcell.KeyRune, c, tcell.ModNone) }

func TestDriver(t *testing.T) {
	saved := make(chan *model.Snapshot, 1)
	r := startView(t, Options{Save: func(s *model.Snapshot) (string, error) { saved <- s; return "/tmp/x.json", nil }})
	r.waitFor("ipctop db1")
	r.rune('3')
	r.waitFor("[3 Chan]")
	r.waitFor("数据库服务器")
	r.screen.InjectKey(tcell.KeyEnter, 0, tcell.ModNone)
	r.waitFor("bytes in it, of its")
	r.screen.InjectKey(tcell.KeyEscape, 0, tcell.ModNone)
	r.waitFor("QUEUED")
	r.screen.InjectMouse(5, 6, tcell.Button1, tcell.ModNone)
	r.waitFor("3/")
	r.rune('S')
	r.waitFor("Saved to /tmp/x.json")
	if s := <-saved; len(s.Objects) == 0 {
		t.Error("what was saved is empty")
	}
	r.screen.SetSize(120, 30)
	_ = r.screen.PostEvent(tcell.NewEventResize(120, 30))
	r.waitFor("       231 processes, 41 hidden") // as far to the right as it goes now
	r.rune('q')
	if err := r.waitEnd(); err != nil {
		t.Error(err)
	}
}

// The selected row is in reverse video, over its whole width, and nothing else is.
func TestSelectionIsReversed(t *testing.T) {
	r := startView(t, Options{})
	r.waitFor("ipctop db1")
	r.rune('2')
	r.waitFor("PEERS")
	width, height := r.screen.Size()
	reversed := func() map[int]int { // cells of each line
		lines := map[int]int{}
		for y := range height {
			for x := range width {
				_, style, _ := r.screen.Get(x, y)
				if _, _, attr := style.Decompose(); attr&tcell.AttrReverse != 0 {
					lines[y]++
				}
			}
		}
		return lines
	}
	want := map[int]int{4: width}
	for end := time.Now().Add(deadline); !maps.Equal(reversed(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("reversed cells by line: %v, want %v", reversed(), want)
		}
	}
}

func TestPanicInTheScanner(t *testing.T) {
	r := startView(t, Options{Scan: func(context.Context) (*model.Index, error) { panic("scanner is broken") }})
	if err := r.waitEnd(); err == nil || !strings.Contains(err.Error(), "scanner is broken") || !strings.Contains(err.Error(), "tui_test.go") {
		t.Errorf("the error is %v", err)
	}
}

func TestFailedScanIsSaidAndTriedAgain(t *testing.T) {
	var n atomic.Int32
	r := startView(t, Options{Scan: func(context.Context) (*model.Index, error) {
		if n.Add(1) < 20 {
			return nil, errors.New("no proc here")
		}
		return model.NewIndex(modeltest.Rich()), nil
	}})
	r.waitFor("no proc here")
	r.waitFor("ipctop db1")
}

func TestIterations(t *testing.T) {
	var n atomic.Int32
	r := startView(t, Options{Iterations: 3, Scan: func(context.Context) (*model.Index, error) { n.Add(1); return model.NewIndex(modeltest.Rich()), nil }})
	if err := r.waitEnd(); err != nil || n.Load() < 3 {
		t.Errorf("%d scans, %v", n.Load(), err)
	}
}

func TestSignalEndsTheView(t *testing.T) {
	r := startView(t, Options{})
	r.waitFor("ipctop db1")
	r.cancel()
	if err := r.waitEnd(); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want the context's", err)
	}
}

func TestHangUpEndsTheView(t *testing.T) {
	r := startView(t, Options{})
	r.waitFor("ipctop db1")
	_ = r.screen.PostEvent(tcell.NewEventError(io.EOF))
	if err := r.waitEnd(); !errors.Is(err, ErrHangUp) {
		t.Errorf("the error is %v, want that the terminal is gone", err)
	}
}

// TestDrawingNeverWaitsForAScan: keys work while a scan hangs.
func TestDrawingNeverWaitsForAScan(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	r := startView(t, Options{Scan: func(ctx context.Context) (*model.Index, error) {
		select {
		case <-block:
		case <-ctx.Done():
		}
		return nil, errors.New("late")
	}})
	r.waitFor("reading...")
	r.rune('?')
	r.waitFor("Keys")
	r.rune('q')
	if err := r.waitEnd(); err != nil {
		t.Error(err)
	}
}

func TestPausedMeansNoScan(t *testing.T) {
	var n atomic.Int32
	r := startView(t, Options{Scan: func(context.Context) (*model.Index, error) { n.Add(1); return model.NewIndex(modeltest.Rich()), nil }})
	r.waitFor("ipctop db1")
	r.rune('Z')
	r.waitFor("PAUSED")
	time.Sleep(20 * time.Millisecond) // for a scan that is running
	before := n.Load()
	time.Sleep(100 * time.Millisecond)
	if after := n.Load(); after != before {
		t.Errorf("%d scans while paused", after-before)
	}
	r.rune('Z')
	for end := time.Now().Add(deadline); n.Load() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not go on")
		}
	}
}

func TestThemes(t *testing.T) {
	for _, name := range Themes {
		theme, ok := ThemeNamed(name)
		if !ok {
			t.Errorf("no theme %s", name)
		}
		for role := live.Normal; role <= live.Rule; role++ {
			fg, bg, _ := theme.style(role).Decompose()
			if bg != tcell.ColorDefault || name == "mono" && fg != tcell.ColorDefault || fg >= tcell.ColorValid+16 && fg < tcell.ColorIsRGB {
				t.Errorf("%s, role %d: colours %v on %v", name, role, fg, bg)
			}
		}
	}
}

// actorOf records what it is asked to do.
type actorOf struct {
	mu  sync.Mutex
	did []string
}

func (a *actorOf) note(format string, args ...any) {
	a.mu.Lock()
	a.did = append(a.did, fmt.Sprintf(format, args...))
	a.mu.Unlock()
}

func (a *actorOf) Hold(pid int, start uint64) (Held, error) {
	if pid == 1 {
		return nil, errors.New("hold process 1: not this one")
	}
	a.note("hold %d/%d", pid, start)
	return heldOf{a, pid}, nil
}

func (a *actorOf) Remove(o *model.Object) error {
	a.note("remove %s", o.ID)
	return nil
}

type heldOf struct {
	*actorOf
	pid int
}

func (h heldOf) Signal(name string) error { h.note("%s to %d", name, h.pid); return nil }
func (h heldOf) Close() error             { h.note("let go of %d", h.pid); return nil }

// TestSignals: a process is held while the user chooses a signal, and released whatever the
// choice is.
func TestSignals(t *testing.T) {
	a := new(actorOf)
	r := startView(t, Options{Actor: a})
	r.waitFor("live")
	press := func(keys ...rune) {
		for _, k := range keys {
			r.screen.InjectKey(tcell.KeyRune, k, tcell.ModNone)
			time.Sleep(5 * time.Millisecond) // its queue holds ten events
		}
	}
	press('2')
	r.waitFor("[2 Procs]")
	press('k')
	r.waitFor("hold process 1: not this one")
	r.screen.InjectKey(tcell.KeyEnd, 0, tcell.ModNone)
	press('k')
	r.waitFor("Send a signal to")
	r.screen.InjectKey(tcell.KeyEnter, 0, tcell.ModNone)
	r.waitFor("(y: yes)")
	press('y')
	r.waitFor("SIGTERM to less(813): done.")
	press('k')
	r.waitFor("Send a signal to")
	r.screen.InjectKey(tcell.KeyEscape, 0, tcell.ModNone)
	r.waitFor("PEERS")
	press('k')
	r.waitFor("Send a signal to")
	r.cancel()
	if err := r.waitEnd(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	want := "hold 813/813, SIGTERM to 813, let go of 813, hold 813/813, let go of 813, hold 813/813, let go of 813"
	for end := time.Now().Add(deadline); ; time.Sleep(2 * time.Millisecond) {
		a.mu.Lock()
		got := strings.Join(a.did, ", ")
		a.mu.Unlock()
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// TestCopy: copied text is sent to the terminal, because only the terminal can reach the
// clipboard.
func TestCopy(t *testing.T) {
	r := startView(t, Options{})
	r.waitFor("live")
	r.screen.InjectKey(tcell.KeyRune, '3', tcell.ModNone)
	r.waitFor("[3 Chan]")
	r.screen.InjectKey(tcell.KeyRune, 'y', tcell.ModNone)
	r.waitFor("Copied: pipe:4242")
	if got := string(r.screen.GetClipboardData()); got != "pipe:4242" {
		t.Errorf("the clipboard holds %q", got)
	}
}

// TestEveryKey: every key in the help reaches the model by its name. A key is injected as the
// terminal would send it, and must do what the table of bindings says.
func TestEveryKey(t *testing.T) {
	type press struct {
		key  tcell.Key
		rune rune
	}
	special := map[string]tcell.Key{}
	for key, name := range names {
		special[name] = key
	}
	of := func(name string) press {
		if key, ok := special[name]; ok {
			return press{key, 0}
		}
		return press{tcell.KeyRune, []rune(name)[0]}
	}
	for _, test := range []struct{ keys, want string }{
		{"1", "[1 Overview]"},
		{"2", "[2 Procs]"},
		{"3", "[3 Chan]"},
		{"4", "[4 Sock]"},
		{"5", "[5 Mem]"},
		{"6", "[6 Locks]"},
		{"7", "[7 Sig]"},
		{"8", "[8 Log]"},
		{"Tab", "[2 Procs]"},
		{"Shift-Tab", "[8 Log]"},
		{"3 Down", " 2/"},
		{"3 Down Up", " 1/"},
		{"3 End Home", " 1/"},
		{"2 End", " 9/9"},
		{"2 PgDn", " 9/9"},
		{"2 End PgUp", " 1/9"},
		{"2 W Right Left", "USER"},
		{"3 Enter", "Esc: back"},
		{"3 g", "1 hop"},
		{"3 w", "why: pipe:4242"},
		{"3 Enter Esc", "QUEUED"},
		{"3 Enter Backspace", "QUEUED"},
		{"3 o", "[2 Procs]"},
		{"2 End l", "Objects of less(813)"},
		{"2 End x", "Locks, semaphores and futexes of less(813)"},
		{"2 /", "Search:"},
		{"2 n", "/ searches."},
		{"2 N", "/ searches."},
		{"2 F4", "Keep rows with"},
		{"2 \\", "Keep rows with"},
		{"2 F6", "── Sort by"},
		{"2 F2", "── Setup"},
		{"2 F3", "Search:"},
		{"2 H", "Threads are shown"},
		{"2 p", "Full paths of programs"},
		{"1 k", "What to do: pipe-full"},
		{"1 F9", "What to do: pipe-full"},
		{"3 k", "which process of pipe"},
		{"2 >", "Sorted by PID"},
		{"2 <", "Sorted by CMDLINE"},
		{"2 > I", "PID▼"},
		{"2 F5", "Children below"},
		{"2 t", "Children below"},
		{"2 u", "Whose processes"},
		{"2 c", "Which container?"},
		{"2 Space", "1 tagged"},
		{"Z", "PAUSED"},
		{"[", "oldest sample in memory"},
		{"]", "This is the newest"},
		{"2 F", "Following"},
		{"3 y", "Copied: pipe:4242"},
		{"S", "Saved to /tmp/x.json"},
		{"2 F9", "Send a signal to"},
		{"2 k", "Send a signal to"},
		{"2 Del", "Del removes only what"},
		{"?", "── help"},
		{"F1", "── help"},
		{"Ctrl-L", "[1 Overview]"},
	} {
		t.Run(test.keys, func(t *testing.T) {
			r := startView(t, Options{
				Once: true, Actor: new(actorOf), Save: func(*model.Snapshot) (string, error) { return "/tmp/x.json", nil },
				Scan: func(context.Context) (*model.Index, error) {
					s := modeltest.Rich()
					s.Processes = slices.DeleteFunc(s.Processes, func(p *model.Process) bool { return p.Kernel || p.PID == 1 })
					s.Processes = append(s.Processes, &model.Process{PID: 7, StartTicks: 7, Comm: "first", Label: "first", State: "S", User: "root", Container: &model.Container{ID: "c1"}})
					slices.SortFunc(s.Processes, func(a, b *model.Process) int { return a.PID - b.PID })
					return model.NewIndex(s), nil
				},
			})
			r.waitFor("scan 84ms")
			for _, name := range strings.Fields(test.keys) {
				if name == "Space" {
					name = " "
				}
				p := of(name)
				r.screen.InjectKey(p.key, p.rune, tcell.ModNone)
			}
			r.waitFor(test.want)
		})
	}
	for _, quit := range []string{"q", "F10", "Ctrl-C"} {
		r := startView(t, Options{})
		r.waitFor("scan 84ms")
		p := of(quit)
		r.screen.InjectKey(p.key, p.rune, tcell.ModNone)
		if err := r.waitEnd(); err != nil {
			t.Errorf("%s: %v", quit, err)
		}
	}
}
