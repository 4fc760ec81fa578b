package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/testfixtures"
)

// The mechanisms that are compared, and the sizes of messages.
var (
	compared      = []string{"shared-memory", "pipe", "fifo", "unix", "unix:seqpacket", "tcp", "posix-mq", "sysv-msg"}
	comparedSizes = []int{64, 1 << 10, 4 << 10, 64 << 10, 1 << 20}
)

// measureFor is the least duration of each measurement.
const measureFor = 100 * time.Millisecond

// speed is the result for one mechanism and message size.
type speed struct {
	Channel        string `json:"channel"`
	Size           int    `json:"size"`
	BytesPerSecond int64  `json:"bytes_per_second"`
	RoundTrip      int64  `json:"round_trip_ns,omitempty"`
}

// compareMechanisms measures throughput and latency of mechanisms.
func (c command) compareMechanisms(ctx context.Context, f *fixturesFlags, names []string) (err error) {
	hasToFinish.Store(true) // the fixtures are removed
	if len(names) == 0 {
		names = compared
	}
	var results []speed
	for _, name := range names {
		list, err := c.compareOne(ctx, name)
		if ctx.Err() != nil {
			break // Ctrl-C: print the results so far
		}
		if err != nil {
			return err
		}
		results = append(results, list...)
	}
	if len(results) == 0 {
		return endOfFixtures(ctx, errors.Join(ctx.Err(), errors.New("nothing was measured")))
	}
	if f.json {
		enc := json.NewEncoder(c.stdout)
		for i := range results {
			if err := enc.Encode(&results[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return c.saySpeeds(results)
}

func (c command) compareOne(ctx context.Context, name string) (list []speed, err error) {
	t, err := testfixtures.StartTraffic(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	for _, s := range t.Skipped {
		fmt.Fprintf(c.stderr, "ipctop: %s is skipped: %s\n", s.Fixture, s.Reason)
	}
	for _, channel := range t.Channels {
		for _, size := range comparedSizes {
			if limit := channel.Largest(); limit > 0 && size > limit {
				break
			}
			one := speed{Channel: name, Size: size}
			each, err := perUnit(16<<10, func(n int64) error { return channel.Send(ctx, n, size) })
			if err != nil {
				return list, err
			}
			one.BytesPerSecond = int64(float64(time.Second) / each)
			if channel.Answers() {
				if each, err = perUnit(16, func(n int64) error { return channel.Trips(ctx, n, size) }); err != nil {
					return list, err
				}
				one.RoundTrip = int64(each)
			}
			list = append(list, one)
		}
	}
	return list, nil
}

// perUnit is the time that one unit of n takes, in nanoseconds. It increases n until all
// together take long enough to be measured.
func perUnit(n int64, do func(n int64) error) (float64, error) {
	for {
		begin := time.Now()
		if err := do(n); err != nil {
			return 0, err
		}
		took := time.Since(begin)
		if took >= measureFor {
			return float64(took) / float64(n), nil
		}
		n = max(2*n, min(16*n, int64(float64(n)*1.2*float64(measureFor)/float64(max(took, 1)))))
	}
}

func (c command) saySpeeds(results []speed) error {
	for _, part := range []struct {
		title string
		text  func(*speed) string
	}{
		{"THROUGHPUT", func(r *speed) string { return render.Size(r.BytesPerSecond) + "/s" }},
		{"ROUND TRIP", func(r *speed) string {
			if r.RoundTrip == 0 {
				return "-"
			}
			return strconv.FormatFloat(float64(r.RoundTrip)/1e3, 'f', 1, 64) + "us"
		}},
	} {
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(w, part.title, "\t")
		for _, size := range comparedSizes {
			fmt.Fprint(w, render.Size(int64(size)), "\t")
		}
		for i := 0; i < len(results); {
			name := results[i].Channel
			fmt.Fprint(w, "\n", name, "\t")
			for range comparedSizes {
				text := "-" // this mechanism has no messages of this size
				if i < len(results) && results[i].Channel == name {
					text = part.text(&results[i])
					i++
				}
				fmt.Fprint(w, text, "\t")
			}
		}
		fmt.Fprintln(w)
		if err := w.Flush(); err != nil {
			return err
		}
		if part.title == "THROUGHPUT" {
			fmt.Fprintln(c.stdout)
		}
	}
	return nil
}
