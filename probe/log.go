package probe

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// recovered turns a panic of a probe into an error: a fault in one probe costs
// only that probe's part of the picture. The stack goes to the log.
func (s *Scan) recovered(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
			s.scanner.opts.Log.Debug("panic", "error", r, "stack", string(debug.Stack()))
		}
	}()
	return f()
}

// log reports what the scan did: for each probe how long it took, slowest first, how
// many gaps it left, and the first of them.
func (s *Scan) log(ctx context.Context, snap *model.Snapshot) {
	l := s.scanner.opts.Log
	if !l.Enabled(ctx, slog.LevelDebug) {
		return
	}
	type report struct {
		name  string
		took  time.Duration
		gaps  int
		first *model.Gap
	}
	reports := map[string]*report{}
	of := func(name string) *report {
		if reports[name] == nil {
			reports[name] = &report{name: name}
		}
		return reports[name]
	}
	for name, p := range snap.Scan.Probes {
		of(name).took = time.Duration(p.Duration)
	}
	for i := range snap.Gaps {
		g := &snap.Gaps[i]
		r := of(g.Probe)
		r.gaps += g.Count
		if r.first == nil {
			r.first = g
		}
	}
	list := make([]*report, 0, len(reports))
	for _, r := range reports {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *report) int {
		if a.took != b.took {
			return int(b.took - a.took)
		}
		return strings.Compare(a.name, b.name)
	})
	for _, r := range list {
		args := []any{"probe", r.name, "took", r.took}
		if r.first != nil {
			args = append(args, "gaps", r.gaps, "first", string(r.first.Reason)+": "+r.first.Op+": "+r.first.Detail)
		}
		l.Debug("probe", args...)
	}
	l.Debug("scan", "number", s.number, "took", time.Duration(snap.Scan.Duration), "processes", snap.Scan.Processes,
		"unreadable", snap.Scan.ProcessesUnreadable, "objects", len(snap.Objects), "waits", len(snap.Waits), "gaps", len(snap.Gaps))
}
