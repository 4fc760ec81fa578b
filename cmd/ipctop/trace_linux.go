package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

// traceOver is the default of how long a wait must have lasted to be reported.
const traceOver = 100 * time.Millisecond

// traceOptions are the flags and arguments of ipctop trace.
type traceOptions struct {
	format     string
	color      string
	ascii      bool
	duration   time.Duration
	pids       []int
	users      []string
	containers []string
	signals    []string
	over       time.Duration
	all        bool

	events []string
	refs   []string
}

func (c command) newTrace(o *options) *cobra.Command {
	t := new(traceOptions)
	cmd := &cobra.Command{
		Use:   "trace [EVENT...] [REF...]",
		Short: "print events when they happen: who sends which signal to whom, who waited for whom, who connects to whom",
		Long: "Prints a line for each event when it happens (eBPF, as root). Unlike ipctop log it does not miss what comes and goes\n" +
			"between two scans. Ctrl-C or --for ends it. EVENT is one of:\n" +
			"  signal    a signal: who sent it and why, what happened to it, and its effect. If the kernel sent it, also the cause:\n" +
			"            which pipe has no reader, which terminal hung up, which child ended and how, which address was accessed,\n" +
			"            which process wanted memory\n" +
			"  blocked   a thread that waited for longer than --over: in which call, on what, and who woke it. Only --all shows\n" +
			"            sleeps, timeouts, and threads woken by others of their process\n" +
			"  exit      a process that ended: how, which objects it left behind, and which locks ended with it\n" +
			"  connect   a UNIX or Internet socket that was connected or failed to connect: by whom, to whom, to which path or address\n" +
			"  accept    the same on the server's side\n" +
			"  fd-passed descriptors that a process sent or received over a UNIX socket, and what they refer to\n" +
			"  lock      a lock or lease on a file (flock, fcntl): a process takes it (after how long a wait), is refused, waits (and\n" +
			"            which process conflicts), stops waiting, or releases it\n" +
			"  created   a System V object, POSIX queue, FIFO, or shared memory or semaphore in /dev/shm that was created\n" +
			"  removed   such an object, or its name, that was removed\n" +
			"Without EVENT it shows all. With REF, -p, -u or -c it shows only events with such a process or object on either side.\n" +
			"A name also matches processes that start later; a path, @name or :port need not be in use yet.\n\n" +
			"Contents are not read. If more happens than can be printed, standard error says how many events were lost.\n" +
			"Programs in Go send SIGURG to their own threads to switch between goroutines. It is counted but not shown;\n" +
			"--signal URG shows it.",
		Example: "  ipctop trace signal nginx                       # who sends SIGTERM to nginx?\n" +
			"  ipctop trace signal -p 4121                     # who kills, stops or wakes process 4121?\n" +
			"  ipctop trace signal --signal KILL,TERM          # who kills what?\n" +
			"  ipctop trace blocked --over 500ms               # who waits for whom?\n" +
			"  ipctop trace connect accept :5432               # who connects to the database?\n" +
			"  ipctop trace --for 10s -o jsonl > events.jsonl",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			list, directive := c.completeRefs(o)(cmd, args, prefix)
			for _, e := range trace.Kinds {
				if strings.HasPrefix(e, prefix) {
					list = append(list, e)
				}
			}
			return list, directive
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			t.sort(args)
			return c.trace(cmd.Context(), o, t)
		},
	}
	f := cmd.Flags()
	o.addSelf(f)
	f.StringVarP(&t.format, "output", "o", "table", "`FORMAT`: "+strings.Join(logFormats, ", "))
	f.StringVar(&t.color, "color", "auto", "`WHEN` to use colours: auto, always or never")
	f.BoolVar(&t.ascii, "ascii", false, "use ASCII characters only, regardless of the locale")
	f.DurationVar(&t.duration, "for", 0, "end after `TIME`, such as 10s; 0 is never")
	f.VarP((*pidList)(&t.pids), "pid", "p", "only events of this process; `PID` may be repeated")
	f.StringSliceVarP(&t.users, "user", "u", nil, "only events of this `USER`'s processes; a name or a number")
	f.StringSliceVarP(&t.containers, "container", "c", nil, "only events of this `CONTAINER`; its name, pod, or the start of its id")
	f.DurationVar(&t.over, "over", traceOver, "report waits longer than `TIME`")
	f.BoolVarP(&t.all, "all", "a", false, "also show idle waits (sleeps, timeouts, threads woken by others of their process), and descriptors that another ipctop examines")
	f.StringSliceVar(&t.signals, "signal", nil, "only these `SIGNALS`, such as TERM,KILL")
	return cmd
}

