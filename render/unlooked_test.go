package render

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestUnlooked(t *testing.T) {
	gaps := func(n int, probe string, r model.Reason) []model.Gap {
		var list []model.Gap
		for pid := 1; pid <= n; pid++ {
			list = append(list, model.Gap{Probe: probe, Reason: r, PID: pid, Count: 1})
		}
		return list
	}
	for _, tt := range []struct {
		name string
		gaps []model.Gap
		says bool
	}{
		{"everything was read", nil, false},
		{"no privilege", gaps(50, "waits", model.Denied), false},
		{"processes that have ended", gaps(50, "process", model.Vanished), false},
		{"a few hang", gaps(fewHang, "waits", model.Timeout), false},
		{"pipes were not asked", gaps(50, "pipe", model.Timeout), false},
		{"waits were not read", gaps(50, "waits", model.Timeout), true},
		{"processes were not read", gaps(50, "process", model.Timeout), true},
	} {
		if said := Unlooked(&model.Snapshot{Gaps: tt.gaps, Scan: model.Scan{Processes: 100}}); strings.HasPrefix(said, "could not look") != tt.says {
			t.Errorf("%s: %q", tt.name, said)
		}
	}
}

// TestUnlookedInContainer: if there are only few processes, even a few unread ones are too many.
func TestUnlookedInContainer(t *testing.T) {
	for _, tt := range []struct {
		missing, processes int
		says               bool
	}{{1, 4, false}, {1, 3, true}, {2, 8, false}, {2, 7, true}, {4, 5, true}, {4, 16, false}} {
		s := &model.Snapshot{Scan: model.Scan{Processes: tt.processes}}
		for pid := range tt.missing {
			s.Gaps = append(s.Gaps, model.Gap{Probe: "waits", Reason: model.Timeout, PID: 1 + pid, Count: 1})
		}
		if said := Unlooked(s); said != "" != tt.says {
			t.Errorf("%d of %d: %q", tt.missing, tt.processes, said)
		}
	}
}
