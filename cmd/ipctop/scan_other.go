//go:build !linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/tui"
)

// errNotLinux is the error here of all commands that read the machine.
var errNotLinux = fmt.Errorf("this is %s: ipctop examines Linux machines only, and reads their dumps and recordings everywhere (--from FILE)", runtime.GOOS)

func runRoles() {}

func failWhereClosed() {}

func scanMachine(context.Context, *options) (*model.Snapshot, error) { return nil, errNotLinux }

func machineScanner(*options) (scanFunc, func(), error) { return nil, nil, errNotLinux }

func scanProcesses(context.Context, *options) (*model.Snapshot, error) { return nil, errNotLinux }

func liveRates(*options) (set func(on bool) error, end func()) {
	return func(bool) error { return errNotLinux }, func() {}
}

func traceLive(*options) func(context.Context) (tui.Tracer, error) {
	return func(context.Context) (tui.Tracer, error) { return nil, errNotLinux }
}

func traceWaits(context.Context, *options, time.Duration) (end func(), err error) {
	return nil, errNotLinux
}

// actor changes nothing: without Linux there is nothing to change.
type actor struct{}

// Hold implements [tui.Actor].
func (actor) Hold(int, uint64) (tui.Held, error) { return nil, errNotLinux }

// Remove implements [tui.Actor].
func (actor) Remove(*model.Object) error { return errNotLinux }

func powerless(*options) string { return errNotLinux.Error() }

// needsLinux is a command that works on Linux alone.
func needsLinux(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short + " (on Linux)", DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error { return errNotLinux },
	}
}

func (c command) newDoctor(*options) *cobra.Command {
	return needsLinux("doctor", "say what can be seen here and what is missing")
}

func (c command) newExporter(*options) *cobra.Command {
	return needsLinux("exporter", "serve metrics for Prometheus")
}

func (c command) newFixtures(*options) *cobra.Command {
	return needsLinux("fixtures", "make real instances of each mechanism and each finding to look at")
}

func (c command) newRecord(*options) *cobra.Command {
	return needsLinux("record", "keep snapshots in a file")
}

func (c command) newRun(*options) *cobra.Command {
	return needsLinux("run", "run a command and say what it left behind")
}

func (c command) newTrace(*options) *cobra.Command {
	return needsLinux("trace", "print events when they happen: who sends which signal to whom, who waited for whom")
}

func (c command) newWait(*options) *cobra.Command {
	return needsLinux("wait", "wait until an expression is true for a process or object, for scripts")
}

func firstScan(*options) scanFunc { return nil }
