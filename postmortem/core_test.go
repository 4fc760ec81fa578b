package postmortem

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/corefile"
	"github.com/ipctop/ipctop/model"
)

func TestProcessOf(t *testing.T) {
	core := &corefile.Core{Process: corefile.Process{PID: 7, Comm: "a"}}
	for name, test := range map[string]struct {
		processes []*model.Process
		want      int // pid; 0: none
	}{
		"by its pid":                {[]*model.Process{{PID: 7, Comm: "a"}}, 7},
		"of another name":           {[]*model.Process{{PID: 7, Comm: "b"}}, 0},
		"by its own pid":            {[]*model.Process{{PID: 90, Comm: "a", NSPIDs: []int{90, 7}}}, 90},
		"a pid of another":          {[]*model.Process{{PID: 7, Comm: "a", NSPIDs: []int{7, 1}}}, 0},
		"either of two namespaces":  {[]*model.Process{{PID: 90, Comm: "a", NSPIDs: []int{90, 7}}, {PID: 91, Comm: "a", NSPIDs: []int{91, 7}}}, 0},
		"here before any namespace": {[]*model.Process{{PID: 90, Comm: "a", NSPIDs: []int{90, 7}}, {PID: 7, Comm: "a"}}, 7},
	} {
		got := 0
		if p := New(core, &model.Snapshot{Processes: test.processes}).With.Process; p != nil {
			got = p.PID
		}
		if got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestSnapshotAdds(t *testing.T) {
	core := &corefile.Core{Process: corefile.Process{PID: 7, Comm: "a"}, Signal: &corefile.Signal{Name: "SIGTERM", Sender: model.Some(8)}}
	snap := &model.Snapshot{
		Processes: []*model.Process{{PID: 7, Comm: "a"}, {PID: 8, Comm: "b", Label: "killer"}},
		Links: []*model.Link{
			{Object: "pipe:1", From: []int{7}, To: []int{8}, FromComm: []string{"a"}, ToComm: []string{"b"}},
			{Object: "pipe:2", From: []int{8}, To: []int{9}},
			{Object: "unix:3", From: []int{8}, To: []int{7}, BothWays: true},
		},
		Waits:    []model.Wait{{PID: 7}, {PID: 8}},
		Findings: []model.Finding{{PIDs: []int{6, 7}}, {PIDs: []int{8}}},
	}
	r := New(core, snap)
	if w := r.With; len(w.Links) != 2 || len(w.Waits) != 1 || len(w.Findings) != 1 {
		t.Errorf("%+v", w)
	}
	text := string(r.Text("core.7"))
	for _, want := range []string{"ended by SIGTERM, sent by killer(8)\n", " a(7) -> b(8)  pipe:1\n", " ?(8) <=> ?(7)  unix:3\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	if text := string(New(core, nil).Text("core.7")); !strings.Contains(text, "sent by process 8\n") || strings.Contains(text, "pipe") {
		t.Errorf("without a snapshot: %s", text)
	}
}

func TestSignalWords(t *testing.T) {
	var all []string
	for n := 1; n <= model.MaxSignal; n++ {
		all = append(all, model.SignalName(n))
	}
	if got := signalWords(all[1:]); got != "all but "+model.SignalName(1) {
		t.Error(got)
	}
	if got := signalWords(all[8:11]); got != strings.Join(all[8:11], " ") {
		t.Error(got)
	}
}
