package diagnose

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// Options are the settings of the rules that a user may change.
type Options struct {
	// MinAge is how long a thread must have been blocked before a rule about
	// slowness reports it.
	MinAge time.Duration

	// DeadlockAge is the time for which no thread of a deadlock must have run before
	// the deadlock is reported. A certain deadlock is reported at once.
	DeadlockAge time.Duration
}

// DefaultMinAge is long enough for short waits on a busy machine to end by themselves.
const DefaultMinAge = time.Second

// DefaultDeadlockAge is long enough for the threads of a busy program, which wait for each other
// in turn, to have run.
const DefaultDeadlockAge = 3 * time.Second

// Defaults returns the default options.
func Defaults() Options { return Options{MinAge: DefaultMinAge, DeadlockAge: DefaultDeadlockAge} }

// finding is a finding of a rule, with the waits that it explains.
type finding struct {
	model.Finding

	// explains lists the waits of which this is the cause: a later rule's finding that is
	// only about these waits is a symptom of this one.
	explains []*model.Wait

	// about replaces the objects in the id, if there are no objects, or if they change
	// while the cause stays.
	about string

	// limit is the limit that the finding is about; nil: none.
	limit *model.Limit
}

// Run diagnoses a snapshot and writes the result into it: who could release each wait,
// and the findings, the worst first. It returns the graph, which contains the index of the
// snapshot, so that callers do not have to make them again.
func Run(s *model.Snapshot, o Options) *graph.Graph {
	v := newView(graph.New(model.NewIndex(s)), o)
	v.graph.Annotate()
	s.Findings = v.find()
	return v.graph
}

// Find diagnoses a snapshot and returns the findings, the worst first. The result is never
// nil: an empty list means that nothing was found. The snapshot is not changed.
func Find(s *model.Snapshot, o Options) []model.Finding {
	return newView(graph.New(model.NewIndex(s)), o).find()
}

// Sequence diagnoses successive snapshots of a machine. A deadlock that is not certain is
// reported only if it is in two successive snapshots. Results that depend only on records
// which the next snapshot shares are reused.
type Sequence struct {
	Options
	suspected map[string]bool // ids of uncertain findings in the snapshot before
	index     *model.Index    // of the snapshot before; nil: there was none
	graph     *graph.Graph    // … likewise
}

// Run is [Run] for the next snapshot. It returns only the index, because the next call reuses the
// memory of the graph.
func (q *Sequence) Run(s *model.Snapshot) *model.Index {
	if q.index == nil {
		q.index = model.NewIndex(s)
	} else {
		q.index = q.index.Next(s)
	}
	q.graph = graph.Next(q.index, q.graph)
	v := newView(q.graph, q.Options)
	v.graph.Annotate()
	suspected := map[string]bool{}
	v.steady = func(f *finding) bool {
		if f.Confidence == model.Certain || f.Rule != deadlockRule.ID && f.Rule != selfWaitRule.ID {
			return true
		}
		suspected[f.ID] = true
		return q.suspected[f.ID]
	}
	s.Findings = v.find()
	q.suspected = suspected
	return q.index
}

// concernsIpctop reports whether a finding is only about ipctop and its helper process: their output may
// be somebody's pipe, and their descriptors exist only for a moment.
func (v *view) concernsIpctop(f *finding) bool {
	for _, pid := range f.PIDs {
		if p := v.graph.Processes[pid]; p == nil || !v.Own(p) {
			return false
		}
	}
	return len(f.PIDs) > 0
}

func (v *view) find() []model.Finding {
	var found []finding
	for i := range rules {
		r := &rules[i]
		for _, f := range v.foldLeftovers(r, r.find(v)) {
			f.Rule, f.Title, f.Severity = r.ID, r.Title, cmp.Or(f.Severity, r.Severity)
			v.complete(&f)
			if !v.concernsIpctop(&f) && (v.steady == nil || v.steady(&f)) {
				found = append(found, f)
			}
		}
	}
	return order(fold(v.joinLimits(found)))
}

// fold turns each finding that another one explains into a symptom of that one.
func fold(found []finding) []model.Finding {
	list := []model.Finding{}
	cause := map[*model.Wait]int{}
	for _, f := range found {
		at := -1
		for i, w := range f.explains {
			c, ok := cause[w]
			if !ok || i > 0 && c != at {
				at = -1
				break
			}
			at = c
		}
		if at >= 0 {
			list[at].Symptoms = append(list[at].Symptoms, f.ID)
			continue
		}
		for _, w := range f.explains {
			if _, ok := cause[w]; !ok {
				cause[w] = len(list)
			}
		}
		list = append(list, f.Finding)
	}
	return list
}

// order sorts findings by severity, the worst first; then blocked threads before limits, and
// limits before leftovers; then by confidence, by number of victims, and by age.
func order(list []model.Finding) []model.Finding {
	class := func(f *model.Finding) int {
		switch {
		case len(f.Chain) > 0:
			return 0
		case slices.Contains(leftovers, f.Rule):
			return 2
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b model.Finding) int {
		return cmp.Or(a.Severity.Rank()-b.Severity.Rank(), class(&a)-class(&b), a.Confidence.Rank()-b.Confidence.Rank(), len(b.Victims)-len(a.Victims),
			compareSince(a.Since, b.Since), model.CompareIDs(a.ID, b.ID))
	})
	return list
}

func compareSince(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

// complete fills in what follows from the rest of a finding: its id, all processes
// involved, their containers, and empty lists in place of nil.
func (v *view) complete(f *finding) {
	if f.Root != nil {
		f.PIDs = append(f.PIDs, f.Root.PID)
	}
	f.PIDs = append(f.PIDs, f.Victims...)
	for _, s := range f.Chain {
		f.PIDs = append(f.PIDs, s.PID)
	}
	f.Victims, f.PIDs, f.Objects = set(f.Victims), set(f.PIDs), append([]string{}, f.Objects...)
	slices.SortFunc(f.Objects, model.CompareIDs)
	f.Objects = slices.Compact(f.Objects)
	for _, pid := range f.PIDs {
		if p := v.processes[pid]; p != nil && p.Container != nil {
			f.Containers = append(f.Containers, p.Container.ID)
		}
	}
	slices.Sort(f.Containers)
	f.Containers = slices.Compact(f.Containers)
	slices.Sort(f.LoweredBy)
	f.LoweredBy = slices.Compact(f.LoweredBy)
	f.Chain, f.Evidence, f.Actions = append([]model.Step{}, f.Chain...), append([]model.Evidence{}, f.Evidence...), append([]model.Action{}, f.Actions...)
	parts := []string{f.Rule}
	if f.Root != nil {
		parts = append(parts, strconv.Itoa(f.Root.PID))
	}
	if f.about != "" {
		parts = append(parts, f.about)
	} else {
		parts = append(parts, f.Objects...)
	}
	f.ID = strings.Join(parts, ",")
}

// set returns the pids sorted and without duplicates.
func set(pids []int) []int {
	pids = append([]int{}, pids...)
	slices.Sort(pids)
	return slices.Compact(pids)
}
