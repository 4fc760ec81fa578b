package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/render"
)

// machineNow is the argument of diff that means the running machine.
const machineNow = "live"

// trendSamples limits how many samples diff --trend reads.
const trendSamples = 60

func (c command) newDiff(o *options) *cobra.Command {
	var trend string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "say what changed between two moments",
		Long: "Compares two snapshots: which findings, processes, objects and holders appeared, vanished and changed, and which queues\n" +
			"grew, the largest growth first. A and B are dumps, recordings (FILE@TIME, else their last sample) or the word live,\n" +
			"which is the machine as it is now.\n\n" +
			"Processes are matched by pid and start time, objects by id and generation.\n\n" +
			"--trend finds leaks in one recording, by up to 60 of its samples: processes whose number of descriptors, and kinds whose\n" +
			"number of objects, increased at least three times and never decreased.",
		Example: "  ipctop diff before.json after.json\n" +
			"  ipctop diff ipc.rec@12:01 ipc.rec@12:05\n" +
			"  ipctop diff 'ipc.rec@1h ago' live --json\n" +
			"  ipctop diff --trend ipc.rec",
	}
	o.addSelf(cmd.Flags())
	format := addFormat(cmd, "table", "json")
	cmd.Flags().StringVar(&trend, "trend", "", "report what only grows in this `RECORDING`")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case o.reads():
			return usageError("diff names both of its files: --from does not apply here")
		case trend != "" && len(args) > 0:
			return usageError("--trend takes one recording and nothing else")
		case trend == "" && len(args) != 2:
			return usageError("name two dumps, recordings or live to compare (see ipctop diff --help)")
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if trend != "" {
			return c.trend(o, trend, format.value == "json")
		}
		return c.diff(cmd.Context(), o, args[0], args[1], format.value == "json")
	}
	return cmd
}

func (c command) diff(ctx context.Context, o *options, before, after string, json bool) error {
	a, err := c.moment(ctx, o, before)
	if err != nil {
		return err
	}
	b, err := c.moment(ctx, o, after)
	if err != nil {
		return err
	}
	a.ShowOwn, b.ShowOwn = o.self, o.self
	d := record.Diff(a, b)
	d.Sort()
	if json {
		return render.DiffJSON(c.stdout, d)
	}
	if why := d.Comparable(); why != "" {
		fmt.Fprintln(c.stderr, "ipctop:", why)
	}
	if len(d.Changes) == 0 {
		fmt.Fprintf(c.stderr, "ipctop: nothing changed among %d processes and %d objects\n", len(b.Processes), len(b.Objects))
		return nil
	}
	return render.Diff(c.stdout, c.tableOptions(), d)
}

// moment is one side of a comparison.
func (c command) moment(ctx context.Context, o *options, name string) (*model.Snapshot, error) {
	if name == machineNow {
		return scanMachine(ctx, o)
	}
	return c.readFrom(o, name)
}

// tableOptions are the options of a table for commands without flags for it.
func (c command) tableOptions() *render.Options {
	width, terminal := terminalWidth(c.stdout)
	return &render.Options{
		ASCII: !utf8Locale(os.Getenv), Width: width, Color: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

// trend searches a recording for values that only grow.
func (c command) trend(o *options, name string, json bool) error {
	s, err := c.openFrom(o, name)
	if err != nil {
		return err
	}
	defer s.close()
	if s.rec == nil {
		return usageError("--trend needs a recording, and %s is a dump", s.name)
	}
	last, err := s.at(c.stderr)
	if err != nil {
		return err
	}
	var t record.Trend
	for _, i := range spread(last+1, trendSamples) {
		snap, err := s.load(i)
		if err != nil {
			fmt.Fprintln(c.stderr, "ipctop:", render.EscapeMessage(err.Error()))
			continue // the other samples are enough
		}
		snap.ShowOwn = o.self
		t.Add(snap)
	}
	n, first, end := t.Samples()
	if json {
		return render.TrendJSON(c.stdout, &t)
	}
	if len(t.Growing()) == 0 {
		fmt.Fprintf(c.stderr, "ipctop: nothing only grows in %d samples over %v\n", n, render.Duration(end.Sub(first)))
		return nil
	}
	return render.Trend(c.stdout, c.tableOptions(), &t)
}

// spread picks at most k of n indexes at equal distances, including the first and the last.
func spread(n, k int) []int {
	var list []int
	for i := range min(n, k) {
		at := i
		if n > k {
			at = i * (n - 1) / (k - 1)
		}
		list = append(list, at)
	}
	return list
}
