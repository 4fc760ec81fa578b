package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/testfixtures"
)

// fixturesFlags are the flags of the fixtures command.
type fixturesFlags struct {
	list, json, verify, clean, explain bool
	duration                           time.Duration
	traffic                            trafficRate
	compare                            bool
}

func (c command) newFixtures(o *options) *cobra.Command {
	f := new(fixturesFlags)
	cmd := &cobra.Command{
		Use:   "fixtures [NAME…]",
		Short: "make real instances of each mechanism and each finding to look at",
		Long: "Makes real instances of the mechanisms that ipctop shows, in separate processes, lists them, and holds them\n" +
			"until Ctrl-C; then it removes them all. Without a NAME it makes all it can.\n\n" +
			"A fixture named after a rule (zombies) makes what that rule finds; RULE:control makes something that only looks like it.\n\n" +
			"--explain is for learning: it says which system calls made it, with the pids, draws who does what to whom,\n" +
			"and names the files below /proc that show it and the commands to type next.\n\n" +
			"With --traffic, NAME is a channel: data goes through it from one process to another, and both count it. --compare\n" +
			"measures how fast channels are, each alone for some seconds. The channels:\n" +
			wrapped(testfixtures.TrafficNames()) + ".",
		Example: "  ipctop fixtures pipe:full deadlock\n" +
			"  ipctop fixtures --traffic pipe tcp\n" +
			"  ipctop fixtures --compare\n" +
			"  ipctop fixtures --traffic=2MiB --for 10s unix",
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.list:
				return c.listFixtures()
			case f.clean:
				return c.cleanFixtures()
			case f.compare:
				return c.compareMechanisms(cmd.Context(), f, args)
			case f.traffic.set:
				return c.runTraffic(cmd.Context(), f, args)
			case f.verify:
				return c.verifyFixtures(cmd.Context(), o, args)
			}
			return c.holdFixtures(cmd.Context(), f, args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			if f.traffic.set || f.compare {
				return testfixtures.TrafficNames(), cobra.ShellCompDirectiveNoFileComp
			}
			return append([]string{"demo"}, testfixtures.Names()...), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.list, "list", false, "list the fixtures: name, what it makes, what it needs")
	flags.BoolVar(&f.json, "json", false, "say what was made as JSON, one fixture a line, then {\"ready\":true}")
	flags.BoolVar(&f.verify, "verify", false, "scan, diagnose and compare with what was made; exit status 1 if something is missing")
	flags.BoolVar(&f.explain, "explain", false, "say what is in each: the calls, a picture, where /proc shows it, what to type next")
	flags.BoolVar(&f.clean, "clean", false, "remove what a killed run left behind, and nothing else")
	flags.DurationVar(&f.duration, "for", 0, "hold them for this long, such as 30s, instead of until Ctrl-C")
	flags.Var(&f.traffic, "traffic", "send data through channels, each at this `RATE` per second, such as 2MiB (operations for semaphores and eventfds); max, or no RATE: as fast as possible")
	flags.BoolVar(&f.compare, "compare", false, "measure throughput and round trips of mechanisms on this machine, with messages of 64 B to 1 MiB")
	flags.Lookup("traffic").NoOptDefVal = fullSpeed
	return cmd
}

// check refuses names that do not exist and flags that contradict each other.
func (f *fixturesFlags) check(args []string) error {
	var modes []string
	for _, m := range []struct {
		set  bool
		name string
	}{
		{f.list, "--list"}, {f.verify, "--verify"}, {f.clean, "--clean"}, {f.traffic.set, "--traffic"}, {f.compare, "--compare"}, {f.json, "--json"}, {f.explain, "--explain"}, {f.duration != 0, "--for"},
	} {
		if m.set {
			modes = append(modes, m.name)
		}
	}
	switch {
	case privilege.Beyond() != "" && !f.list:
		return usageError("fixtures are not made with more rights than their user has: %s", privilege.Beyond())
	case f.duration < 0:
		return usageError("--for %v: it cannot be negative", f.duration)
	case len(modes) > 1 && (f.list || f.verify || f.clean):
		return usageError("%s do not go together", strings.Join(modes, " and "))
	case f.explain && f.json:
		return usageError("--json and --explain do not go together")
	case f.explain && len(args) == 0:
		return usageError("--explain needs the name of a fixture (ipctop fixtures --list)")
	case (f.list || f.clean) && len(args) > 0:
		return usageError("%s takes no fixture, got %q", modes[0], args[0])
	case f.traffic.set && f.explain:
		return usageError("--traffic and --explain do not go together")
	case f.compare && (f.traffic.set || f.explain || f.duration != 0):
		return usageError("%s do not go together", strings.Join(modes, " and "))
	case f.traffic.set, f.compare:
		if err := testfixtures.CheckTraffic(args...); err != nil {
			return usageError("%w", err)
		}
		return nil
	}
	var unknown *testfixtures.UnknownError
	if err := testfixtures.Check(args...); errors.As(err, &unknown) {
		hint := "ipctop fixtures --list lists them"
		if near := query.Nearest(unknown.Name, testfixtures.Names()); len(near) > 0 {
			hint = "did you mean " + strings.Join(near[:min(len(near), 3)], ", ") + "?"
		}
		return usageError("%w: %s", err, hint)
	}
	return nil
}

func (c command) listFixtures() error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tMAKES\tNEEDS")
	for _, f := range testfixtures.All() {
		needs := f.Needs
		if needs == "" {
			needs = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Makes, needs)
	}
	return w.Flush()
}

