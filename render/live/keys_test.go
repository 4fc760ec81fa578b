package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		keys string
		has  []string // in the frame; with - before it: not
	}{
		{"2", []string{"[2 Procs]", "PEERS", ">   1"}},
		{"Tab Tab", []string{"[3 Chan]"}},
		{"Shift-Tab", []string{"[8 Log]"}},
		{"8 Tab", []string{"[1 Overview]"}},
		{"2 Down Down", []string{">  10"}},
		{"2 End", []string{"> 813"}},
		{"2 End Home", []string{">   1"}},
		{"2 PgDn", []string{"> 813"}},
		{"2 Down Up Up Up", []string{">   1"}},
		{"2 < ", []string{"Sorted by CMDLINE"}},
		{"2 > ", []string{"Sorted by PID", ">    1", "PID▲"}},
		{"2 > I Home", []string{"PID▼", ">  813"}},
		{"2 F6", []string{"── Sort by", "(as listed)"}},
		{"2 F6 Down Down Enter", []string{"Sorted by USER"}},
		{"2 F3 'less' Enter", []string{"> 812"}},
		{"2 /", []string{"Search:"}},
		{"2 / 'less' Enter", []string{"> 812"}},
		{"2 / 'LESS' Enter n", []string{"> 813"}},
		{"2 / 'nginx' Enter n", []string{">  10"}},
		{"2 / 'www' Enter N", []string{">  12"}},
		{"2 / 'nowhere' Enter", []string{"Not found: nowhere"}},
		{"2 / 'lexx' Backspace Backspace 'ss' Enter", []string{"> 812"}},
		{"2 / 'x' Esc", []string{"-Search:"}},
		{"2 n", []string{"/ searches."}},
		{"2 F4 'ngin'", []string{"nginx", "-systemd", "Keep rows"}},
		{"2 F4 'ngin' Esc", []string{"systemd"}},
		{"2 F4 'less' Enter F4 'x' Esc", []string{"2 of 9 rows: text less"}},
		{"2 F4 'less' Enter F4 Backspace Backspace Backspace Backspace Enter", []string{"systemd", "-rows:"}},
		{"2 F4 'pid>'", []string{"systemd"}},
		{"2 F4 'nginx' Enter", []string{"4 of 9 rows: text nginx", "-systemd"}},
		{"2 \\ 'pid>800' Enter", []string{"2 of 9 rows: expression pid>800", "-systemd"}},
		{"2 \\ 'pidd>800' Enter", []string{"did you mean", "pidd>800"}},
		{"2 \\ 'pid>' Enter", []string{"pid>"}},
		{"2 \\ 'nginx' Enter Esc", []string{"systemd", "-rows: text"}},
		{"2 \\ 'nobodyhasthis' Enter", []string{"No row fits the filter."}},
		{"3 Enter", []string{"bytes in it, of its", "Esc: back"}},
		{"3 Enter Esc", []string{"-bytes in it, of its"}},
		{"3 Enter Backspace", []string{"-bytes in it, of its"}},
		{"3 Enter 2", []string{"[2 Procs]", "-bytes in it, of its"}},
		{"3 Enter / 'Links' Enter", []string{"Links"}},
		{"2 End Up w", []string{"why: yes(812)", "Esc: back"}},
		{"3 w", []string{"why: pipe:4242"}},
		{"3 g", []string{" writes  yes(812) fd 1 w", "Esc: back", "1 hop (g: 2)", "Talks with", "└─ → less(813) through pipe:4242"}},
		{"2 Down g g", []string{"2 hops (g: 3)", "php(12)", "(above)"}},
		{"2 Down g g g g", []string{"1 hop (g: 2)"}},
		{"3 o", []string{"[2 Procs]", "> 813"}},
		{"3 o Esc", []string{"[3 Chan]", "> pipe:4242"}},
		{"2 \\ 'nginx' Enter 3 o", []string{"> 813", "The filter hid it"}},
		{"4 / 'unix:17' Enter o", []string{"> unix:18"}},
		{"4 / 'unix:17' Enter o o", []string{"> unix:17"}},
		{"2 End o", []string{"> 812"}},
		{"2 End l", []string{"Objects of less(813)", "pipe:4242", "pipe:4244", "-pipe:4243"}},
		{"2 End l Esc", []string{"[2 Procs]", "> 813"}},
		{"2 End l Tab", []string{"[3 Chan]"}},
		{"3 l", []string{"is held by 2 processes"}},
		{"3 Down l", []string{"Objects of yes(812)"}},
		{"2 Space Space", []string{"|*  1", "|*  9", "2 tagged"}},
		{"2 Space Up Space", []string{"|   1", "0 tagged"}},
		{"Z", []string{"PAUSED", "Z: resume"}},
		{"Z Z", []string{"-PAUSED", "live 2s"}},
		{"2 F", []string{"Following systemd(1) (F: stop)", "FOLLOW"}},
		{"2 F F", []string{"Following stopped"}},
		{"2 H", []string{"Threads are shown", "THREADS", "814  ann", "caf"}},
		{"2 H H", []string{"-THREADS live", "-814  ann"}},
		{"2 p", []string{"PATHS", "/usr/sbin/nginx"}},
		{"3 H", []string{"Threads are shown on screens 2 and 7."}},
		{"8 +", []string{"Leaves out what appeared", "[8 Log]"}},
		{"8 + +", []string{"Shows what appeared"}},
		{"2 W", []string{"Left and Right: scroll", "WIDE"}},
		{"2 W Right Right", []string{"-PID "}},
		{"2 W W", []string{"-Left and Right"}},
		{"2 t", []string{"Children below their parents"}},
		{"3 t", []string{"Only processes have a tree"}},
		{"2 u", []string{"Whose processes", "(every user)", "Esc: back"}},
		{"2 u 'w' Enter", []string{"Only user www. Esc shows all.", "nginx", "-systemd"}},
		{"2 u 'w' Enter Esc", []string{"systemd", "-Only user"}},
		{"2 u 'w' Enter 3", []string{"Only user www", "-pipe:4242 "}},
		{"2 u Down Esc", []string{"systemd", "-Only user"}},
		{"2 u End Enter u Home Enter", []string{"systemd", "-Only user"}},
		{"2 c", []string{"Which container?", "(everything)"}},
		{"2 End x", []string{"Locks, semaphores and futexes of less(813)", "-pipe:4242 "}},
		{"3 y", []string{"Copied: pipe:4242"}},
		{"2 End Enter y", []string{"Copied: 813"}},
		{"3 Down Down Down Down y", []string{"Copied: pipe:4246"}},
		{"2 End k", []string{"Send a signal to less(813)", ">  SIGTERM     asks it to end", "SIGSTOP"}},
		{"2 End F9 Esc", []string{"-Send a signal", "PEERS"}},
		{"2 End k 'k' Enter", []string{"Send SIGKILL to less(813)? (y: yes)"}},
		{"2 End k Enter 'n'", []string{"Nothing was sent."}},
		{"2 Space Space k", []string{"Send a signal to 2 processes"}},
		{"3 k", []string{"which process of pipe", ">  yes(812)"}},
		{"3 k Down Enter", []string{"Send a signal to less(813)"}},
		{"1 k", []string{"which process of pipe"}},
		{"3 Del", []string{"Del removes only what a finding reports as left behind: pipe:4242"}},
		{"2 Del", []string{"Del removes only what a finding reports as left behind: systemd(1)"}},
		{"S", []string{"Saving..."}},
		{"?", []string{"── help"}},
		{"F1 End", []string{"Watching changes nothing"}},
		{"? Esc", []string{"-── help"}},
		{"K", []string{"K is not a key here. ? lists the keys."}},
		{"Esc", []string{"q quits, ? helps."}},
		{"1 o", []string{"[2 Procs]"}},
		{"1 End Enter", []string{"malformed"}},
		{"8", []string{"Nothing appeared or vanished yet."}},
		{"8 Enter g o l Space", []string{"[8 Log]"}},
	} {
		t.Run(test.keys, func(t *testing.T) {
			v := newView(t, usual, 100, 24)
			v.scan(undiagnosed())
			v.keys(test.keys)
			v.has(test.has...)
		})
	}
}

