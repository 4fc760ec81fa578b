package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/route"
)

func (c command) newPath(o *options) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "path A B",
		Short: "show the shortest path by which two processes communicate",
		Long: "Shows the shortest path by which A and B communicate: through which objects and which processes. The arrows show\n" +
			"which way data can flow. An object stands for all its holders. A shared file or a terminal counts as several\n" +
			"steps: processes that have one open seldom communicate through it. Where processes are hidden there may be a shorter path.\n\n" + refHelp,
		Example: "  ipctop path nginx postgres\n" +
			"  ipctop path 4121 :5432\n" +
			"  ipctop path 4121 4200 --from dump.json --json",
		ValidArgsFunction: c.completeRefs(o),
	}
	format := addFormat(cmd, "text", "json")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "use all processes that A and B could mean, instead of asking which")
	cmd.RunE = func(cmd *cobra.Command, refs []string) error {
		if len(refs) != 2 {
			return usageError("name two processes or objects (see %s --help)", cmd.CommandPath())
		}
		snap, _, err := c.lookUp(cmd.Context(), o, refs, all)
		if err != nil {
			return err
		}
		var ends [2][]int
		for i, ref := range refs {
			matches, err := resolve(snap, []string{ref}, all)
			if err != nil {
				return err
			}
			if ends[i] = processesHolding(matches); ends[i] == nil {
				return &exitError{exitNotFound, fmt.Errorf("%s: no process is known that has it", query.Quote(ref))}
			}
		}
		steps, ok := route.Find(snap, ends[0], ends[1])
		switch {
		case !ok:
			return usageError("%s and %s are, or belong to, one process", query.Quote(refs[0]), query.Quote(refs[1]))
		case steps == nil:
			err := fmt.Errorf("no way from %s to %s among %d channels", query.Quote(refs[0]), query.Quote(refs[1]), len(snap.Links))
			if gaps := render.GapSummary(snap); gaps != "" {
				err = fmt.Errorf("%w; %s", err, gaps)
			}
			return &exitError{exitNotFound, err}
		case format.value == "json":
			return render.RouteJSON(c.stdout, snap, steps)
		}
		return render.Route(c.stdout, o.newIndexOf(snap), steps, showOptions())
	}
	return cmd
}

// processesHolding are the matched processes and the processes that hold a matched object.
func processesHolding(matches []query.Match) []int {
	var pids []int
	for _, m := range matches {
		if m.Process != nil {
			pids = append(pids, m.Process.PID)
			continue
		}
		for i := range m.Object.Holders {
			if pid := m.Object.Holders[i].PID; pid != 0 {
				pids = append(pids, int(pid))
			}
		}
	}
	return pids
}
