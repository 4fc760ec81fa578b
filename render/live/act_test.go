package live

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// TestActionsOfFinding: on a finding, k offers its actions, asks, and carries out the chosen one.
func TestActionsOfFinding(t *testing.T) {
	v := newView(t, usual, 100, 24)
	s := modeltest.Rich()
	s.Findings[0].Actions = append(s.Findings[0].Actions, model.Action{Argv: []string{"kill", "-CONT", "812"}, Effect: "lets yes go on", Risk: "none"},
		model.Action{Argv: []string{"fg", "%1"}, Effect: "in its shell"})
	v.scan(s)
	v.keys("1 k")
	v.has("What to do: pipe-full", ">  kill 813   ends less (ends the process)", "kill -CONT 812   lets yes go on", "another signal to less(813)")
	v.keys("Down Enter")
	v.has("Send SIGCONT to yes(812)? (y: yes)")
	v.keys("y")
	if aim, fire := v.effects[len(v.effects)-2], v.effects[len(v.effects)-1]; aim.(Aim).Targets[0].PID != 812 || fire.(Fire).Signal != "SIGCONT" {
		t.Errorf("effects %v %v", aim, fire)
	}
	v.keys("k Down Down Enter")
	v.has("Copied, to be run in a shell: fg %1")
	v.keys("k End Enter")
	v.has("Send a signal to less(813)")
	v.keys("Esc Enter k") // the page of the finding offers the same
	v.has("What to do: pipe-full")
}

func TestKillOf(t *testing.T) {
	for command, want := range map[string]string{
		"kill 7": "SIGTERM", "kill -CONT 7": "SIGCONT", "kill -SIGKILL 7": "SIGKILL", "kill -1 7": "", "kill 0": "", "kill -TERM -7": "", "kill": "",
		"kill -TERM 7 8": "", "ipcrm -m 7": "", "kill -BOGUS 7": "",
	} {
		if signal, pid, ok := killOf(strings.Fields(command)); ok != (want != "") || ok && (signal != want || pid != 7) {
			t.Errorf("%s: %s %d %v", command, signal, pid, ok)
		}
	}
}

// TestSignalThatDoesNothing: the menu says if a signal will have no effect, judged by the masks.
func TestSignalThatDoesNothing(t *testing.T) {
	masks := func(blocked, ignored, caught []string) *model.Signals {
		return &model.Signals{Blocked: blocked, Ignored: ignored, Caught: caught}
	}
	term := []string{"SIGTERM"}
	other := []model.Thread{{TID: 7}, {TID: 8, Signals: &model.Signals{Blocked: []string{}}}}
	const first = "is the first of its pid namespace and has no handler: no effect"
	for _, tt := range []struct {
		signal, does string
		p            model.Process
	}{
		{"SIGTERM", "ignores it", model.Process{Signals: masks(nil, term, nil)}},
		{"SIGTERM", "blocks it: no effect now", model.Process{Signals: masks(term, nil, nil)}},
		{"SIGTERM", "", model.Process{PID: 7, Signals: masks(term, nil, nil), ThreadList: other}}, // the other thread receives it
		{"SIGTERM", first, model.Process{NSPIDs: []int{7, 1}, Signals: masks(nil, nil, nil)}},
		{"SIGTERM", "", model.Process{NSPIDs: []int{7, 1}, Signals: masks(nil, nil, term)}},
		{"SIGKILL", "", model.Process{NSPIDs: []int{7, 1}, Signals: masks(nil, nil, term)}},
		{"SIGTERM", "", model.Process{}},
	} {
		line := signalLine(tt.signal, []*model.Process{&tt.p})
		if want := " (the process " + tt.does + ")"; tt.does == "" && strings.Contains(line, "(the process") || tt.does != "" && !strings.HasSuffix(line, want) {
			t.Errorf("%+v: %q, want %q", tt.p, line, tt.does)
		}
	}
}

// TestHighlight: a searched text is marked wherever it occurs, in any case.
func TestHighlight(t *testing.T) {
	l := text(Normal, "yes(812) → ")
	l.add(Dim, "YES and yes")
	var marked []string
	for _, s := range highlight(l, "Yes").Spans {
		if s.Role == Match {
			marked = append(marked, s.Text)
		}
	}
	if got := strings.Join(marked, " "); got != "yes YES yes" || highlight(l, "Yes").String() != l.String() {
		t.Errorf("marked %q in %q", got, highlight(l, "Yes").String())
	}
	if got := highlight(l, ""); len(got.Spans) != 2 {
		t.Errorf("%v", got.Spans)
	}
}