func TestEffects(t *testing.T) {
	for keys, want := range map[string]string{
		"q": "[live.Quit{}]", "F10": "[live.Quit{}]", "Ctrl-C": "[live.Quit{}]", "/ 'q'": "[]", "/ Ctrl-C": "[]", "Ctrl-Z": "[live.Suspend{}]",
		"2 End k Enter 'y'":   "[live.Aim{Targets:[]live.Ident{live.Ident{ID:\"\", Gen:\"\", PID:813, Start:0x32d, Seq:0}}} live.Fire{Signal:\"SIGTERM\", What:\"SIGTERM to less(813)\"}]",
		"2 End k Enter Enter": "[live.Aim{Targets:[]live.Ident{live.Ident{ID:\"\", Gen:\"\", PID:813, Start:0x32d, Seq:0}}} live.LetGo{}]",
		"2 End k Esc":         "[live.Aim{Targets:[]live.Ident{live.Ident{ID:\"\", Gen:\"\", PID:813, Start:0x32d, Seq:0}}} live.LetGo{}]",
		"Ctrl-L":              "[live.Redraw{}]", "Z": "[live.Pause{On:true}]", "Z Z": "[live.Pause{On:true} live.Pause{On:false}]",
	} {
		v := newView(t, usual, 80, 24)
		v.scan(undiagnosed())
		v.keys(keys)
		var got []string
		for _, e := range v.effects {
			got = append(got, fmt.Sprintf("%#v", e))
		}
		if s := "[" + strings.Join(got, " ") + "]"; s != want {
			t.Errorf("%s: %s, want %s", keys, s, want)
		}
	}
}

