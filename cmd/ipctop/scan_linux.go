package main

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/fdscan"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/sysv"
	"github.com/ipctop/ipctop/testfixtures"
)

// runRoles does not return in a process that ipctop started for another role.
func runRoles() {
	testfixtures.RunRole() // a process of a fixture
	fdscan.RunHelper()     // the helper process that queries pipes
}

// scanMachine takes a single snapshot of the machine.
func scanMachine(ctx context.Context, o *options) (*model.Snapshot, error) {
	if err := enoughFiles(); err != nil {
		return nil, err
	}
	root, err := openProc(o.procRoot)
	if err != nil {
		return nil, err
	}
	collectLate(root)
	options := probe.Options{
		ProcRoot: root, Probes: probes(), Sample: o.sample, Detail: o.detail, Helper: "/proc/self/exe",
		ListDirectories: o.listDirs, WaitsOnly: o.waitsOnly, About: o.about, Log: o.log(),
	}
	if o.types {
		options.Probes = append(options.Probes, sysv.MessageTypes())
	}
	if err := o.useSource(&options); err != nil {
		return nil, err
	}
	scan := func(ctx context.Context) (*model.Snapshot, error) { return probe.NewScanner(options).Scan(ctx) }
	measured, err := o.measure(ctx, scan)
	if err != nil {
		return nil, err
	}
	snap, err := scan(ctx)
	if err != nil {
		return nil, err
	}
	snap.ShowOwn = o.self
	measured(snap)
	if err := o.wakeups(snap); err != nil {
		return nil, err
	}
	if o.complete != nil {
		if err := o.complete(snap); err != nil {
			return nil, err
		}
	}
	o.graph = diagnose.Run(snap, o.ages)
	return snap, nil
}

// machineScanner returns a function that takes successive snapshots of the machine, and one
// that closes the scanner.
func machineScanner(o *options) (scan scanFunc, done func(), err error) {
	root, err := openProc(o.procRoot)
	if err != nil {
		return nil, nil, err
	}
	adjustGC := repeatedGC()
	options := probe.Options{ProcRoot: root, Probes: probes(), Helper: "/proc/self/exe", Repeated: true, Check: o.check, Log: o.log(), Progress: o.progress}
	if err := o.useSource(&options); err != nil {
		return nil, nil, err
	}
	scanner := probe.NewScanner(options)
	sequence := diagnose.Sequence{Options: o.ages}
	return func(ctx context.Context) (*model.Index, error) {
		measured, err := o.measure(ctx, scanner.Scan)
		if err != nil {
			return nil, err
		}
		snap, err := scanner.Scan(ctx)
		if err != nil {
			return nil, err
		}
		adjustGC()
		snap.ShowOwn = o.self
		measured(snap)
		if err := o.wakeups(snap); err != nil {
			return nil, err
		}
		return sequence.Run(snap), nil
	}, scanner.Close, nil
}

// firstScan returns a function that takes a snapshot of only the processes; nil if the
// snapshot is read from a file, where a complete one is there at once.
func firstScan(o *options) scanFunc {
	if o.reads() {
		return nil
	}
	return func(ctx context.Context) (*model.Index, error) {
		snap, err := scanProcesses(ctx, o)
		if err != nil {
			return nil, err
		}
		snap.ShowOwn = o.self
		return model.NewIndex(snap), nil
	}
}

// scanProcesses takes a snapshot of only the processes.
func scanProcesses(ctx context.Context, o *options) (*model.Snapshot, error) {
	root, err := openProc(o.procRoot)
	if err != nil {
		return nil, err
	}
	return probe.NewScanner(probe.Options{ProcRoot: root, Log: o.log()}).Scan(ctx)
}

// minFiles is the largest number of files that a scan has open at a time: some for
// each processor, some for each table, and those of the Go runtime.
const minFiles = 32

// enoughFiles returns an error if ipctop may not open as many files as a scan needs. With
// fewer, the Go runtime itself may crash.
func enoughFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= minFiles {
		return nil
	}
	return fmt.Errorf("at most %d files may be open at a time (ulimit -n), a scan needs %d", limit.Cur, minFiles)
}
