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

// Options are what a user may ask of the rules.
type Options struct {
	// MinAge is how long a thread must have been blocked before a rule about
	// slowness speaks of it.
	MinAge time.Duration

	// DeadlockAge is how long none of the threads of a deadlock must have run before
	// it is reported. One that is certain needs no age.
	DeadlockAge time.Duration
}

// DefaultMinAge is long enough for what passes by itself on a busy machine.
const DefaultMinAge = time.Second

// DefaultDeadlockAge is long enough for a program that works all the time, with one
// thread waiting for the other, to have run.
const DefaultDeadlockAge = 3 * time.Second

// Defaults are the options where nobody asks for others.
func Defaults() Options { return Options{MinAge: DefaultMinAge, DeadlockAge: DefaultDeadlockAge} }

// finding is what a rule has found, and which waits it explains.
type finding struct {
	model.Finding

	// explains are the waits whose cause this is: a later rule's finding about
	// nothing but them is a symptom of this one.
	explains []*model.Wait

	// about stands for the objects in the id: where there are none, or where they
	// come and go while the cause lasts.
	about string

	// limit is what the finding is about; nil: none.
	limit *model.Limit
}

// Run diagnoses a snapshot and writes into it what was found: who could release
// each wait, and the findings, the worst first. It returns the graph and with it the
// index that it made, for whatever is to be shown of the snapshot.
func Run(s *model.Snapshot, o Options) *graph.Graph {
	v := newView(graph.New(model.NewIndex(s)), o)
	v.graph.Annotate()
	s.Findings = v.find()
	return v.graph
}

// Find diagnoses a snapshot: the worst first. It never returns nil: a snapshot
// without findings is one in which nothing was found. The snapshot is not changed.
func Find(s *model.Snapshot, o Options) []model.Finding {
	return newView(graph.New(model.NewIndex(s)), o).find()
}

// Sequence diagnoses one snapshot of a machine after the other. What is not certain of
// a deadlock is reported only if it is there in two that follow each other. What was
// worked out of records that the next snapshot has, too, is not worked out again.
type Sequence struct {
	Options
	suspected map[string]bool // ids, in the snapshot before
	index     *model.Index    // of the snapshot before; nil: there was none
	graph     *graph.Graph    // … likewise
}

// Run is [Run] for the next snapshot. It returns the index: the graph is made anew in the same
// memory each time.
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

// ownMatter reports whether a finding is about ipctop and its helper alone: its output
// is a pipe of somebody's, its descriptors are there for the moment.
func (v *view) ownMatter(f *finding) bool {
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
			if !v.ownMatter(&f) && (v.steady == nil || v.steady(&f)) {
				found = append(found, f)
			}
		}
	}
	return order(fold(v.joinLimits(found)))
}

// fold makes a finding that another one explains a symptom of it.
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

// order puts the worst first, and of the equally bad who is blocked now before limits,
// and those before what was left behind; then the surest, those with the most victims,
// and the oldest.
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

// complete fills what follows from the rest of a finding: its id, all processes
// concerned, their containers, and lists for those there are none of.
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

// set sorts pids, each once.
func set(pids []int) []int {
	pids = append([]int{}, pids...)
	slices.Sort(pids)
	return slices.Compact(pids)
}
