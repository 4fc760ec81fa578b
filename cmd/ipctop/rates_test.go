package main

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Without eBPF, while rates are on, each snapshot of the live view is compared with the one
// before, but not with one from before they were on.
func TestLiveRatesWithoutEBPF(t *testing.T) {
	o := &options{source: sourceProc}
	set, end := liveRates(o)
	defer end()
	began, sent := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), int64(0)
	next := func() *model.Snapshot {
		t.Helper()
		began, sent = began.Add(2*time.Second), sent+4000
		snap := &model.Snapshot{Taken: began, Objects: []*model.Object{{
			ID: "tcp:1", Kind: model.TCP, Detail: &model.InetDetail{BytesAcked: model.Some(sent), BytesReceived: model.Some[int64](5)},
		}}}
		addTo, err := o.sampleRates()
		if err != nil {
			t.Fatal(err)
		}
		addTo(snap)
		return snap
	}
	nothing := func(when string) {
		t.Helper()
		if s := next(); s.Scan.Rates != nil || s.Traffic != nil {
			t.Errorf("%s: %+v, %+v", when, s.Scan.Rates, s.Traffic)
		}
	}
	for range 2 {
		nothing("while they are off")
		for range 2 { // turning them on twice changes nothing
			if err := set(true); err != nil {
				t.Fatal(err)
			}
		}
		nothing("in the first snapshot, which has none before it")
		for range 2 {
			s := next()
			if r := s.Scan.Rates; r == nil || r.Source != model.RatesCounters || r.Duration != int64(2*time.Second) {
				t.Fatalf("rates %+v", r)
			}
			if len(s.Traffic) != 1 || s.Traffic[0].Object != "tcp:1" || s.Traffic[0].Sent.BytesPerSecond != model.Some[int64](2000) {
				t.Errorf("traffic %+v, want 2000 bytes a second", s.Traffic)
			}
		}
		if err := set(false); err != nil {
			t.Fatal(err)
		}
	}
	nothing("after them")
}
