package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/render/live"
	"github.com/ipctop/ipctop/render/tui"
)

// completeFlags completes the values of flags that have the same meaning in every command,
// unless a command has set its own completion.
func (c command) completeFlags(root *cobra.Command, o *options) {
	fixed := func(list ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	processes := func(names func(*model.Process) string) cobra.CompletionFunc {
		return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return c.completeProcesses(cmd, o, prefix, names), cobra.ShellCompDirectiveNoFileComp
		}
	}
	values := map[string]cobra.CompletionFunc{
		"kind":    commaSeparated(kindNames),
		"output":  fixed(render.Formats...),
		"only":    commaSeparated(func() []string { return render.Lists }),
		"columns": commaSeparated(render.ColumnNames),
		"theme":   fixed(tui.Themes...),
		"color":   fixed("auto", "always", "never"),
		"source":  fixed(sources...),
		"user":    processes(func(p *model.Process) string { return p.User }),
		"container": processes(func(p *model.Process) string {
			if p.Container == nil {
				return ""
			}
			return p.Container.Name
		}),
	}
	if err := root.RegisterFlagCompletionFunc("columns", completeScreenColumns); err != nil {
		panic(err) // the flag exists
	}
	for _, cmd := range commandTree(root) {
		for name, f := range values {
			if cmd.Flags().Lookup(name) != nil {
				if _, given := cmd.GetFlagCompletionFunc(name); !given {
					if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
						panic(err) // the flag exists
					}
				}
			}
		}
	}
}

// completeScreenColumns completes [SCREEN=]A,B. No space is added after SCREEN=.
func completeScreenColumns(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	ways, directive := live.CompleteColumns(typed), cobra.ShellCompDirectiveNoFileComp
	if slices.ContainsFunc(ways, func(w string) bool { return strings.HasSuffix(w, "=") }) {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return ways, directive
}

// commaSeparated completes the last word of a comma-separated list.
func commaSeparated(words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexAny(typed, ",+")+1]
		var list []string
		for _, w := range words() {
			if strings.HasPrefix(w, strings.TrimPrefix(typed, before)) {
				list = append(list, before+w)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeProcesses lists the names of processes, each once.
func (c command) completeProcesses(cmd *cobra.Command, o *options, prefix string, name func(*model.Process) string) []string {
	snap, err := c.completionSnapshot(cmd.Context(), o, "")
	if err != nil {
		return nil
	}
	var list []string
	for i := range snap.Processes {
		if n := name(snap.Processes[i]); n != "" && strings.HasPrefix(n, prefix) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