// sort separates the leading names of events from the references.
func (t *traceOptions) sort(args []string) {
	for len(args) > 0 && slices.Contains(trace.Kinds, args[0]) {
		t.events = append(t.events, args[0])
		args = args[1:]
	}
	t.refs = args
}

// wants reports whether events of that kind are asked for.
func (t *traceOptions) wants(event string) bool {
	if event == trace.TakenEvent {
		event = trace.SignalEvent
	}
	return len(t.events) == 0 || slices.Contains(t.events, event)
}

// signalMask has a bit for each signal to trace.
func (t *traceOptions) signalMask() (mask uint64, err error) {
	if len(t.signals) == 0 {
		return ^uint64(0), nil
	}
	for _, name := range t.signals {
		n, err := model.SignalNumber(strings.TrimSpace(name))
		if err != nil {
			return 0, usageError("--signal: %w", err)
		}
		mask |= 1 << (n - 1)
	}
	return mask, nil
}

// tracing is what has to be traced for the requested events.
func (t *traceOptions) tracing(signals uint64) (to tracer.Options) {
	if t.wants(trace.SignalEvent) {
		to.Signals = signals
	}
	to.Exits = t.wants(trace.ExitEvent)
	to.Objects = t.wants(trace.CreatedEvent) || t.wants(trace.RemovedEvent)
	to.Locks = t.wants(trace.LockEvent)
	to.Passes = t.wants(trace.PassedEvent)
	to.Connects = t.wants(trace.ConnectEvent) || t.wants(trace.AcceptEvent)
	if t.wants(trace.BlockedEvent) {
		to.Over = t.over
	}
	return to
}

func (t *traceOptions) check(o *options) error {
	switch {
	case o.reads():
		return usageError("trace watches a machine: --from has no use here (ipctop log and replay tell what a recording has)")
	case o.source == sourceProc:
		return usageError("trace works by eBPF alone: --source procfs has no use here")
	case t.over <= 0:
		return usageError("--over %v: it must be more than nothing", t.over)
	case t.duration < 0:
		return usageError("--for %v: it cannot be negative", t.duration)
	case !slices.Contains(logFormats, t.format):
		return usageError("unknown output format %q: there are %s", t.format, strings.Join(logFormats, ", "))
	case !slices.Contains([]string{"auto", "always", "never"}, t.color):
		return usageError("--color is auto, always or never, not %q", t.color)
	}
	return nil
}

func (c command) trace(ctx context.Context, o *options, t *traceOptions) error {
	if err := t.check(o); err != nil {
		return err
	}
	mask, err := t.signalMask()
	if err != nil {
		return err
	}
	snap, err := scanProcesses(ctx, o)
	if err != nil {
		return err
	}
	filter, err := c.traceFilter(ctx, o, t, snap)
	if err != nil {
		return err
	}
	to := t.tracing(mask)
	to.Urgent, to.Self, to.Snapshot = len(t.signals) > 0, o.self, snap
	if len(filter.Names)+len(filter.Objects)+len(filter.Places) == 0 {
		to.PIDs = filter.PIDs
	}
	tr, err := tracer.Open(to)
	if err != nil {
		return traceError(err)
	}
	defer tr.Close()
	if t.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.duration)
		defer cancel()
	}
	fmt.Fprintln(c.stderr, "ipctop: tracing; Ctrl-C ends it")
	write := c.traceWriter(t)
	told := uint64(0)
	err = tr.Run(ctx, func(e *trace.Event) error {
		if n := tr.Lost(); n > told {
			fmt.Fprintf(c.stderr, "ipctop: %d events were lost: more happened than could be printed\n", n-told)
			told = n
		}
		if !t.wants(e.Event) || !filter.Match(e) || e.Minor() && !t.all {
			return nil
		}
		return write(e)
	})
	if n := tr.Lost(); n > told {
		fmt.Fprintf(c.stderr, "ipctop: %d events were lost: more happened than could be printed\n", n-told)
	}
	if n := tr.LeftOut(); n > 0 {
		fmt.Fprintf(c.stderr, "ipctop: %d times a program in Go sent SIGURG to a thread of its own: left out (--signal URG shows it)\n", n)
	}
	return err
}

