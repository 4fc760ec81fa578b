package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// waitOptions are the flags of wait.
type waitOptions struct {
	until   string
	gone    bool
	all     bool
	quiet   bool
	timeout time.Duration
	delay   delay
}

func (c command) newWait(o *options) *cobra.Command {
	w := &waitOptions{delay: delay(time.Second)}
	cmd := &cobra.Command{
		Use:   "wait REF",
		Short: "wait until an expression is true for a process or object, for scripts",
		Long: "Scans repeatedly until EXPR is true for what REF names, then prints it. REF need not exist yet. If REF names several\n" +
			"things, one is enough; with --all, EXPR must be true for all of them. The expression is over the fields of an object or a\n" +
			"process as in ipctop dump --json (ipctop explain FIELD); a comparison with something unknown is not true.\n\n" +
			"The exit status is 0 once EXPR is true, and 1 after --timeout.\n\n" + refHelp,
		Example: "  ipctop wait /jobs --until 'detail.messages == 0' --timeout 1m\n" +
			"  ipctop wait :5432 --until 'detail.state == \"LISTEN\"'\n" +
			"  ipctop wait 4121 --until 'state == \"T\"'\n" +
			"  ipctop wait 0x4d2 --gone",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("say what to wait for: one pid, name, id, path or port (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: c.completeRefs(o),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.wait(cmd.Context(), o, w, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&w.until, "until", "", "wait until `EXPR` is true; without it, until REF exists")
	f.BoolVar(&w.gone, "gone", false, "wait until it no longer exists")
	f.BoolVarP(&w.all, "all", "a", false, "wait until it is true for everything that REF names")
	f.BoolVarP(&w.quiet, "quiet", "q", false, "print nothing; the exit status is the result")
	f.DurationVar(&w.timeout, "timeout", 30*time.Second, "give up after this `TIME`; 0: never")
	f.VarP(&w.delay, "delay", "d", "`SECONDS` between scans, such as 0.5 or 500ms")
	return cmd
}

func (w *waitOptions) check(o *options) error {
	switch {
	case o.reads():
		return usageError("wait watches the running machine: --from does not apply here")
	case w.gone && (w.until != "" || w.all):
		return usageError("--gone waits until nothing that REF names exists: it cannot be combined with --until or --all")
	case w.timeout < 0:
		return usageError("--timeout %v: it cannot be negative", w.timeout)
	}
	return nil
}

// wait scans the machine until its condition is met.
func (c command) wait(ctx context.Context, o *options, w *waitOptions, ref string) error {
	if err := w.check(o); err != nil {
		return err
	}
	condition, err := newCondition(w.until)
	if err != nil {
		return err
	}
	if err := enoughFiles(); err != nil {
		return err
	}
	// It scans at least once, however long that takes.
	var late <-chan time.Time
	if w.timeout > 0 {
		late = time.After(w.timeout)
	}
	scan, done, err := machineScanner(o)
	if err != nil {
		return err
	}
	defer done()
	for {
		index, err := scan(ctx)
		if err != nil {
			return err
		}
		done, state, err := c.checkSnapshot(w, index.Snapshot, ref, condition)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("%s: timed out after %v: %s", query.Quote(ref), w.timeout, state)
		case <-time.After(time.Duration(w.delay)):
		}
	}
}

// checkSnapshot checks one snapshot: whether the condition is met and, if not, a description of the state.
func (c command) checkSnapshot(w *waitOptions, snap *model.Snapshot, ref string, condition *condition) (done bool, state string, err error) {
	matches, err := query.Find(snap, absolute(ref))
	var notFound *query.NotFoundError
	switch {
	case errors.As(err, &notFound) && w.gone:
		return true, "", nil
	case errors.As(err, &notFound):
		return false, notFound.Error(), nil
	case err != nil:
		return false, "", refError(err)
	case w.gone:
		return false, "it is still there", nil
	}
	var fit []query.Match
	for _, m := range matches {
		ok, err := condition.of(m)
		if err != nil {
			return false, "", err
		}
		if ok {
			fit = append(fit, m)
		}
	}
	if len(fit) == 0 || w.all && len(fit) < len(matches) {
		state := fmt.Sprintf("%s is true for %d of %d", w.until, len(fit), len(matches))
		for _, reason := range condition.unknown() {
			state += "; " + reason
		}
		return false, state, nil
	}
	if !w.quiet {
		for _, m := range fit {
			fmt.Fprintf(c.stdout, "%s  %s\n", m.ID(), m.Describe(snap))
		}
	}
	return true, "", nil
}

// condition is a condition on a process or an object; the same text may be valid for both.
type condition struct {
	objects   *query.Where[model.Object]
	processes *query.Where[model.Process]

	// Why the text is not valid for objects, or for processes.
	ofObjects, ofProcesses error
}

// newCondition compiles a condition; an empty one is always true. It must be valid for objects
// or for processes.
func newCondition(text string) (*condition, error) {
	if text == "" {
		return nil, nil
	}
	h := new(condition)
	h.objects, h.ofObjects = query.CompileWhere[model.Object](text)
	h.processes, h.ofProcesses = query.CompileWhere[model.Process](text)
	if h.ofObjects != nil && h.ofProcesses != nil {
		return nil, usageError("--until: of an object: %w; of a process: %w", h.ofObjects, h.ofProcesses)
	}
	return h, nil
}

// of reports whether the condition is known to be true.
func (h *condition) of(m query.Match) (bool, error) {
	switch {
	case h == nil:
		return true, nil
	case m.Object != nil && h.objects != nil:
		return h.objects.Match(m.Object), nil
	case m.Process != nil && h.processes != nil:
		return h.processes.Match(m.Process), nil
	case m.Object != nil:
		return false, usageError("--until: %s is an object: %w", m.ID(), h.ofObjects)
	}
	return false, usageError("--until: %s: %w", m.ID(), h.ofProcesses)
}

// unknown lists why the condition may be true without being known to be.
func (h *condition) unknown() (reasons []string) {
	if h.objects != nil {
		for _, l := range h.objects.LeftOut() {
			reasons = append(reasons, l.Reason)
		}
	}
	if h.processes != nil {
		for _, l := range h.processes.LeftOut() {
			reasons = append(reasons, l.Reason)
		}
	}
	return reasons
}
