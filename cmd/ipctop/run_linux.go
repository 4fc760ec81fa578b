package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/leak/runner"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/render"
)

// runOptions are the flags of run.
type runOptions struct {
	failOn  string
	report  string
	json    bool
	isolate bool
	quiet   bool
	grace   time.Duration
}

// runFailOn are the values of --fail-on.
var runFailOn = []string{failNever, "certain", "leak"}

func (c command) newRun(o *options) *cobra.Command {
	r := new(runOptions)
	cmd := &cobra.Command{
		Use:   "run [flags] -- CMD [ARG...]",
		Short: "run a command and say what it left behind",
		Long: "Runs CMD and reports on standard error what it and its descendants left behind: System V objects, POSIX queues, files in\n" +
			"/dev/shm, FIFOs and socket paths below the current directory and the directory for temporary files, and processes that\n" +
			"are still running, with what they hold. Nothing is removed: the report says how to remove it.\n\n" +
			"A snapshot is taken before and after. Objects that others create meanwhile are distinguished by what the kernel records\n" +
			"about them and by who was seen to hold them; each line gives its confidence. With --isolate, CMD runs in an IPC namespace\n" +
			"of its own: everything in it belongs to CMD, and is removed when CMD ends. Root sees all descendants, even the shortest\n" +
			"(the kernel announces every fork); other users see only those that run for about 10 ms.\n\n" +
			"The exit status is that of CMD, 128 plus the signal number if a signal ended it, 127 if CMD was not found and 126 if it\n" +
			"cannot be started; with --fail-on it is 3 if something was left. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to CMD.",
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
	f.SetInterspersed(false) // flags after CMD belong to CMD
	f.StringVar(&r.failOn, "fail-on", failNever, "exit with status 3 if `WHAT` was left: leak (anything that is listed), certain (what is certainly CMD's), or never")
	f.StringVar(&r.report, "report", "", "write the report to `FILE`")
	f.BoolVar(&r.json, "json", false, "report as JSON, even if nothing was left")
	f.BoolVar(&r.isolate, "isolate", false, "run CMD in an IPC namespace of its own; needs root or user namespaces")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "report nothing; the exit status is the result")
	f.DurationVar(&r.grace, "grace", 300*time.Millisecond, "give descendants this `TIME` to end after CMD before they count as left behind")
	return cmd
}

func (r *runOptions) check(o *options) error {
	switch {
	case o.reads():
		return usageError("run runs a command on this machine: --from does not apply here")
	case o.procRoot != "/proc":
		return usageError("run runs a command on this machine: --procfs does not apply here")
	case !slices.Contains(runFailOn, r.failOn):
		return usageError("--fail-on is one of %s, not %q", strings.Join(runFailOn, ", "), r.failOn)
	case privilege.Beyond() != "":
		return usageError("run starts a program that the user names, and %s", privilege.Beyond())
	case r.grace < 0:
		return usageError("--grace %v: it cannot be negative", r.grace)
	case r.quiet && (r.json || r.report != ""):
		return usageError("--quiet leaves no report for --json and --report")
	}
	return nil
}

// run runs a command and reports what it left behind.
func (c command) run(ctx context.Context, o *options, r *runOptions, argv []string) error {
	if err := r.check(o); err != nil {
		return err
	}
	options := probe.Options{Probes: probes(), Helper: "/proc/self/exe"}
	if err := o.useSource(&options); err != nil {
		return err
	}
	scanner := probe.NewScanner(options)
	ro := &runner.Options{
		Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr, Scan: scanner.Scan, Grace: r.grace, Isolated: r.isolate,
	}
	if !runner.Isolated() && r.isolate {
		hasToFinish.Store(true) // the other ipctop gets the signals
		status, err := runner.Isolate(ro)
		if err == nil && status != 0 {
			err = &exitError{status: status}
		}
		return err
	}
	path, err := runner.LookPath(argv[0])
	if err != nil {
		return startError(err)
	}
	if err := enoughFiles(); err != nil {
		return err
	}
	w := c.stderr
	if r.report != "" {
		f, err := os.OpenFile(r.report, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		w = f
	}
	hasToFinish.Store(true) // CMD gets the signals
	report, err := runner.Run(ctx, path, argv, ro)
	if err != nil {
		return startError(err)
	}
	if err := r.write(w, report); err != nil {
		return err
	}
	if r.failOn == "leak" && len(report.Left) > 0 || r.failOn == "certain" && report.Has(model.Certain) {
		return &exitError{status: exitFindings}
	}
	if report.Status != 0 {
		return &exitError{status: report.Status}
	}
	return nil
}

func (r *runOptions) write(w io.Writer, report *leak.Report) error {
	var b []byte
	switch {
	case r.quiet:
		return nil
	case r.json:
		b = append(model.AppendJSON(nil, report), '\n')
	default:
		b = render.Leaks(report)
	}
	_, err := w.Write(b)
	return err
}

// startError gives the error of a command that could not be started its exit status.
func startError(err error) error {
	var start *runner.StartError
	if errors.As(err, &start) {
		return &exitError{start.Status, err}
	}
	return err
}