func TestSelectionStaysInPlace(t *testing.T) {
	v := newView(t, usual, 80, 24)
	s := pipes(100)
	v.scan(s)
	v.keys("3 PgDn Down Down")
	before := lineOf(t, v, "> pipe:")
	id := before[1]
	s = pipes(100)
	s.Objects = append(pipes(50).Objects[:0:0], s.Objects...)
	for i := range 7 { // pipes that sort before
		s.Objects = slices.Insert(s.Objects, 0, &model.Object{ID: fmt.Sprintf("pipe:%d", 9-i), Kind: model.Pipe, Detail: new(model.PipeDetail)})
	}
	v.scan(s)
	if after := lineOf(t, v, "> pipe:"); after != before {
		t.Errorf("was %v, is %v\n%s", before, after, v.frame())
	}
	s = pipes(100)
	s.Objects = slices.DeleteFunc(s.Objects, func(o *model.Object) bool { return o.ID == id })
	v.scan(s)
	if after := lineOf(t, v, "> pipe:"); after[0] != before[0] || after[1] == id {
		t.Errorf("it vanished: was %v, is %v", before, after)
	}
}

func TestFollowHoldsOn(t *testing.T) {
	v := newView(t, usual, 80, 24)
	s := undiagnosed()
	v.scan(s)
	v.keys("3 Down F")
	v.has("> pipe:4243")
	v.scan(later())
	v.keys("Left")
	v.has("What is followed is gone. F: stop following.", "-> pipe")
	v.scan(s)
	v.has("> pipe:4243")
}

// TestReusedPID: if a pid is reused, the new process is another row.
func TestReusedPID(t *testing.T) {
	v := newView(t, usual, 80, 24)
	v.scan(undiagnosed())
	v.keys("2 End Enter")
	v.has("less(813)")
	s := undiagnosed()
	s.Processes[8].StartTicks++
	s.Processes[8].Comm, s.Processes[8].Label = "impostor", "impostor"
	v.scan(s)
	v.has("less(813) (gone)", "-impostor")
	v.keys("8")
	v.has("+ new   process  impostor(813)", "gone  process  less(813)")
}

