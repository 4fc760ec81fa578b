package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// stopGrace is how long a command has to end by itself after SIGINT, SIGTERM or SIGHUP. What
// it may be in, such as opening a FIFO or reading a silent standard input, cannot be told to
// end.
const stopGrace = 300 * time.Millisecond

// stopSignal is the cause of the end of a context that a signal ended.
type stopSignal syscall.Signal

func (s stopSignal) Error() string { return syscall.Signal(s).String() }

// status is that of a command that a signal ended, as shells have it.
func (s stopSignal) status() int { return 128 + int(s) }

// stopStatus is the exit status of a command that ended with an error because of a signal.
func stopStatus(ctx context.Context, err error) (status int, ok bool) {
	var s stopSignal
	if errors.As(context.Cause(ctx), &s) && errors.Is(err, ctx.Err()) {
		return s.status(), true
	}
	return 0, false
}

// hasToFinish is set by commands that clean up, or pass signals on, and so may take their
// time to end.
var hasToFinish atomic.Bool

// untilStopped is a context that ends with the first signal. If the command does not
// end soon after that, or at the second signal, the process does.
func untilStopped() context.Context {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		s := stopSignal((<-signals).(syscall.Signal))
		stop(s)
		late := time.After(stopGrace)
		for {
			select {
			case <-signals:
			case <-late:
			}
			if !hasToFinish.Load() {
				os.Exit(s.status())
			}
		}
	}()
	return ctx
}
