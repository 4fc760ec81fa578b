package live

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/render"
)

var update = flag.Bool("update", false, "write the goldens anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (write it anew with -update):\n%s", file, got)
	}
}

var usual = Settings{Interval: 2 * time.Second}

// view runs a model like the terminal does: work is done at once, other effects are
// stored.
type view struct {
	t       *testing.T
	m       Model
	prev    *Data
	effects []Effect
}

func newView(t *testing.T, s Settings, width, height int) *view {
	v := &view{t: t, m: New(s)}
	v.do(Resize{width, height})
	return v
}

func (v *view) do(e Event) {
	v.t.Helper()
	var effects []Effect
	v.m, effects = Update(v.m, e)
	for _, e := range effects {
		if w, ok := e.(Work); ok {
			v.do(w.Run())
			continue
		}
		v.effects = append(v.effects, e)
	}
	v.check()
}

func (v *view) scan(s *model.Snapshot) {
	v.t.Helper()
	v.prev = Prepare(model.NewIndex(s), v.prev, v.m.settings)
	v.do(Scanned{Data: v.prev})
}

// keys presses keys, given by name and separated by spaces; 'text' types text.
func (v *view) keys(keys string) {
	v.t.Helper()
	for _, k := range strings.Fields(keys) {
		if s, ok := strings.CutPrefix(k, "'"); ok {
			for _, r := range strings.ReplaceAll(strings.TrimSuffix(s, "'"), "_", " ") {
				v.do(Key{string(r)})
			}
			continue
		}
		if k == "Space" { // strings.Fields splits at spaces
			k = " "
		}
		v.do(Key{k})
	}
}

// check checks every frame: it fits, and contains nothing that could control the terminal.
func (v *view) check() {
	v.t.Helper()
	lines := Lines(v.m, v.m.width, v.m.height)
	if len(lines) > v.m.height {
		v.t.Errorf("%d lines on a screen of %d", len(lines), v.m.height)
	}
	for i, l := range lines {
		s := l.String()
		if w := l.Width(); w > v.m.width && v.m.width > 1 || w != render.Width(s) {
			v.t.Errorf("line %d takes %d cells of %d (%d in one piece): %q", i, w, v.m.width, render.Width(s), s)
		}
		for _, r := range s {
			if r < ' ' || r == 0x7f || v.m.settings.ASCII && r > 0x7f {
				v.t.Errorf("line %d holds %q: %q", i, r, s)
			}
		}
	}
}

// frame returns the screen as readable text. The selected row is marked on the left.
func (v *view) frame() string {
	var b strings.Builder
	for _, l := range Lines(v.m, v.m.width, v.m.height) {
		mark := "|"
		if l.Selected {
			mark = ">"
		}
		b.WriteString(strings.TrimRight(mark+l.String(), " ") + "\n")
	}
	return b.String()
}

// has checks that the frame has, or has not (with - before it), some texts.
func (v *view) has(texts ...string) {
	v.t.Helper()
	f := v.frame()
	for _, s := range texts {
		if not, ok := strings.CutPrefix(s, "-"); ok {
			if strings.Contains(f, not) {
				v.t.Errorf("there is %q in\n%s", not, f)
			}
		} else if !strings.Contains(f, s) {
			v.t.Errorf("there is no %q in\n%s", s, f)
		}
	}
}

// undiagnosed returns the rich snapshot without waits and findings, as if there was no
// diagnosis.
func undiagnosed() *model.Snapshot {
	s := modeltest.Rich()
	s.Findings, s.Waits = nil, nil
	return s
}

// later returns the rich snapshot a little later: a pipe has gone, and a process and its
// queue have come.
func later() *model.Snapshot {
	s := undiagnosed()
	s.Taken = s.Taken.Add(2 * time.Second)
	s.Objects = append(s.Objects[:1:1], s.Objects[2:]...)
	s.Processes = append(s.Processes, &model.Process{PID: 999, StartTicks: 999, Comm: "newcomer", Label: "newcomer", State: "R", User: "ann"})
	s.Objects = append(s.Objects, &model.Object{ID: "sysv-msg:77", Kind: model.SysvMsg, Name: "0x0000beef", Detail: &model.SysvMsgDetail{}})
	return s
}

func TestScreens(t *testing.T) {
	for _, size := range []struct{ width, height int }{{40, 10}, {80, 24}, {120, 40}, {200, 50}} {
		for _, ascii := range []bool{false, true} {
			var b bytes.Buffer
			v := newView(t, Settings{Interval: 2 * time.Second, ASCII: ascii}, size.width, size.height)
			v.scan(undiagnosed())
			v.scan(later())
			for i := range keyed {
				v.keys(fmt.Sprint(i + 1))
				fmt.Fprintf(&b, "%s", v.frame())
			}
			v.scan(modeltest.Rich())
			v.keys("1")
			b.WriteString(v.frame())
			name := fmt.Sprintf("screens-%dx%d.txt", size.width, size.height)
			if ascii {
				name = "ascii-" + name
			}
			golden(t, name, b.Bytes())
		}
	}
}