// TestHistory: stepping back shows earlier snapshots; stepping forward ends at the newest one,
// and Z resumes.
func TestHistory(t *testing.T) {
	v := newView(t, usual, 80, 24)
	v.scan(undiagnosed())
	v.scan(later())
	v.keys("3")
	v.has("12:03:13", "-pipe:4243")
	v.keys("[")
	v.has("12:03:11 PAUSED -2s", "pipe:4243")
	v.keys("[")
	v.has("This is the oldest sample in memory.")
	v.keys("] ]")
	v.has("12:03:13 PAUSED", "This is the newest", "-pipe:4243", "--2s")
	v.keys("[ Z")
	v.has("12:03:13 live", "-pipe:4243", "-PAUSED")
	s := later()
	s.Taken = s.Taken.Add(maxHistory)
	v.scan(s)
	if n := len(v.m.history.list); n != 2 {
		t.Errorf("%d snapshots are kept, some older than %v", n, maxHistory)
	}
	big := v.prev.size()
	for i := range maxHistorySize/big + 5 {
		s := later()
		s.Taken = s.Taken.Add(maxHistory + time.Duration(i)*time.Millisecond)
		v.scan(s)
	}
	if n := len(v.m.history.list); n*big > maxHistorySize || n < maxHistorySize/big-1 {
		t.Errorf("%d snapshots of %d bytes are kept", n, big)
	}
}

func TestSparkline(t *testing.T) {
	for ascii, want := range map[bool]string{false: " ▁▂▄▅█  1/1 ", true: " .:=+@  1/1 "} {
		v := newView(t, Settings{Interval: time.Second, ASCII: ascii}, 80, 24)
		for _, queued := range []int64{0, 9000, 30000, 40000, 65536} {
			s := pipes(1)
			s.Objects[0].Detail.(*model.PipeDetail).Queued = model.Some(queued)
			s.Objects[0].Fill = model.NewRatio(model.Some(queued), model.Some[int64](65536))
			v.scan(s)
		}
		v.keys("3")
		v.has(want)
	}
}

func TestPauseDropsSnapshots(t *testing.T) {
	v := newView(t, usual, 80, 24)
	v.scan(undiagnosed())
	v.keys("Z")
	v.scan(later())
	v.has("12:03:11 PAUSED")
}

func TestMouse(t *testing.T) {
	v := newView(t, usual, 80, 24)
	v.scan(undiagnosed())
	v.do(Click{22, lineScreens})
	v.has("[3 Chan]")
	v.do(Click{5, lineBody + 2})
	v.has("> pipe:4244")
	v.do(Wheel{3})
	v.has("> fifo:8:1:77")
	v.do(Click{2, lineHeading})
	v.has("Sorted by ID")
	v.do(Click{2, lineHeading})
	v.do(Click{79, 23})
	v.has("ID▼")
}

func TestPaste(t *testing.T) {
	v := newView(t, usual, 80, 24)
	v.scan(undiagnosed())
	v.do(Paste{"q"})
	v.keys("/")
	v.do(Paste{"le\x1b[31ms\ns"})
	v.has("Search: le[31mss")
	if len(v.effects) > 0 {
		t.Errorf("pasted text did %v", v.effects)
	}
}

func TestDumpSaysSo(t *testing.T) {
	v := newView(t, Settings{Source: "state.json"}, 120, 24)
	v.scan(undiagnosed())
	v.has("DUMP 2025-03-01 12:03:11 from state.json")
}

func TestHealthy(t *testing.T) {
	v := newView(t, usual, 80, 24)
	s := undiagnosed()
	s.Findings, s.Gaps, s.Scan.ProcessesUnreadable = []model.Finding{}, nil, 0
	v.scan(s)
	v.has("Nothing is stuck. 231 of 231 processes read.", "Threads  blocked ?", "Who talks with whom")
	s.Waits = slices.Repeat([]model.Wait{{Idle: true}}, 7)
	v.scan(s)
	v.has("Nothing is stuck. 231 of 231 processes read, 7 threads idle.")
	s.Scan.ProcessesUnreadable = 41
	v.scan(s)
	v.has("Nothing seen is stuck. 190 of 231 processes read, 7 threads idle.", "231 processes, 41 hidden: sudo shows them")
	s.Findings = []model.Finding{{ID: "zombies,7", Rule: "zombies", Severity: model.Info, Confidence: model.Likely}}
	v.scan(s)
	v.has("7 threads idle. 1 note.", "Left behind", "i  zombies")
}

