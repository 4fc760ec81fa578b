package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite the documentation that is generated from the commands")

const updateHint = "after a change that is meant: go test ./cmd/ipctop -run Docs -update"

// TestDocsManPages keeps docs/man equal to the commands.
func TestDocsManPages(t *testing.T) {
	const dir = "../../docs/man"
	pages := manPages(command{}.newRoot())
	old, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if pages[filepath.Base(file)] != nil {
			continue
		}
		if !*update {
			t.Errorf("%s belongs to no command; %s", file, updateHint)
		} else if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		compareDoc(t, filepath.Join(dir, name), pages[name])
	}
}

// TestDocsCLI keeps docs/cli.md equal to the commands.
func TestDocsCLI(t *testing.T) {
	compareDoc(t, "../../docs/cli.md", cliMarkdown(command{}.newRoot()))
}

func compareDoc(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v; %s", err, updateHint)
	} else if !bytes.Equal(got, want) {
		t.Errorf("%s does not fit the commands any more; %s", file, updateHint)
	}
}

// cliMarkdown is the reference of all commands.
func cliMarkdown(root *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Commands\n\nGenerated from the commands' own help; do not edit.\n")
	for _, cmd := range commandTree(root) {
		cmd.InitDefaultHelpFlag()
		text := cmd.Long
		if text == "" {
			text = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
		}
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n```\n\n%s\n", cmd.CommandPath(), cmd.UseLine(), markdownProse(text))
		markdownFlags(&b, "Flags", cmd.NonInheritedFlags())
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n```sh\n%s\n```\n", markdownDedent(cmd.Example))
		}
		if !cmd.HasParent() {
			b.WriteString("\nThe flags of `ipctop` may be given to every command.\n\n| exit status | meaning |\n|---|---|\n")
			for _, e := range exitStatuses {
				fmt.Fprintf(&b, "| %d | %s |\n", e.status, e.meaning)
			}
		}
	}
	return b.Bytes()
}

// markdownProse turns indented lines into a code block.
func markdownProse(text string) string {
	var out []string
	inBlock := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch indented := strings.HasPrefix(line, "  "); {
		case indented && !inBlock:
			out = append(out, "", "```")
		case !indented && inBlock:
			out = append(out, "```", "")
		}
		inBlock = strings.HasPrefix(line, "  ")
		out = append(out, strings.TrimPrefix(line, "  "))
	}
	if inBlock {
		out = append(out, "```")
	}
	return strings.Join(out, "\n")
}

func markdownDedent(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll("\n"+text, "\n  ", "\n"), "\n")
}

func markdownFlags(b *bytes.Buffer, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := flagValue(f)
		fmt.Fprintf(b, "- `%s`: %s\n", strings.TrimSpace(flagNames(f)+" "+value), usage)
	})
}
