package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// format is the value of -o: one of the formats a command can write.
type format struct {
	value   string
	allowed []string
}

// addFormat gives a command the flags -o and --json. The first format is the
// default.
func addFormat(cmd *cobra.Command, allowed ...string) *format {
	f := &format{allowed[0], allowed}
	cmd.Flags().VarP(f, "output", "o", "output `FORMAT`: "+strings.Join(allowed, ", "))
	json := cmd.Flags().VarPF(jsonFlag{f}, "json", "", "the same as -o json")
	json.NoOptDefVal = "true"
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return allowed, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc("output", complete); err != nil {
		panic(err) // the flag was added above
	}
	return f
}

func (f *format) String() string { return f.value }

// Type is what help calls the value; the flag's usage names it.
func (f *format) Type() string { return "format" }

// Set implements [pflag.Value].
func (f *format) Set(s string) error {
	for _, a := range f.allowed {
		if s == a {
			f.value = s
			return nil
		}
	}
	return fmt.Errorf("it is one of %s", strings.Join(f.allowed, ", "))
}

// jsonFlag is --json.
type jsonFlag struct{ format *format }

func (jsonFlag) String() string   { return "" }
func (jsonFlag) Type() string     { return "bool" }
func (jsonFlag) IsBoolFlag() bool { return true }

func (j jsonFlag) Set(s string) error {
	if s == "true" {
		return j.format.Set("json")
	}
	return nil
}