func TestTree(t *testing.T) {
	process := func(pid, ppid int, name string) *model.Process {
		return &model.Process{PID: pid, PPID: ppid, StartTicks: 1, Comm: name, Label: name, State: "S", User: "root"}
	}
	s := &model.Snapshot{Schema: model.Schema, Taken: modeltest.Taken, Processes: []*model.Process{
		process(1, 0, "init"), process(5, 1, "sshd"), process(7, 20, "late"), process(8, 1, "cron"), process(20, 5, "shell"),
		process(30, 31, "ring"), process(31, 30, "gnir"), process(40, 999, "orphan"),
	}}
	v := newView(t, usual, 80, 24)
	v.scan(s)
	v.keys("2 F5")
	got := column1(v)
	if want := "init|├─ sshd|│  └─ shell|│     └─ late|└─ cron|orphan|ring|└─ gnir"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	v.keys("\\ 'l' Enter") // parents that are filtered out leave no hole
	if got, want := column1(v), "shell|└─ late"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	v.keys("Esc > I t")
	if got := column1(v); !strings.HasPrefix(got, "orphan|") {
		t.Errorf("no tree, the highest pid first: %s", got)
	}
}

// column1 returns the cells under COMMAND, from the first row to the last.
func column1(v *view) string {
	var names []string
	at := -1
	for _, l := range strings.Split(v.frame(), "\n") {
		switch r := []rune(l); {
		case strings.Contains(l, "COMMAND"):
			at = len([]rune(l[:strings.Index(l, "COMMAND")]))
		case strings.Contains(l, "──"):
			at = -1
		case at > 0 && len(r) > at:
			names = append(names, strings.TrimRight(string(r[at:]), " "))
		}
	}
	return strings.Join(names, "|")
}

// TestRemove: an object that a finding calls an orphan can be removed; other objects cannot,
// and nothing can be removed if changes are not allowed.
func TestRemove(t *testing.T) {
	orphaned := func() *model.Snapshot {
		s := modeltest.Rich()
		s.Findings = []model.Finding{{ID: "orphan-sysv-msg,sysv-msg:0", Rule: "orphan-sysv-msg", Severity: model.Info, Objects: []string{"sysv-msg:0"}, Summary: "left"}}
		return s
	}
	v := newView(t, usual, 100, 24)
	v.scan(orphaned())
	v.keys("1 Del")
	v.has("Remove sysv-msg:0 and what is in it? (y: yes)")
	v.keys("'n'")
	v.has("Nothing was removed.")
	v.keys("5 Down Del 'y'")
	if len(v.effects) != 1 {
		t.Fatalf("effects %v", v.effects)
	}
	if e, ok := v.effects[0].(Remove); !ok || e.Object.ID != "sysv-msg:0" {
		t.Errorf("effect %#v", v.effects[0])
	}
	v.do(Done{What: "Removal of sysv-msg:0", Err: errors.New("not\x1b allowed")})
	v.has(`not\x1b allowed`)
	v.do(Done{What: "Removal of sysv-msg:0"})
	v.has("Removal of sysv-msg:0: done.")
	for why, s := range map[string]Settings{
		"This is a dump": {Source: "x.json"}, "started with --readonly": {ReadOnly: true}, "it is Tuesday": {Powerless: "it is Tuesday"},
	} {
		v := newView(t, s, 100, 24)
		v.scan(orphaned())
		for _, keys := range []string{"1 Del", "2 k"} {
			if v.keys(keys); len(v.effects) > 0 {
				t.Errorf("%s: %v", keys, v.effects)
			}
			v.has(why)
		}
	}
}

