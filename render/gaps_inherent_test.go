package render

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestGapSummaryLeavesOutWhatTheKernelTellsNobody: on every machine, a socket that is not bound
// yet is in no table, so the summary does not say that something could not be read.
func TestGapSummaryLeavesOutWhatTheKernelTellsNobody(t *testing.T) {
	s := &model.Snapshot{Gaps: []model.Gap{{Probe: "tcp", Reason: model.Unsupported, Op: model.OpUnlisted, Count: 1}}}
	if got := GapSummary(s); got != "" {
		t.Errorf("%q", got)
	}
	s.Gaps = append(s.Gaps, model.Gap{Probe: "tcp", Reason: model.Denied, Op: "find namespace", Count: 1})
	if got, want := GapSummary(s), "1 thing could not be read (ipctop dump --only gaps lists them)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
