package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/render"
)

func (c command) newDoctor(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "say what can be seen here and what is missing",
		Long: "Say what ipctop can see on this machine with the privileges it has, what is hidden and why, and which command\n" +
			"would show it. Every answer is ok, missing, or could not tell. It asks the kernel about ipctop itself only.",
		Example: "  ipctop doctor\n  ipctop doctor -o json",
		Args:    noArgs,
	}
	format := addFormat(cmd, "text", "json")
	cmd.RunE = func(*cobra.Command, []string) error {
		executable, _ := os.Executable() // "" where it cannot be told: then no command is advised
		features := probe.Features(probe.FeatureOptions{ProcRoot: o.procRoot, Executable: executable})
		if format.value == "json" {
			return render.DoctorJSON(c.stdout, features)
		}
		return render.Doctor(c.stdout, features, render.Quote, showOptions())
	}
	return cmd
}