// traceWriter returns the function that prints events.
func (c command) traceWriter(t *traceOptions) func(*trace.Event) error {
	if t.format == "jsonl" {
		return func(e *trace.Event) error {
			e.Explain(func(p *trace.Party) string { return model.Named(p.Name(), p.PID) })
			_, err := c.stdout.Write(append(model.AppendJSON(nil, e), '\n'))
			return err
		}
	}
	_, terminal := terminalWidth(c.stdout)
	options := &render.Options{ASCII: t.ascii || !utf8Locale(os.Getenv), Color: t.color == "always"}
	if t.color == "auto" {
		options.Color = terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return func(e *trace.Event) error {
		_, err := fmt.Fprintln(c.stdout, render.TraceLine(e, options, time.Local))
		return err
	}
}

// traceFilter resolves the flags and references.
func (c command) traceFilter(ctx context.Context, o *options, t *traceOptions, snap *model.Snapshot) (*trace.Filter, error) {
	f := &trace.Filter{PIDs: slices.Clone(t.pids), Users: t.users, Containers: t.containers}
	for _, ref := range t.refs {
		if pid, err := strconv.Atoi(ref); err == nil {
			f.PIDs = append(f.PIDs, pid)
		}
	}
	for _, pid := range f.PIDs {
		if !slices.ContainsFunc(snap.Processes, func(p *model.Process) bool { return p.PID == pid }) {
			return nil, &exitError{exitNotFound, fmt.Errorf("there is no process %d", pid)}
		}
	}
	if user := unmatchedUser(snap, t.users); user != "" {
		fmt.Fprintf(c.stderr, "ipctop: no process of a user %s is there yet\n", query.Quote(user))
	}
	for _, ref := range t.refs {
		if _, err := strconv.Atoi(ref); err == nil {
			continue
		}
		if named(snap, ref) {
			f.Names = append(f.Names, ref)
			continue
		}
		if err := c.traceObject(ctx, o, f, ref); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func named(snap *model.Snapshot, name string) bool {
	return slices.ContainsFunc(snap.Processes, func(p *model.Process) bool { return p.Name() == name || p.Comm == name })
}

// traceObject handles a reference that is no process's name: it names an object, or a
// process that does not exist yet.
func (c command) traceObject(ctx context.Context, o *options, f *trace.Filter, ref string) error {
	whole, err := c.snapshot(ctx, o)
	if err != nil {
		return err
	}
	place := absolute(ref)
	if strings.HasPrefix(place, "/") || strings.HasPrefix(place, "@") || strings.HasPrefix(place, ":") {
		f.Places = append(f.Places, place)
	}
	matches, err := query.Find(whole, place)
	if err != nil {
		var notFound *query.NotFoundError
		if errors.As(err, &notFound) && slices.Contains(f.Places, place) {
			fmt.Fprintf(c.stderr, "ipctop: there is no %s yet\n", query.Quote(ref))
			return nil
		}
		if strings.ContainsAny(ref, ":/@[") {
			return refError(err)
		}
		fmt.Fprintf(c.stderr, "ipctop: no process is called %s yet\n", query.Quote(ref))
		f.Names = append(f.Names, ref)
		return nil
	}
	for _, m := range matches {
		if m.Process != nil {
			f.Names = append(f.Names, m.Process.Name())
		} else {
			f.Objects = append(f.Objects, m.Object.ID)
			f.Places = append(f.Places, placesOf(m.Object)...)
		}
	}
	return nil
}

// placesOf are the names and addresses by which processes open or connect to an object.
func placesOf(o *model.Object) (places []string) {
	if o.Path != "" {
		places = append(places, o.Path)
	}
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		if d.Abstract != "" {
			places = append(places, "@"+d.Abstract)
		} else if d.Path != "" {
			places = append(places, d.Path)
		}
	case *model.InetDetail:
		if i := strings.LastIndexByte(d.Local, ':'); i >= 0 && d.State == "LISTEN" {
			places = append(places, d.Local[i:]) // it may listen on all addresses
		}
	}
	return places
}

// traceError says what is missing if events cannot be traced.
func traceError(err error) error {
	var unavailable *bpf.UnavailableError
	if !errors.As(err, &unavailable) {
		return fmt.Errorf("trace: %w", err)
	}
	advice := ""
	if unavailable.Advice != "" {
		advice = ": " + unavailable.Advice
	}
	return fmt.Errorf("trace needs eBPF, and %s%s", unavailable.Reason, advice)
}
