package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/testfixtures"
)

// trafficRate is the value of --traffic: bytes, or operations, a second.
type trafficRate struct {
	set    bool
	second int64 // 0: as fast as possible
}

const fullSpeed = "max"

// Set implements [pflag.Value].
func (r *trafficRate) Set(s string) error {
	r.set, r.second = true, 0
	if s == fullSpeed {
		return nil
	}
	var rate byteSize
	if err := rate.Set(strings.TrimSuffix(s, "/s")); err != nil {
		return err
	}
	if rate <= 0 {
		return errors.New("it is more than nothing")
	}
	r.second = int64(rate)
	return nil
}

// String implements [pflag.Value].
func (r *trafficRate) String() string {
	switch {
	case !r.set:
		return ""
	case r.second == 0:
		return fullSpeed
	}
	return fmt.Sprintf("%d/s", r.second)
}

// Type implements [pflag.Value].
func (*trafficRate) Type() string { return "RATE" }

// wrapped is a list, wrapped into lines.
func wrapped(list []string) string {
	var b strings.Builder
	line := 0
	for i, name := range list {
		if i > 0 {
			b.WriteByte(',')
			line++
			if line+len(name) > 105 {
				b.WriteByte('\n')
				line = 0
			} else {
				b.WriteByte(' ')
				line++
			}
		}
		b.WriteString(name)
		line += len(name)
	}
	return b.String()
}

// runTraffic sends data through channels until Ctrl-C, and then prints how much it was.
func (c command) runTraffic(ctx context.Context, f *fixturesFlags, names []string) (err error) {
	hasToFinish.Store(true) // the channels are removed
	t, err := testfixtures.StartTraffic(ctx, names...)
	if err != nil {
		return endOfFixtures(ctx, err)
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	for _, s := range t.Skipped {
		fmt.Fprintf(c.stderr, "ipctop: %s is skipped: %s\n", s.Fixture, s.Reason)
	}
	if len(t.Channels) == 0 {
		return errors.New("none of these channels could be made")
	}
	if f.json {
		err = json.NewEncoder(c.stdout).Encode(struct {
			Ready    bool                    `json:"ready"`
			Channels []*testfixtures.Channel `json:"channels"`
		}{true, t.Channels})
	} else {
		err = c.sayChannels(t.Channels)
	}
	if err != nil {
		return err
	}
	if f.duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, f.duration)
		defer stop()
	}
	begin := time.Now()
	failed := make([]error, len(t.Channels))
	var all sync.WaitGroup
	for i, channel := range t.Channels {
		all.Go(func() { failed[i] = channel.Run(ctx, f.traffic.second) })
	}
	all.Wait()
	lasted := time.Since(begin)
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(c.stdout)
		for _, channel := range t.Channels {
			if err := enc.Encode(channel); err != nil {
				return err
			}
		}
		return nil
	}
	return c.sayTraffic(t.Channels, lasted)
}

func (c command) sayChannels(channels []*testfixtures.Channel) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHANNEL\tSENDER\tRECEIVER\tOBJECTS")
	for _, channel := range channels {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", channel.Name, channel.Sender.PID, channel.Receiver.PID, strings.Join(channel.Objects, " "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.stdout, "Data flows. Ctrl-C ends it and says how much it was.")
	return err
}

func (c command) sayTraffic(channels []*testfixtures.Channel, lasted time.Duration) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nCHANNEL\tSENT\tCALLS\tRECEIVED\tCALLS\tRATE\t")
	for _, channel := range channels {
		s, r := channel.Sender.Sent, channel.Receiver.Received
		rate := render.Size(int64(float64(s.Bytes)/lasted.Seconds())) + "/s"
		if s.Bytes == 0 {
			rate = fmt.Sprintf("%.0f calls/s", float64(s.Calls)/lasted.Seconds())
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t\n", channel.Name, s.Bytes, s.Calls, r.Bytes, r.Calls, rate)
	}
	return w.Flush()
}