func TestPages(t *testing.T) {
	var b bytes.Buffer
	for _, size := range []struct{ width, height int }{{40, 10}, {80, 24}} {
		v := newView(t, usual, size.width, size.height)
		v.scan(undiagnosed())
		for _, keys := range []string{"3 Enter", "Esc g", "Esc Esc 2 Down l", "Esc ?", "Esc 3 W", "W \\ 'fill>0' Enter"} {
			v.keys(keys)
			fmt.Fprintf(&b, "%s:\n%s", keys, v.frame())
		}
	}
	golden(t, "pages.txt", b.Bytes())
}

// TestLog: the log has threads that got stuck and were released, and findings that began and
// ended; it does not have idle threads and waits that have only just begun.
func TestLog(t *testing.T) {
	v := newView(t, usual, 120, 24)
	calm := undiagnosed()
	calm.Waits, calm.Findings = []model.Wait{}, []model.Finding{}
	stuck := later()
	wait := model.Wait{
		PID: 812, TID: 812, Comm: "yes", Call: "write", Object: "pipe:4242", Confirmed: true, BlockedFor: model.Some(int64(3 * time.Second)),
		Blockers: []model.Blocker{{PID: 813, Comm: "less"}},
	}
	idle, young := wait, wait
	idle.TID, idle.Idle, idle.Call = 813, true, "poll"
	young.TID, young.BlockedFor, young.Call = 814, model.Some[int64](1), "flock"
	stuck.Waits = []model.Wait{wait, idle, young}
	stuck.Findings = []model.Finding{{ID: "pipe-full,812,pipe:4242", Rule: "pipe-full", Severity: model.Warning, Confidence: model.Certain, Summary: "full\x1b"}}
	v.scan(calm)
	v.scan(stuck)
	v.keys("8")
	v.has("> blocked  wait       write pipe:4242 3s → less(813)", `! found    pipe-full  full\x1b`, "-poll", "-flock", "-released")
	v.scan(stuck)
	v.scan(calm)
	v.has("< released  wait       write pipe:4242", "= over      pipe-full")
	undecided := later() // without a diagnosis nothing counts as ended
	v.scan(stuck)
	n := len(v.m.log)
	undecided.Objects, undecided.Processes = stuck.Objects, stuck.Processes
	v.scan(undecided)
	if len(v.m.log) != n {
		t.Errorf("%d new lines", len(v.m.log)-n)
	}
}

// TestLogReusedPID: if a pid is reused, a wait of the new process is another wait.
func TestLogReusedPID(t *testing.T) {
	v := newView(t, usual, 120, 24)
	first, second := undiagnosed(), later()
	for _, s := range []*model.Snapshot{first, second} {
		s.Waits = []model.Wait{{PID: 812, TID: 812, Comm: "yes", Call: "write", Object: "pipe:4242", Confirmed: true, BlockedFor: model.Some(int64(3 * time.Second))}}
	}
	i := slices.IndexFunc(second.Processes, func(p *model.Process) bool { return p.PID == 812 })
	second.Processes = slices.Clone(second.Processes)
	second.Processes[i].StartTicks++
	v.scan(first)
	v.keys("8")
	v.scan(second)
	v.has("< released", "> blocked", "gone      process   yes(812)")
}

func TestSmallTerminals(t *testing.T) {
	v := newView(t, usual, 39, 24)
	v.scan(undiagnosed())
	for _, size := range [][2]int{{39, 24}, {80, 9}, {1, 1}, {0, 0}, {3, 400}} {
		v.do(Resize{size[0], size[1]})
		v.keys("Down Enter Esc g Esc 2 / Esc")
		v.do(Click{0, 2})
		v.do(Wheel{3})
	}
	v.do(Resize{39, 24})
	v.has("ipctop needs 40 columns and 10 lines", "q quits")
	v.do(Resize{40, 10})
	v.has("[2 Procs]")
}

func TestBeforeTheFirstSnapshot(t *testing.T) {
	v := newView(t, usual, 80, 24)
	v.keys("Down Up Enter g o l S Space F < > I W \\ 'x' Enter n / 'x' Enter 2 3 Tab Esc ? Esc Z")
	v.has("ipctop reading...")
	v.do(ScanFailed{Err: "open /proc: no\nsuch file"})
	v.has("ipctop cannot look", `The last scan failed: open /proc: no\nsuch file`)
}

// TestGlimpse: the processes are shown before everything else has been read; nothing is said
// about things that have not been read.
func TestGlimpse(t *testing.T) {
	v := newView(t, usual, 80, 24)
	first := &model.Snapshot{Taken: modeltest.Taken, Host: modeltest.Rich().Host, Processes: modeltest.Rich().Processes}
	v.do(Glimpsed{Prepare(model.NewIndex(first), nil, usual)})
	v.has("reading...", "Reading the descriptors, locks and waits of 9 processes...", "-Nothing")
	v.do(Reading{Done: 412, Total: 1200})
	v.has("reading 412 of 1200 processes", "-reading...")
	v.do(Reading{Done: 1200, Total: 1200})
	v.has("reading...", "-1200")
	v.keys("2")
	v.has("nginx", "systemd")
	v.keys("3")
	v.has("Reading...")
	v.scan(undiagnosed())
	v.has("-eading", "pipe:4242")
	v.do(Glimpsed{Prepare(model.NewIndex(first), nil, usual)})
	v.has("pipe:4242")
}
