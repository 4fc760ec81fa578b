package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/leak/paths"
	"github.com/ipctop/ipctop/leak/processtree"
	"github.com/ipctop/ipctop/model"
)

// Exit statuses of shells and env(1).
const (
	exitCannotRun = 126
	exitNoCommand = 127
	exitSignal    = 128 // plus the number of the signal that ended it
)

// Options say how a command is run.
type Options struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Scan takes a snapshot of the machine.
	Scan func(context.Context) (*model.Snapshot, error)

	Grace    time.Duration // how long descendants may outlive the command before they count as left behind
	Isolated bool          // this process has an IPC namespace of its own, see Isolate
}

// StartError says that a command cannot be started.
type StartError struct {
	Name   string // of the command
	Status int    // the exit status that shells give it
	Err    error
}

func (e *StartError) Error() string { return fmt.Sprintf("cannot run %s: %v", e.Name, e.Err) }

func (e *StartError) Unwrap() error { return e.Err }

// LookPath finds the program of a command (PATH).
func LookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return "", startError(name, err)
	}
	return path, nil
}

// Run runs a command, whose program is path, and compares the machine before and
// after it.
func Run(ctx context.Context, path string, argv []string, o *Options) (*leak.Report, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphans (PR_SET_CHILD_SUBREAPER): %w", err)
	}
	first, err := o.Scan(ctx)
	if err != nil {
		return nil, err
	}
	before := leak.NewBaseline(first)
	dirs := paths.Dirs()
	pathsBefore := paths.List(dirs)

	report := &leak.Report{Schema: model.Schema, Command: argv, Isolated: o.Isolated, Began: time.Now().UTC()}
	tree := processtree.New()
	cmd := &exec.Cmd{Path: path, Args: argv, Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, WaitDelay: max(o.Grace, time.Millisecond)}
	relay := newRelay()
	if err := cmd.Start(); err != nil {
		relay.stop()
		return nil, startError(argv[0], err)
	}
	relay.to(cmd.Process)
	tree.Watch(cmd.Process.Pid)
	err = cmd.Wait()
	if cmd.ProcessState == nil {
		return nil, err // Wait itself failed
	}
	ended(report, cmd)
	tree.WaitForEnd(o.Grace)
	relay.stop()

	// The signal that ended the command has also ended ctx.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	facts := tree.End()
	facts.UID, facts.Isolated = os.Getuid(), o.Isolated
	after, err := o.Scan(ctx)
	if err != nil {
		return nil, err
	}
	pathsAfter := paths.List(dirs)
	report.Left = append(leak.Find(before, after, facts), paths.New(pathsBefore, pathsAfter, facts)...)
	leak.Sort(report.Left)
	report.Descendants, report.DescendantsComplete = len(facts.PIDs)-1, facts.Complete
	report.Gaps(after, append(pathsBefore.Gaps, pathsAfter.Gaps...)...)
	return report, nil
}

// ended records how the command ended.
func ended(r *leak.Report, cmd *exec.Cmd) {
	r.PID, r.Duration, r.Status = cmd.ProcessState.Pid(), int64(time.Since(r.Began)), statusOf(cmd)
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		r.Signal = model.SignalName(int(w.Signal()))
	}
}

// statusOf returns the exit status of a command as shells report it.
func statusOf(cmd *exec.Cmd) int {
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return exitSignal + int(w.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

func startError(name string, err error) error {
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
	return &StartError{name, status, err}
}
