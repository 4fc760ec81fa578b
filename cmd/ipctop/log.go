package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/render/live"
)

// logOptions are the flags of ipctop log.
type logOptions struct {
	delay      delay
	iterations int
	format     string
	events     []string
	ascii      bool
}

var (
	logFormats = []string{"table", "jsonl"}
	logEvents  = []string{"appeared", "vanished", "blocked", "released", "found", "resolved"}
)

func (c command) newLog(o *options) *cobra.Command {
	l := &logOptions{delay: delay(2 * time.Second)}
	cmd := &cobra.Command{
		Use:   "log",
		Short: "print what appears, vanishes, blocks and is released, line by line",
		Long: "Scans repeatedly, and prints a line for every process and object that appeared or vanished, every thread that was\n" +
			"stuck for more than a second or was released, and every finding that began or ended. What comes and goes between\n" +
			"two scans is not seen. Ctrl-C ends it.",
		Example: "  ipctop log\n  ipctop log -d 0.5 --event found,resolved\n  ipctop log -o jsonl >> ipc.log",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.log(cmd.Context(), o, l) },
	}
	f := cmd.Flags()
	o.addSelf(f)
	f.VarP(&l.delay, "delay", "d", "`SECONDS` between scans, such as 0.5 or 500ms")
	f.IntVarP(&l.iterations, "iterations", "n", 0, "end after `N` scans; 0: never")
	f.StringVarP(&l.format, "output", "o", "table", "`FORMAT`: "+strings.Join(logFormats, ", "))
	f.StringSliceVar(&l.events, "event", nil, "only these `EVENTS`: "+strings.Join(logEvents, ", "))
	f.BoolVar(&l.ascii, "ascii", false, "use ASCII characters only, regardless of the locale")
	return cmd
}

func (l *logOptions) check(o *options) error {
	switch {
	case o.reads():
		return usageError("log watches a machine: --from does not apply here")
	case l.iterations < 0:
		return usageError("-n %d: it cannot be negative", l.iterations)
	case !slices.Contains(logFormats, l.format):
		return usageError("unknown output format %q: there are %s", l.format, strings.Join(logFormats, ", "))
	}
	for _, e := range l.events {
		if !slices.Contains(logEvents, e) {
			return usageError("unknown event %q: there are %s", e, strings.Join(logEvents, ", "))
		}
	}
	return nil
}

func (c command) log(ctx context.Context, o *options, l *logOptions) error {
	if err := l.check(o); err != nil {
		return err
	}
	scan, done, err := c.scanner(o)
	if err != nil {
		return err
	}
	defer done()
	settings := live.Settings{ASCII: l.ascii || !utf8Locale(os.Getenv), Zone: time.Local}
	var prev *live.Data
	for n := 0; l.iterations == 0 || n < l.iterations; n++ {
		begin := time.Now()
		index, err := scan(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // the normal end
		case err != nil:
			return err
		}
		d := live.Prepare(index, prev, settings)
		if prev == nil {
			fmt.Fprintf(c.stderr, "ipctop: watching %d processes and %d objects\n", len(index.Snapshot.Processes), len(index.Snapshot.Objects))
		}
		for _, h := range live.HappenedIn(d) {
			if l.events != nil && !slices.Contains(l.events, h.Event) {
				continue
			}
			if err := l.write(c.stdout, d, h); err != nil {
				return err
			}
		}
		prev = d
		if n+1 == l.iterations {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(time.Duration(l.delay)-time.Since(begin), time.Duration(l.delay)/4)):
		}
	}
	return nil
}

// logRecord is a line of log -o jsonl.
type logRecord struct {
	Type   string    `json:"type"`
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Kind   string    `json:"kind,omitempty"`
	Object string    `json:"object,omitempty"`
	PID    int       `json:"pid,omitempty"`
	Text   string    `json:"text"`
	Who    string    `json:"who,omitempty"`
}

func (l *logOptions) write(w io.Writer, d *live.Data, h live.Happened) error {
	if l.format == "jsonl" {
		b, err := json.Marshal(logRecord{"event", h.Time.UTC(), h.Event, h.Kind, h.Object, h.PID, h.What, h.Who})
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	}
	line := fmt.Sprintf("%s  %-10s  %-12s  %s", d.Clock(h.Time), h.Sign, h.Kind, h.What)
	if h.Who != "" {
		line += "  " + h.Who
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(line, " "))
	return err
}