// TestSignalDialogIsFrozen: a dialog stays about the process for which it was opened, whatever
// changes meanwhile.
func TestSignalDialogIsFrozen(t *testing.T) {
	v := newView(t, usual, 100, 24)
	v.scan(undiagnosed())
	v.keys("2 End k Enter")
	v.scan(later())
	v.has("Send SIGTERM to less(813)?")
	v.do(Aimed{Err: errors.New("hold process 813: no such process")})
	v.has("hold process 813: no such process", "-Send SIGTERM")
	v.keys("y Enter")
	for _, e := range v.effects {
		if _, ok := e.(Fire); ok {
			t.Errorf("effects %v", v.effects)
		}
	}
}

// TestFinding: the page of a finding shows its chain, evidence and actions; ? explains it.
func TestFinding(t *testing.T) {
	v := newView(t, usual, 100, 30)
	v.scan(modeltest.Rich())
	v.keys("1 Enter")
	f := modeltest.Rich().Findings[0]
	v.has(f.Evidence[0].Text, "Evidence", string(f.Confidence), "? explains "+f.Rule)
	v.keys("?")
	v.has("help: " + f.Rule)
	v.keys("Esc y")
	v.has("Copied: ")
	s := modeltest.Rich()
	s.Findings = []model.Finding{}
	v.scan(s)
	v.has("(gone)", f.Evidence[0].Text)
}

// FuzzKeys: whatever keys are pressed, in any order, nothing panics and every frame fits.
func FuzzKeys(f *testing.F) {
	f.Add("2 Down Enter Esc o l", 80, 24)
	f.Add("3 \\ 'a==' Enter Esc / 'x' Enter n N W Right Right", 40, 10)
	f.Fuzz(func(t *testing.T, keys string, width, height int) {
		if width < 0 || height < 0 || width > 300 || height > 100 || len(keys) > 200 {
			return
		}
		v := newView(t, usual, width, height)
		v.scan(modeltest.Rich())
		v.keys(keys)
		v.scan(later())
	})
}

// TestEveryBindingIsBound: every key of the table does something, and is in the help.
func TestEveryBindingIsBound(t *testing.T) {
	page := ""
	for _, l := range help(usual, 80) {
		page += l.String() + "\n"
	}
	for _, b := range bindings() {
		if !strings.Contains(page, b.does) {
			t.Errorf("%v is not in the help", b.keys)
		}
		for _, k := range b.keys {
			m := New(usual)
			if b.do == nil && !m.motion(k) {
				t.Errorf("%s does nothing", k)
			}
		}
	}
}

// lineOf returns the screen line that begins with a text, and the first word after it.
func lineOf(t *testing.T, v *view, prefix string) [2]string {
	t.Helper()
	for i, l := range strings.Split(v.frame(), "\n") {
		if strings.HasPrefix(l, prefix) {
			return [2]string{fmt.Sprint(i), strings.Fields(l)[1]}
		}
	}
	t.Fatalf("no line begins with %q:\n%s", prefix, v.frame())
	return [2]string{}
}

// pipes returns a machine with n pipes.
func pipes(n int) *model.Snapshot {
	s := &model.Snapshot{Schema: model.Schema, Taken: modeltest.Taken}
	for i := range n {
		s.Objects = append(s.Objects, &model.Object{
			ID: fmt.Sprintf("pipe:%d", i+10), Kind: model.Pipe, Ino: model.Big(i + 10), HoldersComplete: true,
			Detail: &model.PipeDetail{Queued: model.Some(int64(i)), Capacity: model.Some(int64(65536))},
			Holders: []model.Holder{
				{PID: int32(i%500 + 1), Comm: "writer", Via: model.ViaFD, FD: model.Some(int32(1)), Access: model.Write},
				{PID: int32(i%500 + 600), Comm: "reader", Via: model.ViaFD, FD: model.Some(int32(0)), Access: model.Read},
			},
		})
	}
	s.Links = model.MakeLinks(s.Objects)
	return s
}
