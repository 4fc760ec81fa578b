package main

import (
	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
)

func (c command) newDump(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dump",
		Aliases: []string{"ls"},
		Short:   "print everything once",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			snap, err := c.snapshot(cmd.Context(), o)
			if err != nil {
				return err
			}
			return model.Encode(c.stdout, snap)
		},
	}
	return cmd
}
