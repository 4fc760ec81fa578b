package fleet

import (
	"hash/fnv"
	"slices"
	"sort"
	"time"
)

// Samples is what is known of a recording's samples without reading them.
// [record.Recording] implements it.
type Samples interface {
	Len() int
	Time(i int) time.Time
	Findings(i int) uint64 // equal for samples with the same findings
}

// Nearest is the index of the sample taken nearest to a time; of two equally near ones the
// earlier. There must be at least one.
func Nearest(s Samples, t time.Time) int {
	later := sort.Search(s.Len(), func(i int) bool { return s.Time(i).After(t) })
	if later == 0 || later < s.Len() && s.Time(later).Sub(t) < t.Sub(s.Time(later-1)) {
		return later
	}
	return later - 1
}

// Timeline is a sequence of steps through the recordings of several hosts. At each step,
// every host is shown by its sample nearest to the step's time. Only one time is kept for
// each step, however many hosts there are.
type Timeline struct {
	hosts []Samples
	steps []time.Time
}

// NewTimeline makes the timeline of recordings with at least one sample each. It covers the
// time that all recordings have in common, so that no host is shown by a sample from
// another time. Recordings that do not overlap give one step.
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

// Time is the time of a step, at which one of its samples was taken.
func (t *Timeline) Time(i int) time.Time { return t.steps[i] }

// At is the last step at or before a time; -1 if all steps are later.
func (t *Timeline) At(at time.Time) int {
	return sort.Search(len(t.steps), func(i int) bool { return t.steps[i].After(at) }) - 1
}

// Sample is the index of the sample by which a step shows a host.
func (t *Timeline) Sample(step, host int) int { return Nearest(t.hosts[host], t.steps[step]) }

// Findings is equal for steps at which each host has the same findings.
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
