package main

import (
	"context"

	"github.com/ipctop/ipctop/render/tui"
	"github.com/ipctop/ipctop/trace/tracer"
)

// traceLive begins to trace what ipctop trace tells of without arguments.
func traceLive(ctx context.Context, o *options) (tui.Tracer, error) {
	snap, err := scanProcesses(ctx, o)
	if err != nil {
		return nil, err
	}
	all := traceOptions{over: traceOver}
	to := all.tracing(^uint64(0))
	to.Self, to.Snapshot = o.self, snap
	t, err := tracer.Open(to)
	if err != nil {
		return nil, traceError(err)
	}
	return t, nil
}
