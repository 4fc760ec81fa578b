package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
)

// options are the flags every command has.
type options struct {
	procRoot         string
	source           string   // see addGlobal
	from             []string // one for each host
	history          string   // see addHistory
	maxMemory        byteSize // limit of the memory that reading a file may take
	sample           time.Duration
	rates            time.Duration // see addRates
	countersReported bool          // whether it was printed that rates are measured without eBPF

	// sampleRates returns a function that adds the traffic since the last call to a snapshot.
	// It is nil, or its function adds nothing, if traffic is not measured. See liveRates.
	sampleRates func() (func(*model.Snapshot), error)

	// addWaits adds to a snapshot what was traced of earlier waits. It is nil, or adds
	// nothing, if nothing is traced. See traceWaits.
	addWaits func(*model.Snapshot) error

	ages      diagnose.Options
	self      bool  // see [model.Snapshot.ShowOwn]
	waitsOnly bool  // see [probe.Options]
	about     []int // see [probe.Options]
	debug     bool
	stderr    io.Writer // for debugging messages

	// see [probe.Options]
	detail   func(*model.Snapshot) (pids []int, objects []string)
	listDirs bool
	types    bool // also read the types of messages in the queues of detail
	progress func(done, total int)
	check    time.Duration // how long cached facts of a process are used before they are checked

	// complete adds to a snapshot of the machine before the diagnosis runs.
	complete func(*model.Snapshot) error

	// graph is the wait-for graph that the diagnosis made of the machine's snapshot, or of
	// several hosts; nil for a snapshot from one file.
	graph *graph.Graph
}

func (o *options) addGlobal(f *pflag.FlagSet) {
	f.StringVar(&o.procRoot, "procfs", "/proc", "`DIRECTORY` where the proc file system is mounted")
	o.source = sourceAuto
	f.Var(sourceFlag{&o.source}, "source", "read processes from `WHICH` source: auto, procfs, or bpf (eBPF in addition to procfs; see ipctop doctor)")
	f.StringArrayVar(&o.from, "from", nil, "read a dump or recording `FILE[@TIME]` instead of the machine; - is standard input; repeat it, or name a directory, for several hosts")
	o.maxMemory = model.DefaultMaxMemory
	f.BoolVar(&o.debug, "debug", false, "report on standard error what each probe did, how long it took and what it abandoned")
	f.Var(&o.maxMemory, "max-memory", "limit the memory for reading a dump or a recording to `SIZE`, such as 2GiB")
}

// reads reports whether files are read instead of the machine.
func (o *options) reads() bool {
	return slices.ContainsFunc(o.from, func(name string) bool { return name != "" })
}

// log is the logger for debugging; nil without --debug.
func (o *options) log() *slog.Logger {
	if !o.debug {
		return nil
	}
	return slog.New(slog.NewTextHandler(o.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// addSelf adds --self to a command that leaves ipctop itself out.
func (o *options) addSelf(f *pflag.FlagSet) {
	f.BoolVar(&o.self, "self", false, "also show ipctop's own process, its helper and their objects")
}

// addRates adds --rates to a command that looks at the machine.
func (o *options) addRates(f *pflag.FlagSet) {
	f.DurationVar(&o.rates, "rates", 0, "measure for `TIME`, such as 2s, how much goes through each channel")
}

// checkRates returns an error if --rates is invalid.
func (o *options) checkRates() error {
	switch {
	case o.rates < 0:
		return usageError("--rates %v: it cannot be negative", o.rates)
	case o.rates > 0 && len(o.from) > 0:
		return usageError("--rates needs the live machine: it does not work with --from")
	}
	return nil
}

// addHistory adds --history to a command that looks at the machine.
func (o *options) addHistory(f *pflag.FlagSet) {
	f.StringVar(&o.history, "history", "", "look up in this `RECORDING` who created the shared memory that was left behind")
}

// snapshot takes the snapshot that the flags ask for: of the machine, or from a
// file.
func (c command) snapshot(ctx context.Context, o *options) (*model.Snapshot, error) {
	snap, err := c.read(ctx, o)
	if err == nil {
		snap.ShowOwn = o.self
	}
	return snap, err
}

func (c command) read(ctx context.Context, o *options) (*model.Snapshot, error) {
	switch {
	case o.reads() && o.history != "":
		return nil, errHistoryFrom
	case o.reads():
		return c.readAllFrom(o)
	case o.history == "":
		return scanMachine(ctx, o)
	}
	s, err := c.openFrom(o, o.history)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if s.rec == nil {
		return nil, usageError("--history %s: it is a dump, not a recording", o.history)
	}
	named := *o
	named.complete = func(snap *model.Snapshot) error { return record.NameCreators(snap, s.rec) }
	snap, err := scanMachine(ctx, &named)
	o.graph = named.graph
	return snap, err
}

var errHistoryFrom = usageError("--history applies to the running machine: it cannot be combined with --from")

// graphOf is the wait-for graph of a snapshot: the one that its diagnosis made, or a
// new one.
func (o *options) graphOf(snap *model.Snapshot) *graph.Graph {
	if o.indexOf(snap) != nil {
		return o.graph
	}
	return graph.New(model.NewIndex(snap))
}

// newIndexOf is the index of a snapshot: the one that its diagnosis made, or a new one.
func (o *options) newIndexOf(snap *model.Snapshot) *model.Index {
	if x := o.indexOf(snap); x != nil {
		return x
	}
	return model.NewIndex(snap)
}

// indexOf is the index of a snapshot that its diagnosis made; nil without one.
func (o *options) indexOf(snap *model.Snapshot) *model.Index {
	if o.graph == nil || o.graph.Snapshot != snap {
		return nil
	}
	return o.graph.Index
}

// byteSize is a flag whose value is a number of bytes with a unit.
type byteSize int64

// Set implements [pflag.Value].
func (b *byteSize) Set(s string) error {
	n, err := record.ParseSize(s)
	*b = byteSize(n)
	return err
}

// String implements [pflag.Value].
func (b *byteSize) String() string { return fmt.Sprintf("%dMiB", *b>>20) }

// Type implements [pflag.Value].
func (*byteSize) Type() string { return "size" }
