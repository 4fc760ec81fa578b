package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/record"
	"github.com/ipctop/ipctop/record/recordfile"
	"github.com/ipctop/ipctop/render"
)

// recordOptions are the flags of record.
type recordOptions struct {
	every, duration time.Duration
	samples         int // 0: until a signal ends it
	keep            string
	trace           bool
}

func (c command) newRecord(o *options) *cobra.Command {
	r := new(recordOptions)
	cmd := &cobra.Command{
		Use:   "record FILE",
		Short: "keep snapshots in a file",
		Long: "Takes a snapshot every few seconds, with waits and findings, and appends it to FILE, until Ctrl-C or SIGTERM. ipctop replay\n" +
			"shows it, and every command reads it with --from FILE[@TIME]. An existing recording is continued.\n\n" +
			"Each sample is on the disk (fsync) before the next one is taken: a crash, SIGKILL or a full disk loses at most the last\n" +
			"sample. Only differences are stored: where little changes, a day at 5 s takes some tens of MB. With --keep, old samples\n" +
			"are removed: from time to time the rest is written to a temporary file next to FILE, which then replaces FILE.\n\n" +
			"With --rates, each sample says how much went through each channel in that time before it. With --trace, it says who ended\n" +
			"the earlier waits of each blocked thread and how long they lasted, so that ipctop why can say who used to release it.\n\n" +
			"Only its owner can read FILE: it contains the command lines of all processes.",
		Example: "  ipctop record /var/tmp/ipc.rec\n" +
			"  ipctop record --every 1s --for 10m incident.rec\n" +
			"  ipctop record --keep 24h /var/lib/ipctop/ipctop.rec",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("name one file to record to (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.record(cmd.Context(), o, r, args[0]) },
	}
	f := cmd.Flags()
	f.DurationVar(&r.every, "every", 5*time.Second, "`TIME` between samples")
	f.VarP((*delay)(&r.every), "delay", "d", "`SECONDS` between samples, such as 0.5 or 500ms")
	f.IntVarP(&r.samples, "iterations", "n", 0, "end after `N` samples; 0: never")
	f.DurationVar(&r.duration, "for", 0, "end after this `TIME`, such as 10m; 0: never")
	o.addRates(f)
	f.BoolVar(&r.trace, "trace", false, "trace all the time who wakes whom and how long waits usually last (eBPF)")
	f.StringVar(&r.keep, "keep", "", "keep no more than this `AGE-OR-SIZE`: 24h, 7d, 500MiB, 2GiB")
	return cmd
}

func (r *recordOptions) check(o *options) (record.Keep, error) {
	switch {
	case o.reads():
		return record.Keep{}, usageError("record records a machine: --from does not apply here")
	case r.every < shortestDelay:
		return record.Keep{}, usageError("--every %v: it must be at least %v", r.every, shortestDelay)
	case r.samples < 0:
		return record.Keep{}, usageError("-n %d: it cannot be negative", r.samples)
	case r.duration < 0:
		return record.Keep{}, usageError("--for %v: it cannot be negative", r.duration)
	case o.rates < 0 || o.rates > 0 && o.rates >= r.every:
		return record.Keep{}, usageError("--rates %v: it must be shorter than --every %v", o.rates, r.every)
	case r.keep == "":
		return record.Keep{}, nil
	}
	keep, err := record.ParseKeep(r.keep)
	if err != nil {
		return keep, usageError("--keep %s: %w", r.keep, err)
	}
	return keep, nil
}

// record appends samples to a file until a signal ends it.
func (c command) record(ctx context.Context, o *options, r *recordOptions, name string) (err error) {
	keep, err := r.check(o)
	if err != nil {
		return err
	}
	if err := enoughFiles(); err != nil {
		return err
	}
	file, err := recordfile.Open(name, keep)
	if err != nil {
		return err
	}
	defer file.Close()
	if file.CutOff() > 0 {
		fmt.Fprintf(c.stderr, "ipctop: %s ended in the middle of a sample: its last %d bytes were cut off\n", name, file.CutOff())
	}
	var end <-chan time.Time
	if r.duration > 0 {
		end = time.After(r.duration)
	}
	if r.trace {
		stop, err := traceWaits(ctx, o, 0)
		if err != nil {
			return err
		}
		defer stop()
	}
	scan, done, err := machineScanner(o)
	if err != nil {
		return err
	}
	defer done()
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	failed, taken := "", 0
	for {
		index, err := scan(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is the normal end
		case err != nil && file.Samples() == 0:
			return err
		case err != nil:
			// The next sample may succeed again.
			if failed != err.Error() {
				failed = err.Error()
				fmt.Fprintf(c.stderr, "ipctop: no sample: %s\n", render.EscapeMessage(err.Error()))
			}
		default:
			failed = ""
			if err := file.Append(index.Snapshot); err != nil {
				return fmt.Errorf("%w; %s ends with the sample before", err, name)
			}
			if taken++; taken == r.samples {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-ticker.C:
		}
	}
}
