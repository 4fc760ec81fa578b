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

// stopGrace is how long a command may take to end by itself after SIGINT, SIGTERM or SIGHUP. Some
// blocking calls cannot be interrupted, such as opening a FIFO or reading from a silent standard input.
const stopGrace = 300 * time.Millisecond

// stopSignal is the cause of a context that was cancelled by a signal.
type stopSignal syscall.Signal

func (s stopSignal) Error() string { return syscall.Signal(s).String() }

// status is the exit status that shells report for a command that a signal ended.
func (s stopSignal) status() int { return 128 + int(s) }

// stopStatus is the exit status of a command that ended with an error because of a signal.
func stopStatus(ctx context.Context, err error) (status int, ok bool) {
	var s stopSignal
	if errors.As(context.Cause(ctx), &s) && errors.Is(err, ctx.Err()) {
		return s.status(), true
	}
	return 0, false
}

// hasToFinish is set by commands that clean up or pass signals on. They may take longer
// than stopGrace to end.
var hasToFinish atomic.Bool

// untilStopped is a context that is cancelled by the first signal. Unless hasToFinish is
// set, the process exits at the second signal, or if the command does not end soon.
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
