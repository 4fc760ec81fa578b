package record

import (
	"cmp"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Trend finds counts that only grow from snapshot to snapshot: the number of objects of a
// kind, and the number of a process's open descriptors, by kind and in all.
type Trend struct {
	samples     int
	first, last time.Time
	series      map[counted]*series
}

// counted identifies a count. For a count of the whole machine the process is missing.
type counted struct {
	pid   int
	start uint64
	kind  model.Kind // "": descriptors of any kind
}

type series struct {
	comm        string
	grown       int // number of samples in which it grew
	first, last int
	since       time.Time
	shrunk      bool
}

// Growth is a count that grew and never shrank.
type Growth struct {
	PID   int        `json:"pid,omitzero"` // missing: the whole machine
	Start uint64     `json:"start_ticks,omitzero"`
	Comm  string     `json:"comm,omitzero"`
	Kind  model.Kind `json:"kind,omitzero"` // missing: open descriptors of any kind
	Since time.Time  `json:"since"`         // time of the first sample that has it
	First int        `json:"first"`
	Last  int        `json:"last"`
	Times int        `json:"times"` // in how many samples it was greater than in the one before
}

// leakTimes is how often a count must have grown: a program that starts grows once.
const leakTimes = 3

// Add counts one more snapshot, later than those before.
func (t *Trend) Add(s *model.Snapshot) {
	if t.series == nil {
		t.series = map[counted]*series{}
		t.first = s.Taken
	}
	t.samples++
	t.last = s.Taken
	comms := make(map[int]*model.Process, len(s.Processes))
	counts := map[counted]int{}
	for i := range s.Processes {
		p := s.Processes[i]
		if s.Own(p) {
			continue
		}
		comms[p.PID] = p
		if n, ok := p.FDs.Get(); ok {
			counts[counted{p.PID, p.StartTicks, ""}] = n
		}
	}
	for i := range s.Objects {
		o := s.Objects[i]
		counts[counted{kind: o.Kind}]++
		for j := range o.Holders {
			if p := comms[int(o.Holders[j].PID)]; p != nil {
				counts[counted{p.PID, p.StartTicks, o.Kind}]++
			}
		}
	}
	for what, n := range counts {
		c := t.series[what]
		if c == nil {
			c = &series{first: n, last: n, since: s.Taken}
			if p := comms[what.pid]; p != nil {
				c.comm = p.Name()
			}
			t.series[what] = c
		}
		c.add(n)
	}
	for what, c := range t.series {
		if _, ok := counts[what]; !ok {
			c.shrunk = true // it is 0 now, or its process has ended
		}
	}
}

func (c *series) add(n int) {
	if n > c.last {
		c.grown++
	}
	c.shrunk = c.shrunk || n < c.last
	c.last = n
}

// Samples returns how many snapshots were counted, and their first and last time.
func (t *Trend) Samples() (n int, first, last time.Time) { return t.samples, t.first, t.last }

// Growing lists the counts that only grew, those that grew most first.
func (t *Trend) Growing() []Growth {
	list := []Growth{}
	for what, c := range t.series {
		if !c.shrunk && c.grown >= leakTimes {
			list = append(list, Growth{what.pid, what.start, c.comm, what.kind, c.since, c.first, c.last, c.grown})
		}
	}
	slices.SortFunc(list, func(a, b Growth) int {
		return cmp.Or(cmp.Compare(b.Last-b.First, a.Last-a.First), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}
