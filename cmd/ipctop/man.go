package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/query"
)

func (c command) newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man [COMMAND|DIR]",
		Short: "print a manual page, or write all of them to a directory",
		Long: "Prints the manual page ipctop(1), or that of a COMMAND, for man or groff. With DIR it writes that page and those of all\n" +
			"commands to the directory, as a package does to /usr/share/man/man1.",
		Example: "  ipctop man | man -l -\n  ipctop man /usr/local/share/man/man1",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError("name one directory, not %d", len(args))
			}
			if len(args) == 0 {
				_, err := c.stdout.Write(manPage(c.newRoot()))
				return err
			}
			if found, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 && found != cmd.Root() {
				_, err := c.stdout.Write(manPage(found))
				return err
			}
			return privilege.AsUser(func() error { return c.writeManPages(args[0]) })
		},
	}
}

// writeManPages writes the pages of all commands to a directory.
func (c command) writeManPages(dir string) error {
	if s, err := os.Stat(dir); err != nil || !s.IsDir() {
		return usageError("%s is neither a command nor a directory", query.Quote(dir))
	}
	for name, page := range manPages(c.newRoot()) {
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// exitStatuses is the documentation of the exit statuses.
var exitStatuses = []struct {
	status  int
	meaning string
}{
	{exitOK, "Success."},
	{exitFailed, "Something failed; standard error says what."},
	{exitUsage, "The command line is wrong, or a reference is ambiguous."},
	{exitFindings, "There are findings at or above --fail-on."},
	{exitIncomplete, "With --strict: something could not be read. Without it (check, why): more could not be read than missing privileges explain."},
	{exitNotFound, "There is no such process, object, kind or topic."},
	{stopSignal(syscall.SIGINT).status(), "Ended by Ctrl-C (SIGINT); 143: by SIGTERM, 129: by SIGHUP or because the terminal is gone."},
}

// manPages are the pages of a command tree, by file name. They contain no date: the same
// commands give the same bytes.
func manPages(root *cobra.Command) map[string][]byte {
	pages := map[string][]byte{}
	for _, cmd := range commandTree(root) {
		pages[manName(cmd)+".1"] = manPage(cmd)
	}
	return pages
}

// commandTree lists a command and all commands below it that are not hidden.
func commandTree(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			list = append(list, commandTree(sub)...)
		}
	}
	return list
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is the page of one command (man(7)).
func manPage(cmd *cobra.Command) []byte {
	cmd.InitDefaultHelpFlag()
	name := manName(cmd)
	var r roff
	r.macro("TH", strings.ToUpper(name), "1", "", cmd.Root().Name(), "ipctop manual")
	r.macro("SH", "NAME")
	r.text(name + " - " + cmd.Short)
	r.macro("SH", "SYNOPSIS")
	r.synopsis(cmd)
	r.macro("SH", "DESCRIPTION")
	if cmd.Long == "" {
		r.text(strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + ".")
	}
	r.prose(cmd.Long)
	if cmd.HasAvailableSubCommands() {
		r.macro("SH", "COMMANDS")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				r.entry(`\fB`+roffEscape(manName(sub))+`\fR(1)`, sub.Short+".")
			}
		}
	}
	r.flags("OPTIONS", cmd.NonInheritedFlags())
	r.flags("GLOBAL OPTIONS", cmd.InheritedFlags())
	if !cmd.HasParent() {
		r.macro("SH", "EXIT STATUS")
		for _, e := range exitStatuses {
			r.entry(`\fB`+strconv.Itoa(e.status)+`\fR`, e.meaning)
		}
	}
	if cmd.Example != "" {
		r.macro("SH", "EXAMPLES")
		r.literal(cmd.Example)
	}
	if cmd.HasParent() {
		r.macro("SH", "SEE ALSO")
		r.line(`\fB` + roffEscape(manName(cmd.Parent())) + `\fR(1)`)
	}
	return r.b.Bytes()
}

func (r *roff) synopsis(cmd *cobra.Command) {
	args := strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
	r.line(`\fB` + roffEscape(cmd.CommandPath()) + `\fR` + roffEscape(args))
	if cmd.HasAvailableSubCommands() {
		r.macro("br")
		r.line(`\fB` + roffEscape(cmd.CommandPath()) + `\fR \fIcommand\fR [flags]`)
	}
}

func (r *roff) flags(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	r.macro("SH", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		tag := `\fB` + roffEscape(flagNames(f)) + `\fR`
		value, usage := flagValue(f)
		if value != "" {
			tag += ` \fI` + roffEscape(value) + `\fR`
		}
		r.entry(tag, usage)
	})
}

func flagNames(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand + ", --" + f.Name
	}
	return "--" + f.Name
}

// flagValue is the name of a flag's value, and the flag's usage as a sentence with the default.
func flagValue(f *pflag.Flag) (value, usage string) {
	value, usage = pflag.UnquoteUsage(f)
	if usage != "" {
		usage = strings.ToUpper(usage[:1]) + usage[1:]
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	if f.Value.Type() == "bool" {
		value = ""
	}
	return value, usage + "."
}
