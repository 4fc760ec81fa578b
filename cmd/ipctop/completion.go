package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

func (c command) newCompletion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a completion script for a shell",
		Long: "Print a script that completes ipctop's commands, flags, kinds and references on the command line.\n\n" +
			"bash needs the package bash-completion. For all users, write the script where the shell looks for it:\n" +
			"  bash        /usr/share/bash-completion/completions/ipctop\n" +
			"  zsh         a directory of $fpath, as _ipctop\n" +
			"  fish        /usr/share/fish/vendor_completions.d/ipctop.fish\n" +
			"  powershell  the file that $PROFILE names",
		Example:           "  source <(ipctop completion bash)\n  ipctop completion fish | source",
		ValidArgs:         shells,
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("name one shell: %s", strings.Join(shells, ", "))
			}
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.stdout, true)
			case "zsh":
				return root.GenZshCompletion(c.stdout)
			case "fish":
				return root.GenFishCompletion(c.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.stdout)
			}
			return usageError("no completion for %q: there is one for %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// completeKinds completes the names of kinds.
func completeKinds(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return kindCompletions(prefix, ""), cobra.ShellCompDirectiveNoFileComp
}

// kindCompletions lists the kinds that begin with prefix, with suffix after
// each.
func kindCompletions(prefix, suffix string) []string {
	var list []string
	for _, k := range model.Kinds() {
		if strings.HasPrefix(string(k.Name), prefix) {
			list = append(list, cobra.CompletionWithDesc(string(k.Name)+suffix, k.Title))
		}
	}
	return list
}

// completionTime limits how long a completion may take: a user waits for it.
const completionTime = time.Second

// completeRefs completes references: pids and names, or ids once a kind and its colon are
// typed. Descriptors are read only for ids.
func (c command) completeRefs(o *options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if strings.ContainsAny(prefix, "/") {
			return nil, cobra.ShellCompDirectiveDefault // the shell completes paths
		}
		parent := cmd.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, completionTime)
		defer cancel()
		snap, err := c.completionSnapshot(ctx, o, prefix)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		var list []string
		for _, m := range query.Complete(snap, prefix) {
			list = append(list, cobra.CompletionWithDesc(m.Ref, m.Help))
		}
		if prefix != "" && len(list) == 0 {
			if list = kindCompletions(prefix, ":"); list != nil {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
		}
		return list, directive
	}
}

func (c command) completionSnapshot(ctx context.Context, o *options, prefix string) (*model.Snapshot, error) {
	if !o.reads() && !strings.Contains(prefix, ":") {
		return scanProcesses(ctx, o)
	}
	// Completion parses the flags of the command line twice, so work on a copy.
	once := *o
	once.from = slices.Clone(o.from)
	slices.Sort(once.from)
	once.from = slices.Compact(once.from)
	return c.snapshot(ctx, &once)
}
