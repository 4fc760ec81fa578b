package render

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestLimitShare(t *testing.T) {
	for r, want := range map[model.Ratio]string{0: "0%", 0.0001: "<1%", 0.01: "1%", 0.799: "79%", 0.9999: "99%", 1: "FULL", 1.5: "FULL"} {
		if got := limitShare(r); got != want {
			t.Errorf("%v: %s, want %s", r, got, want)
		}
	}
}

// manyLimits returns a thousand processes, of which one has reached its limit and one has
// used half of it.
func manyLimits() *model.Snapshot {
	s := new(model.Snapshot)
	for pid := 1; pid <= 1000; pid++ {
		used := map[int]int64{400: 100, 700: 50}[pid]
		s.Limits = append(s.Limits, model.Limit{
			Name: "RLIMIT_NOFILE", Used: model.Some(used), Max: model.Some[int64](100), Unit: "descriptors", Scope: &model.LimitScope{PID: pid},
		})
	}
	s.Limits = append(s.Limits,
		model.Limit{Name: "kernel.msgmax", Max: model.Some[int64](8192), Unit: "bytes per message"},
		model.Limit{Name: "kernel.shmall", Used: model.Some[int64](7), Unlimited: true, Unit: "pages"},
		model.Limit{Name: "kernel.shmmni", Used: model.Some[int64](92), Max: model.Some[int64](100), Estimated: true, Unit: "segments"})
	return s
}

func limitLines(t *testing.T, r Request) []string {
	t.Helper()
	r.Only = []string{"limits"}
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s := manyLimits()
	if _, err := Write(&b, &r, s, s); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestLimitsWorstFirst(t *testing.T) {
	lines := limitLines(t, Request{Format: "table"})
	want := []string{
		"NAME KIND SCOPE USE USED MAX UNIT",
		"RLIMIT_NOFILE process 400 FULL 100 100 descriptors",
		"kernel.shmmni machine ~92% ~92 100 segments",
		"RLIMIT_NOFILE process 700 50% 50 100 descriptors",
		"kernel.msgmax machine ? ? 8K bytes per message",
		"kernel.shmall machine ? 7 unlimited pages",
		"998 more of single processes, all below 50%: -o wide shows them",
	}
	for i := range max(len(lines), len(want)) {
		if i >= len(lines) || i >= len(want) || strings.Join(strings.Fields(lines[i]), " ") != want[i] {
			t.Fatalf("line %d of\n%s\nwant\n%s", i, strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	}
	// Nothing is left out for scripts, or if the user asks for everything.
	for _, r := range []Request{{Format: "wide"}, {Format: "csv"}, {Format: "table", Options: Options{NoHeadings: true}}} {
		if n := strings.Count(fmt.Sprint(limitLines(t, r)), "RLIMIT_NOFILE"); n != 1000 {
			t.Errorf("%s: %d processes", r.Format, n)
		}
	}
}

func TestQuietProcessesLeaveTheWorst(t *testing.T) {
	s := manyLimits()
	list, left := leaveQuiet(worstFirst(s.Limits[:399]))
	if len(list) != 1 || left != 398 {
		t.Errorf("%d shown, %d left out", len(list), left)
	}
}
