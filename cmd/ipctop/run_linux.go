package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// What shells and env(1) say of a command that cannot be started.
const (
	exitCannotRun = 126
	exitNoCommand = 127
	exitSignal    = 128 // and the signal that ended it
)

// runOptions are the flags of run.
type runOptions struct {
	failOn   string
	report   string
	json     bool
	isolate  bool
	quiet    bool
	grace    time.Duration
	redirect io.WriteCloser // where the report goes; nil: standard error
}

// runFailOn are the values of --fail-on.
var runFailOn = []string{failNever, "certain", "leak"}

func (c command) newRun(o *options) *cobra.Command {
	r := new(runOptions)
	cmd := &cobra.Command{
		Use:   "run [flags] -- CMD [ARG...]",
		Short: "run a command and say what it left behind",
		Long: "Runs CMD and says on standard error what it and its descendants left behind: System V objects, POSIX queues, files in\n" +
			"/dev/shm, FIFOs and socket paths below the current directory and the directory for temporary files, and processes that\n" +
			"are still running, with what they hold. They are left alone: the report says how to remove them.\n\n" +
			"The machine is looked at before and after. What others make at the same time is told apart by what the kernel records\n" +
			"of an object and by who was seen to hold it; each line says how sure that is. With --isolate CMD has an IPC namespace\n" +
			"of its own, which ends with it: whatever is in there is CMD's. Root sees all descendants however short their lives are\n" +
			"(the kernel announces every fork); others see those that live for some 10 ms.\n\n" +
			"The exit status is CMD's own, 128 and the signal's number if one ended it, 127 if there is no CMD and 126 if it cannot\n" +
			"be started; with --fail-on it is 3 if something was left. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to CMD.",
		Example: "  ipctop run -- make test\n" +
			"  ipctop run --fail-on leak --isolate -- ./integration-tests -v\n" +
			"  ipctop run --json --report left.json -- ./server --once",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("name the command to run (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), o, r, args) },
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // CMD's flags are its own
	f.StringVar(&r.failOn, "fail-on", failNever, "exit with status 3 on `WHAT`: leak, anything that is listed; certain, what is certainly CMD's; or never")
	f.StringVar(&r.report, "report", "", "write the report to `FILE`")
	f.BoolVar(&r.json, "json", false, "report as JSON, also when nothing was left")
	f.BoolVar(&r.isolate, "isolate", false, "run CMD in an IPC namespace of its own; needs root or user namespaces")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "report nothing: the exit status says it")
	f.DurationVar(&r.grace, "grace", 300*time.Millisecond, "give descendants this `TIME` to end after CMD before they count as left behind")
	return cmd
}

func (r *runOptions) check(o *options) error {
	switch {
	case o.from != "":
		return usageError("run runs a command on this machine: --from has no use here")
	case o.procRoot != "/proc":
		return usageError("run runs a command on this machine: --procfs has no use here")
	case !slices.Contains(runFailOn, r.failOn):
		return usageError("--fail-on is one of %s, not %q", strings.Join(runFailOn, ", "), r.failOn)
	case r.grace < 0:
		return usageError("--grace %v: it cannot be negative", r.grace)
	case r.quiet && (r.json || r.report != ""):
		return usageError("--quiet leaves no report for --json and --report")
	}
	return nil
}

// run runs a command and compares what was there before and after.
func (c command) run(ctx context.Context, o *options, r *runOptions, argv []string) error {
	if err := r.check(o); err != nil {
		return err
	}
	if r.isolate && os.Getenv(isolatedEnv) == "" {
		return c.runIsolated()
	}
	os.Unsetenv(isolatedEnv)
	path, err := exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return cannotRun(argv[0], err)
	}
	if err := enoughFiles(); err != nil {
		return err
	}
	if r.report != "" {
		f, err := os.OpenFile(r.report, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		r.redirect = f
		defer f.Close()
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans (PR_SET_CHILD_SUBREAPER): %w", err)
	}
	scanner := probe.NewScanner(probe.Options{Probes: probes(), Helper: "/proc/self/exe"})
	snap, err := scanner.Scan(ctx)
	if err != nil {
		return err
	}
	before := leak.Remember(snap)
	dirs := namesDirs()
	namesBefore := listNames(dirs)

	report := &runReport{Schema: model.Schema, Command: argv, Isolated: r.isolate, Began: time.Now().UTC()}
	d := newDescent()
	cmd := &exec.Cmd{Path: path, Args: argv, Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr, WaitDelay: max(r.grace, time.Millisecond)}
	relay := newRelay()
	if err := cmd.Start(); err != nil {
		relay.stop()
		return cannotRun(argv[0], err)
	}
	relay.to(cmd.Process)
	d.watch(cmd.Process.Pid)
	err = cmd.Wait()
	if cmd.ProcessState == nil {
		return err // it was not waited for
	}
	report.ended(cmd)
	d.settle(r.grace)
	relay.stop()

	// The signal that ended the command has also ended ctx.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	facts := d.end()
	facts.UID, facts.Isolated = os.Getuid(), r.isolate
	after, err := scanner.Scan(ctx)
	if err != nil {
		return err
	}
	namesAfter := listNames(dirs)
	report.Left = append(leak.Find(before, after, facts), newNames(namesBefore, namesAfter, facts)...)
	leak.Sort(report.Left)
	report.Descendants, report.DescendantsComplete = len(facts.PIDs)-1, facts.Complete
	report.notes(namesBefore, namesAfter, after)
	if err := c.writeRun(report, r); err != nil {
		return err
	}
	if report.fails(r.failOn) {
		return &exitError{status: exitFindings}
	}
	if report.Status != 0 {
		return &exitError{status: report.Status}
	}
	return nil
}

// cannotRun is the error of a command that cannot be started.
func cannotRun(name string, err error) error {
	var path *fs.PathError
	var look *exec.Error
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &look):
		err = look.Err
	}
	status := exitCannotRun
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		status = exitNoCommand
	}
	return &exitError{status, fmt.Errorf("cannot run %s: %w", name, err)}
}
