package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// tables prints a table, or one for each scan with --batch or --iterations.
func (c command) tables(ctx context.Context, o *options, l *liveOptions) error {
	out := outputOptions{format: "table", color: "auto"}
	repeat := l.batch || l.iterations > 1
	if !repeat {
		return c.dump(ctx, o, &dumpOptions{outputOptions: out})
	}
	request, err := out.request(c.stdout, nil, nil)
	if err != nil {
		return err
	}
	request.ASCII = request.ASCII || l.ascii
	scan, done, err := c.scanner(o)
	if err != nil {
		return err
	}
	defer done()
	if o.reads() {
		l.iterations = 1 // a dump does not change: one table is enough
	}
	for i := 1; ; i++ {
		begin := time.Now()
		index, err := scan(ctx)
		if ctx.Err() != nil {
			return nil // Ctrl-C is the normal end
		}
		if err != nil {
			return err
		}
		if err := c.batch(request, index.Snapshot, i > 1); err != nil {
			return err
		}
		if i == l.iterations {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(l.delay) - time.Since(begin)):
		}
	}
}

// batch prints one snapshot below a line with the time when it was taken.
func (c command) batch(request *render.Request, snap *model.Snapshot, more bool) error {
	if more {
		if _, err := fmt.Fprintln(c.stdout); err != nil {
			return err
		}
	}
	title := fmt.Sprintf("ipctop %s %s: %d processes, %d objects", render.Escape(snap.Host.Hostname),
		snap.Taken.Format(time.RFC3339), len(snap.Processes), len(snap.Objects))
	if note := render.GapSummary(snap); note != "" {
		title += "; " + note
	}
	if _, err := fmt.Fprintf(c.stdout, "%s\n\n", title); err != nil {
		return err
	}
	_, err := render.Write(c.stdout, request, snap, snap)
	return err
}