// holdFixtures makes fixtures, says what they are, and holds them.
func (c command) holdFixtures(ctx context.Context, f *fixturesFlags, names []string) (err error) {
	hasToFinish.Store(true) // the fixtures are removed
	run, err := testfixtures.StartAvailable(ctx, names...)
	if err != nil {
		return endOfFixtures(ctx, err)
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	for _, s := range run.Skipped {
		fmt.Fprintf(c.stderr, "ipctop: %s is skipped: %s\n", s.Fixture, s.Reason)
	}
	for _, f := range run.Failed {
		fmt.Fprintf(c.stderr, "ipctop: fixture %s: %v\n", f.Fixture, f.Err)
	}
	if len(run.Instances) == 0 {
		return errors.New("none of these fixtures could be made")
	}
	say := c.sayFixtures
	switch {
	case f.json:
		say = c.sayFixturesJSON
	case f.explain:
		say = c.explainFixtures
	}
	if err := say(run); err != nil {
		return err
	}
	if f.duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, f.duration)
		defer stop()
	}
	<-ctx.Done()
	if len(run.Failed) > 0 {
		return &exitError{status: exitFailed}
	}
	return nil
}

// endOfFixtures treats Ctrl-C as the normal end, also while the fixtures are being made.
func endOfFixtures(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (c command) sayFixtures(run *testfixtures.Run) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIXTURE\tOBJECT\tPIDS")
	for _, inst := range run.Instances {
		pids := strings.Trim(fmt.Sprint(inst.PIDs), "[]")
		if pids == "" {
			pids = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", inst.Fixture, inst.Object, pids)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "%d made by ipctop(%d), %d skipped. Ctrl-C removes them.\n",
		len(run.Instances), os.Getpid(), len(run.Skipped))
	return err
}

// explainFixtures explains to learners what each fixture contains.
func (c command) explainFixtures(run *testfixtures.Run) error {
	var b strings.Builder
	list := func(title string, lines []string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s\n", render.Escape(line))
		}
	}
	for i := range run.Instances {
		inst := &run.Instances[i]
		e, err := inst.Explain()
		if err != nil {
			return fmt.Errorf("fixture %s: %w", inst.Fixture, err)
		}
		fmt.Fprintf(&b, "%s: %s\n\n  %s\n", inst.Fixture, inst.Makes(), render.Escape(e.Picture))
		list("Calls", e.Calls)
		b.WriteString("\nWhere /proc shows it\n")
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.TabIndent)
		for _, p := range e.Proc {
			fmt.Fprintf(w, "  %s", render.Escape(p.Path))
			if p.Shows != "" {
				fmt.Fprintf(w, "\t%s", render.Escape(p.Shows))
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		list("Next, in another terminal", e.Next)
		b.WriteByte('\n')
	}
	b.WriteString("Ctrl-C removes what was made.\n")
	_, err := io.WriteString(c.stdout, b.String())
	return err
}

func (c command) sayFixturesJSON(run *testfixtures.Run) error {
	enc := json.NewEncoder(c.stdout)
	for _, inst := range run.Instances {
		if err := enc.Encode(inst); err != nil {
			return err
		}
	}
	return enc.Encode(struct {
		Ready   bool                   `json:"ready"`
		Skipped []testfixtures.Skipped `json:"skipped,omitempty"`
	}{true, run.Skipped})
}

// verifyFixtures makes fixtures, scans, and reports which of them the scan shows.
func (c command) verifyFixtures(ctx context.Context, o *options, names []string) (err error) {
	if o.reads() {
		return usageError("--verify compares with the machine, not with a dump (--from)")
	}
	hasToFinish.Store(true) // the fixtures are removed
	run, err := testfixtures.StartAvailable(ctx, names...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	detailed := *o
	detailed.listDirs = true
	detailed.detail = func(*model.Snapshot) (pids []int, _ []string) {
		for i := range run.Instances {
			pids = append(pids, run.Instances[i].PIDs...)
		}
		return pids, nil
	}
	snap, err := c.snapshot(ctx, &detailed)
	if err != nil {
		return err
	}
	// The fixtures are new, so ignore the age of findings.
	snap.Findings = diagnose.Find(snap, diagnose.Options{})
	missing, unseen := 0, 0
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for i := range run.Instances {
		inst := &run.Instances[i]
		word, why := "seen", ""
		if err := testfixtures.Verify(snap, inst); err != nil {
			if why = testfixtures.Unseen(snap, inst); why != "" {
				word = "skipped"
				unseen++
			} else {
				word, why = "missing", err.Error()
				missing++
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", word, inst.Fixture, inst.Object, why)
	}
	for _, s := range run.Skipped {
		fmt.Fprintf(w, "skipped\t%s\t-\t%s\n", s.Fixture, s.Reason)
	}
	for _, f := range run.Failed {
		fmt.Fprintf(w, "failed\t%s\t-\t%v\n", f.Fixture, f.Err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%d seen, %d missing, %d skipped, %d failed\n", len(run.Instances)-missing-unseen, missing, len(run.Skipped)+unseen, len(run.Failed))
	if missing+len(run.Failed) > 0 {
		return &exitError{status: exitFailed}
	}
	return nil
}

func (c command) cleanFixtures() error {
	report, err := testfixtures.Clean()
	if err != nil {
		return err
	}
	for _, s := range report.Removed {
		if _, err := fmt.Fprintln(c.stdout, "removed", s); err != nil {
			return err
		}
	}
	for _, s := range report.Kept {
		fmt.Fprintf(c.stderr, "ipctop: skipped: %s\n", s)
	}
	if len(report.Removed)+len(report.Kept) == 0 {
		fmt.Fprintf(c.stderr, "ipctop: nothing left behind in %s (runs under way: %d)\n",
			strings.Join(testfixtures.Homes(), ", "), len(report.Live))
	}
	return nil
}
