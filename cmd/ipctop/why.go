package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

func (c command) newWhy(o *options) *cobra.Command {
	var all bool
	var traced time.Duration
	cmd := &cobra.Command{
		Use:   "why [REF...]",
		Short: "say why something is stuck, on whom, and what would release it",
		Long: "Explains why processes are stuck: follows each blocked thread to those that could release it, up to the root cause,\n" +
			"and says what the root cause does. For an object: who waits for it. Without REF: everything that is stuck, the worst first.\n\n" +
			"Each step gives its evidence. What the kernel does not show is not guessed: a chain may end at a process\n" +
			"that waits for events, or at another host.\n\n" + refHelp,
		Example: "  ipctop why\n" +
			"  ipctop why 4121\n" +
			"  ipctop why /var/db/x.lck\n" +
			"  ipctop why --trace 5s 4121        # and who wakes it, how long it usually waits\n" +
			"  ipctop why --from dump.json postgres\n" +
			"  ipctop why -o json 4121",
		ValidArgsFunction: c.completeRefs(o),
	}
	format := addFormat(cmd, "text", "json")
	f := cmd.Flags()
	o.addHistory(f)
	f.BoolVarP(&all, "all", "a", false, "explain everything that an ambiguous REF could mean")
	f.DurationVar(&traced, "trace", 0, "first trace for `TIME`, such as 5s, who wakes whom: this tells slow from stuck (eBPF)")
	f.DurationVar(&o.sample, "sample", 0, "pause for `TIME` between the two samples of blocked threads, such as 1s")
	cmd.RunE = func(cmd *cobra.Command, refs []string) (err error) {
		if slices.Contains(refs, "0") {
			return usageError("no process has pid 0: the kernel uses it for itself")
		}
		switch {
		case traced < 0:
			return usageError("--trace %v: it cannot be negative", traced)
		case traced > 0 && o.reads():
			return usageError("--trace needs the live machine: it does not work with --from")
		case traced > 0:
			end, err := traceWaits(cmd.Context(), o, traced)
			if err != nil {
				return err
			}
			defer end()
		}
		briefly := *o
		briefly.waitsOnly = !slices.ContainsFunc(refs, notPID)
		for _, ref := range refs {
			if pid, err := strconv.Atoi(ref); err == nil {
				briefly.about = append(briefly.about, pid)
			}
		}
		snap, matches, err := c.lookUp(cmd.Context(), &briefly, refs, all)
		if !o.reads() && briefly.waitsOnly && briefly.graph != nil && briefly.graph.NoWork() {
			briefly.waitsOnly, briefly.graph = false, nil
			snap, matches, err = c.lookUp(cmd.Context(), &briefly, refs, all)
		}
		var ambiguous *query.AmbiguousError
		if len(refs) == 1 && snap != nil && errors.As(err, &ambiguous) {
			if stuck := stuckOf(snap, ambiguous.Matches); stuck != nil {
				fmt.Fprintf(c.stderr, "ipctop: %d of %d called %s are stuck%s; --all explains all\n", len(stuck), len(ambiguous.Matches), query.Quote(refs[0]), namesOf(stuck))
				matches, err = stuck, nil
			}
		}
		if err != nil {
			return err
		}
		if err := explicable(snap, matches); err != nil {
			return err
		}
		g := briefly.graphOf(snap)
		if unlooked := render.Unlooked(snap); unlooked != "" {
			fmt.Fprintln(c.stderr, "ipctop:", unlooked)
			defer func() {
				if err == nil {
					err = &exitError{status: exitIncomplete}
				}
			}()
		}
		if format.value == "json" {
			return render.WhyJSON(c.stdout, g, matches, len(refs) == 0)
		}
		width, terminal := terminalWidth(c.stdout)
		if !terminal {
			width = render.Unwrapped
		}
		v := render.NewView(g.Index, &render.Options{
			ASCII: !utf8Locale(os.Getenv), Width: width, Color: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		})
		if len(refs) == 0 {
			return render.WhyAll(c.stdout, v, g)
		}
		return render.Why(c.stdout, v, g, matches)
	}
	return cmd
}

// maxNamedStuck limits how many stuck processes are named before they are explained.
const maxNamedStuck = 8

// namesOf names processes after a colon, unless they are too many.
func namesOf(matches []query.Match) string {
	if len(matches) > maxNamedStuck {
		return ""
	}
	var names []string
	for _, m := range matches {
		names = append(names, model.Named(query.Quote(m.Process.Name()), m.Process.PID))
	}
	return ": " + strings.Join(names, ", ")
}

// stuckOf are those of the matched processes that wait for another process rather than for
// work, or that are stuck according to a finding, for example for a lock inside a database.
// It is nil if there are none, or if a match is not a process.
func stuckOf(snap *model.Snapshot, matches []query.Match) []query.Match {
	stuck := map[int]bool{}
	for i := range snap.Waits {
		if w := &snap.Waits[i]; w.Confirmed && !w.Idle && w.Needs != model.NeedsTime {
			stuck[w.PID] = true
		}
	}
	for i := range snap.Findings {
		f := &snap.Findings[i]
		if f.Severity == model.Info {
			continue
		}
		for j := range f.Chain {
			stuck[f.Chain[j].PID] = true
		}
		for _, pid := range f.Victims {
			stuck[pid] = true
		}
	}
	var list []query.Match
	for _, m := range matches {
		if m.Process == nil {
			return nil
		}
		if stuck[m.Process.PID] {
			list = append(list, m)
		}
	}
	return list
}

// notPID reports whether a REF is not a pid. It may then mean an object on which no thread waits.
func notPID(ref string) bool {
	_, err := strconv.Atoi(ref)
	return err != nil
}

// explicable refuses processes that never wait for another: kernel threads, and processes
// that have ended.
func explicable(snap *model.Snapshot, matches []query.Match) error {
	for _, m := range matches {
		p := m.Process
		switch {
		case p == nil:
		case p.Kernel:
			return usageError("%s is a kernel thread: what it waits for is the kernel's own affair", model.Named(query.Quote(p.Name()), p.PID))
		case p.State == "Z" && p.Threads <= 1:
			parent := "its parent"
			for i := range snap.Processes {
				if q := snap.Processes[i]; q.PID == p.PPID {
					parent = model.Named(query.Quote(q.Name()), q.PID)
				}
			}
			return &exitError{exitNotFound, fmt.Errorf("%s has ended; %s has not yet asked for its exit status", model.Named(query.Quote(p.Name()), p.PID), parent)}
		}
	}
	return nil
}
