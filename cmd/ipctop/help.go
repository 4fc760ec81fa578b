package main

import (
	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/query"
)

// newHelp makes ipctop help [COMMAND]. Cobra's own does not report an unknown command.
func (c command) newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "help about a command",
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || found == nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), args[0])
			}
			return found.Help()
		},
	}
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			names = append(names, cmd.Name())
		}
	}
	return names
}

// unknownCommand is the error for an unknown command, with similar names.
func unknownCommand(root *cobra.Command, name string) error {
	near := ""
	if n := query.Closest(name, commandNames(root)); n != "" {
		near = ": did you mean " + n + "?"
	}
	return usageError("unknown command %q%s (see ipctop --help)", name, near)
}
