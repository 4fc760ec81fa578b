package fleet

import (
	"hash/fnv"
	"slices"
	"sort"
	"time"
)

// Samples is what a recording of one host knows of its samples without reading them;
// [record.Recording] is one.
type Samples interface {
	Len() int
	Time(i int) time.Time
	Findings(i int) uint64 // the same for samples with the same findings
}

// Nearest is the sample that was taken nearest to a time, the earlier one where two are as
// near. There must be one.
func Nearest(s Samples, t time.Time) int {
	later := sort.Search(s.Len(), func(i int) bool { return s.Time(i).After(t) })
	if later == 0 || later < s.Len() && s.Time(later).Sub(t) < t.Sub(s.Time(later-1)) {
		return later
	}
	return later - 1
}

// Timeline is the steps of the recordings of several hosts: at each, every host is shown by
// its sample nearest to one time. It holds a time for each step, whatever the number of
// hosts.
type Timeline struct {
	hosts []Samples
	steps []time.Time
}

// NewTimeline makes the timeline of recordings that have a sample each. It goes from when
// the last of them begins to when the first of them ends, so that no host is shown by a
// sample of another time. Recordings that have no time in common make one step.
func NewTimeline(hosts []Samples) *Timeline {
	t := &Timeline{hosts: hosts}
	var from, to time.Time
	for i, h := range hosts {
		if begin := h.Time(0); i == 0 || begin.After(from) {
			from = begin
		}
		if end := h.Time(h.Len() - 1); i == 0 || end.Before(to) {
			to = end
		}
	}
	if to.Before(from) {
		from, to = to, from
	}
	var times []time.Time
	for _, h := range hosts {
		for i := range h.Len() {
			if at := h.Time(i); !at.Before(from) && !at.After(to) {
				times = append(times, at)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	shown := make([]int, len(hosts))
	for i, at := range times {
		changed := i == 0
		for j, h := range hosts {
			for n := shown[j] + 1; n < h.Len() && h.Time(n).Sub(at) < at.Sub(h.Time(n-1)); n++ {
				shown[j], changed = n, true
			}
		}
		if changed {
			t.steps = append(t.steps, at)
		}
	}
	return t
}

// Len is the number of steps.
func (t *Timeline) Len() int { return len(t.steps) }

// Time is that of a step: one of its samples was taken then.
func (t *Timeline) Time(i int) time.Time { return t.steps[i] }

// At is the last step until a time; -1 if all are later.
func (t *Timeline) At(at time.Time) int {
	return sort.Search(len(t.steps), func(i int) bool { return t.steps[i].After(at) }) - 1
}

// Sample is which sample of a host a step shows.
func (t *Timeline) Sample(step, host int) int { return Nearest(t.hosts[host], t.steps[step]) }

// Findings is the same for steps with the same findings of each host.
func (t *Timeline) Findings(i int) uint64 {
	sum := fnv.New64a()
	for j, h := range t.hosts {
		n := h.Findings(t.Sample(i, j))
		for shift := 0; shift < 64; shift += 8 {
			_, _ = sum.Write([]byte{byte(n >> shift)})
		}
	}
	return sum.Sum64()
}
