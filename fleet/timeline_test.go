package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// seconds are samples, each given by the second in which it was taken; the findings change
// every ten seconds.
type seconds []int

func (s seconds) Len() int              { return len(s) }
func (s seconds) Time(i int) time.Time  { return time.Unix(int64(s[i]), 0) }
func (s seconds) Findings(i int) uint64 { return uint64(s[i] / 10) }

func TestTimeline(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hosts []seconds
		want  string // for each step the seconds of the samples, and | where the findings differ
	}{
		{"in step", []seconds{{0, 10, 20}, {1, 11, 21}}, "0+1 | 10+11 | 20+21"},
		{"one more often", []seconds{{0, 20}, {0, 5, 10, 15, 20}}, "0+0 0+5 | 0+10 | 20+15 | 20+20"},
		{"one ends early", []seconds{{0, 1, 2, 3}, {0, 1}}, "0+0 1+1"},
		{"one begins late", []seconds{{0, 1, 2, 3}, {2, 3}}, "2+2 3+3"},
		{"single samples", []seconds{{0}, {2}}, "0+2"},
		{"no time in common", []seconds{{0, 1}, {100, 101}}, "1+100"},
		{"three", []seconds{{0, 10}, {4, 14}, {6, 16}}, "10+4+6 | 10+14+6"},
	} {
		var hosts []Samples
		for _, h := range tt.hosts {
			hosts = append(hosts, h)
		}
		line := NewTimeline(hosts)
		var steps []string
		for i := range line.Len() {
			if i > 0 && line.Findings(i) != line.Findings(i-1) {
				steps = append(steps, "|")
			}
			var samples []string
			for j, h := range tt.hosts {
				samples = append(samples, fmt.Sprint(h[line.Sample(i, j)]))
			}
			steps = append(steps, strings.Join(samples, "+"))
			if at := line.At(line.Time(i)); at != i {
				t.Errorf("%s: step %d is found as %d by its time", tt.name, i, at)
			}
		}
		if got := strings.Join(steps, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if line.At(line.Time(0).Add(-time.Nanosecond)) != -1 {
			t.Errorf("%s: there is something before the first step", tt.name)
		}
	}
}

func TestNearest(t *testing.T) {
	rec := seconds{10, 15, 20}
	for _, tt := range []struct{ time, want int }{{5, 0}, {10, 0}, {12, 0}, {13, 1}, {19, 2}, {30, 2}} {
		if got := Nearest(rec, time.Unix(int64(tt.time), 0)); got != tt.want {
			t.Errorf("at %d: sample %d, want %d", tt.time, got, tt.want)
		}
	}
}
