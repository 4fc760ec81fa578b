// Command ipctop shows the inter-process communication of a Linux machine:
// who talks to whom, through what, and what is stuck, filling up or left behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/render"
)

// The exit statuses on which scripts rely.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitFindings   = 3 // check, run: findings at or above --fail-on
	exitIncomplete = 4 // something could not be read: anything with --strict, else more than privilege explains
	exitNotFound   = 5 // no such thing
)

// exitError is an error that ends ipctop with a status of its own.
type exitError struct {
	status int
	err    error // nil: nothing is left to print
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is an error in what the user typed.
func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// command is ipctop as a value, so that tests can run it in their own process.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

func main() {
	if err := privilege.Distrust(); err != nil {
		fmt.Fprintf(os.Stderr, "ipctop: %v\n", err)
		os.Exit(exitFailed)
	}
	runRoles()
	failWhereClosed()
	ctx := untilStopped()
	// Without this, a reader that closes the pipe ends ipctop by SIGPIPE. Catching
	// the signal makes it an error, and children still get the default.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	c := command{os.Stdin, os.Stdout, os.Stderr}
	status := c.main(ctx, os.Args[1:])
	hasToFinish.Store(true) // the command has ended: from now on a signal does not change the status
	os.Exit(status)
}

// main runs ipctop with the given arguments and returns its exit status.
func (c command) main(ctx context.Context, args []string) int {
	root := c.newRoot()
	root.SetArgs(args)
	help := &firstError{w: c.stdout}
	root.SetOut(help)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = help.err
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, syscall.EPIPE):
		return exitOK // the reader, such as head or less, has closed the pipe
	}
	if status, ok := stopStatus(ctx, err); ok {
		return status
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitFailed, err}
	}
	if exit.err != nil {
		fmt.Fprintf(c.stderr, "ipctop: %s\n", render.EscapeMessage(exit.err.Error()))
	}
	return exit.status
}

// firstError keeps the first error of a writer, because cobra ignores errors when it prints
// help.
type firstError struct {
	w   io.Writer
	err error
}

func (f *firstError) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if f.err == nil {
		f.err = err
	}
	return n, err
}

// newRoot builds the command tree. A new command adds its line here.
func (c command) newRoot() *cobra.Command {
	askVersion := false
	o, l := &options{ages: diagnose.Defaults(), stderr: c.stderr}, new(liveOptions)
	root := &cobra.Command{
		Use:   "ipctop",
		Short: "show inter-process communication: who talks to whom, who is stuck, what fills up",
		Long: "ipctop shows the inter-process communication (IPC) of a Linux machine: pipes, sockets, queues,\n" +
			"shared memory, semaphores, locks and signals, and the processes that use them.\n\n" +
			"Without a command it opens the live view; ? lists its keys. Where there is no terminal, or with TERM=dumb,\n" +
			"it prints a table instead, as ipctop dump does.",
		Example: "  ipctop                       # the live view\n" +
			"  ipctop why                   # what is stuck, and on whom\n" +
			"  ipctop trace signal nginx    # who sends SIGTERM to nginx?\n" +
			"  ipctop -d 0.5\n" +
			"  ipctop --from state.json\n" +
			"  ipctop -b -n 3 > log.txt",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if askVersion {
				return c.printVersion()
			}
			if err := l.configure(configFile(os.Getenv), cmd.Flags().Changed); err != nil {
				return err
			}
			return c.live(cmd.Context(), o, l)
		},
	}
	l.add(root.Flags())
	o.addSelf(root.Flags())
	root.Flags().BoolVarP(&askVersion, "version", "V", false, "print the version")
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("%w (see %s --help)", err, cmd.CommandPath())
	})
	o.addGlobal(root.PersistentFlags())
	root.AddCommand(
		c.newDump(o),
		c.newShow(o),
		c.newCheck(o),
		c.newWhy(o),
		c.newPath(o),
		c.newReport(o),
		c.newWait(o),
		c.newRecord(o),
		c.newRun(o),
		c.newPostmortem(o),
		c.newReplay(o),
		c.newDiff(o),
		c.newKinds(),
		c.newExplain(),
		c.newLog(o),
		c.newTrace(o),
		c.newExporter(o),
		c.newDoctor(o),
		c.newCompletion(),
		c.newMan(),
		c.newFixtures(o),
		c.newVersion(),
	)
	root.SetHelpCommand(c.newHelp())
	c.completeFlags(root, o)
	return root
}

// noArgs rejects arguments: cobra's own message does not say what to do.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usageError("%s takes no arguments, got %q (see %s --help)", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return unknownCommand(cmd, args[0])
}
