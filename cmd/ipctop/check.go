package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

// checkOptions are the flags of check.
type checkOptions struct {
	outputOptions
	failOn    string
	rules     []string
	listRules bool
	quiet     bool
	minAge    time.Duration
	where     string
	redact    bool
	strict    bool
}

// openMetrics is a format that only check has.
const openMetrics = "openmetrics"

// failLevels are the values of --fail-on, the mildest findings last.
var failLevels = []string{string(model.Critical), string(model.Warning), string(model.Info)}

const failNever = "never"

func (c command) newCheck(o *options) *cobra.Command {
	k := new(checkOptions)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "say what is wrong; exit status for scripts",
		Long: "Diagnoses the machine and lists the findings, the worst first: what is wrong, who is the cause, since when,\n" +
			"with what confidence, and what can be done. ipctop explain RULE says more about each.\n\n" +
			"The exit status is 3 if there is a finding at or above --fail-on. The default is warning: findings of\n" +
			"severity info do not count. With --strict it is 4 if there is no such finding but something could not be read.\n\n" +
			"The table shows three info findings of each rule: --rule RULE or -o wide shows all.\n\n" +
			"Unlike other commands it lists the directories in which UNIX sockets are bound, /run and /tmp, for socket files that\n" +
			"were left behind; a program that watches one of them sees it opened.\n\n" +
			"With --rates it also measures traffic, and shows it as a table, in JSON (traffic) and as metrics.\n\n" +
			"-o openmetrics is for node_exporter's textfile collector: the metrics of ipctop exporter without running a server;\n" +
			"from cron, as root:\n\n" +
			"  cd /var/lib/node_exporter && ipctop check --fail-on never -o openmetrics > ipctop.tmp && mv ipctop.tmp ipctop.prom\n\n" +
			"With several hosts (--from), all samples have the label host.",
		Example: "  ipctop check\n" +
			"  ipctop check --fail-on critical -q || mail -s stuck root < /dev/null\n" +
			"  ipctop check --rule deadlock --rule lock-wait --json\n" +
			"  ipctop check -Q 'confidence == \"certain\" && 4121 in pids'",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if k.listRules {
				return c.listRules()
			}
			return c.check(cmd.Context(), o, k, cmd.Flags().Changed("min-age"))
		},
	}
	f := cmd.Flags()
	o.addSelf(f)
	k.add(f)
	o.addHistory(f)
	o.addRates(f)
	f.Lookup("output").Usage = "`FORMAT`: " + strings.Join(checkFormats(), ", ")
	f.StringVar(&k.failOn, "fail-on", string(model.Warning), "exit with status 3 on findings of this `SEVERITY` or worse: "+
		strings.Join(failLevels, ", ")+"; "+failNever+": always exit with 0")
	f.StringSliceVar(&k.rules, "rule", nil, "only findings of this `RULE`; may be repeated")
	f.BoolVar(&k.listRules, "list-rules", false, "list the rules and exit")
	f.BoolVarP(&k.quiet, "quiet", "q", false, "print nothing; the exit status is the result")
	f.DurationVar(&k.minAge, "min-age", diagnose.DefaultMinAge, "report slowness only where a thread has been blocked for this long; if given, it also replaces the 3s of deadlocks that are not certain")
	f.StringVarP(&k.where, "where", "Q", "", "only findings for which `EXPR` is true")
	f.DurationVar(&o.sample, "sample", 0, "pause for `TIME` between the two samples of blocked threads, such as 1s")
	f.BoolVar(&k.redact, "redact", false, "replace commands, paths, names, users and hosts with pseudonyms")
	f.BoolVar(&k.strict, "strict", false, "exit with status 4 if anything could not be read")
	_ = cmd.RegisterFlagCompletionFunc("rule", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// checkFormats are dump's formats, but for the graph.
func checkFormats() []string {
	list := slices.DeleteFunc(slices.Clone(render.Formats), func(f string) bool { return f == "dot" })
	return append(list, openMetrics)
}

func ruleIDs() []string {
	var ids []string
	for _, r := range diagnose.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

func (c command) listRules() error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tSEVERITY\tFINDS")
	for _, r := range diagnose.Rules() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.ID, r.Severity, r.Title)
	}
	return w.Flush()
}

// verify refuses invalid flags before anything is read.
func (k *checkOptions) verify(o *options, ageAsked bool) error {
	switch {
	case o.sample < 0:
		return usageError("--sample %v: it cannot be negative", o.sample)
	case k.minAge < 0:
		return usageError("--min-age %v: it cannot be negative", k.minAge)
	case ageAsked && o.reads():
		return usageError("--min-age needs the live machine: a dump (--from) already contains its findings")
	case !slices.Contains(failLevels, k.failOn) && k.failOn != failNever:
		return usageError("--fail-on is %s or %s, not %q", strings.Join(failLevels, ", "), failNever, k.failOn)
	case !slices.Contains(checkFormats(), k.format):
		return usageError("there is no output format %q: there are %s", k.format, strings.Join(checkFormats(), ", "))
	case k.json && k.format != "table" && k.format != "json":
		return usageError("--json and -o %s contradict each other", k.format)
	}
	for _, id := range k.rules {
		if slices.Contains(ruleIDs(), id) {
			continue
		}
		hint := "see ipctop check --list-rules"
		if near := query.Nearest(id, ruleIDs()); len(near) > 0 {
			hint = "did you mean " + near[0] + "?"
		}
		return usageError("there is no rule %q (%s)", id, hint)
	}
	return nil
}

func (c command) check(ctx context.Context, o *options, k *checkOptions, ageAsked bool) error {
	if err := errors.Join(k.verify(o, ageAsked), o.checkRates()); err != nil {
		return err
	}
	out := k.outputOptions
	if out.format == openMetrics {
		out.format = "table"
	}
	request, err := out.request(c.stdout, []string{"findings"}, nil)
	if err != nil {
		return err
	}
	var where *query.Condition
	if k.where != "" {
		if where, err = query.CompileCondition("findings", k.where); err != nil {
			return usageError("--where: %w", err)
		}
	}
	o.ages.MinAge, o.listDirs = k.minAge, true
	if ageAsked {
		o.ages.DeadlockAge = k.minAge
	}
	whole, err := c.snapshot(ctx, o)
	if err != nil {
		return err
	}
	if whole.Findings == nil {
		return fmt.Errorf("%s holds no findings: it was made without them (--only)", strings.Join(o.from, ", "))
	}
	snap := *whole
	if o.rates == 0 && k.format != openMetrics {
		snap.Traffic = nil // of a dump: nobody asked for it here
	}
	if k.rules != nil {
		snap.Findings = slices.DeleteFunc(slices.Clone(snap.Findings), func(f model.Finding) bool { return !slices.Contains(k.rules, f.Rule) })
	}
	if where != nil {
		snap = *where.Apply(&snap)
	}
	failing := k.failing(snap.Findings)
	if k.redact {
		snap = *query.NewRedactor().Redact(&snap)
	} else {
		request.Index = o.indexOf(whole) // apart from the findings, snap is equal to it
	}
	unlooked := render.Unlooked(whole)
	if unlooked != "" && !k.quiet {
		fmt.Fprintln(c.stderr, "ipctop:", unlooked)
	}
	if !k.quiet {
		if err := k.write(c.stdout, request, &snap); err != nil {
			return err
		}
		k.notes(c.stderr, request, &snap, where)
	}
	switch {
	case failing:
		return &exitError{status: exitFindings}
	case unlooked != "":
		return &exitError{status: exitIncomplete}
	case k.strict && incomplete(whole):
		return &exitError{exitIncomplete, fmt.Errorf("incomplete: %s", render.GapSummary(whole))}
	}
	return nil
}

// incomplete reports whether there are gaps other than those that every machine has.
func incomplete(s *model.Snapshot) bool {
	return slices.ContainsFunc(s.Gaps, func(g model.Gap) bool { return !g.Inherent() })
}

// failing reports whether there is a finding at or above --fail-on.
func (k *checkOptions) failing(findings []model.Finding) bool {
	level := model.Severity(k.failOn)
	return k.failOn != failNever && slices.ContainsFunc(findings, func(f model.Finding) bool { return f.Severity.Rank() <= level.Rank() })
}

func (k *checkOptions) write(w io.Writer, request *render.Request, snap *model.Snapshot) error {
	switch {
	case k.format == openMetrics:
		return render.OpenMetrics(w, snap, k.chosen())
	case request.Format == "table" && request.Columns == "":
		request.Options.FoldAlike = k.rules == nil && !request.Options.NoHeadings
		if len(snap.Findings) > 0 {
			if err := render.Check(w, request.View(snap), snap.Findings); err != nil {
				return err
			}
		}
		if len(snap.Traffic) == 0 {
			return nil
		}
		if len(snap.Findings) > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		request.Only = []string{"traffic"}
	case snap.Traffic != nil && (request.Format == "json" || request.Format == "jsonl"):
		request.Only = append(request.Only, "traffic", "gaps")
	case request.Format == "json":
		request.Only = append(request.Only, "gaps") // gaps show how far the findings can be relied on
	}
	_, err := render.Write(w, request, snap, snap)
	return err
}

// chosen are the rules of --rule; all without it.
func (k *checkOptions) chosen() []diagnose.Rule {
	return slices.DeleteFunc(slices.Clone(diagnose.Rules()), func(r diagnose.Rule) bool {
		return k.rules != nil && !slices.Contains(k.rules, r.ID)
	})
}

// notes prints what was checked if nothing was found, and what could not be seen.
func (k *checkOptions) notes(w io.Writer, request *render.Request, snap *model.Snapshot, where *query.Condition) {
	if where != nil {
		for _, l := range where.LeftOut() {
			fmt.Fprintln(w, "ipctop:", l)
		}
	}
	var parts []string
	if len(snap.Findings) == 0 && render.Unlooked(snap) == "" {
		what := fmt.Sprintf("%d rules", len(diagnose.Rules()))
		if k.rules != nil {
			what = strings.Join(k.rules, ", ")
		}
		parts = append(parts, fmt.Sprintf("nothing found by %s in %s, %s and %s", what,
			render.Counted(len(snap.Processes), "process", "processes"),
			render.Counted(len(snap.Objects), "object", "objects"),
			render.Counted(len(snap.Waits), "waiting thread", "waiting threads")))
	}
	if gaps := render.GapSummary(snap); gaps != "" && request.Format == "table" && k.format != openMetrics {
		parts = append(parts, gaps)
	}
	if parts != nil {
		fmt.Fprintln(w, "ipctop:", strings.Join(parts, "; "))
	}
}
