package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what make build and make dist found in git (tools/version), by
// -ldflags "-X main.version=v1.2.3".
var version string

func (c command) newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return c.printVersion() },
	}
}

func (c command) printVersion() error {
	_, err := fmt.Fprintln(c.stdout, "ipctop", buildVersion())
	return err
}

// buildVersion is the version that was given when ipctop was built, else what the Go
// tool recorded: of go install MODULE@VERSION the version, of go build in a checkout
// what it makes of the commit.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return recordedVersion(info)
}

// recordedVersion is the version in a build's own record. Where the Go tool did not
// look into git (go run, -buildvcs=false) there is none.
func recordedVersion(info *debug.BuildInfo) string {
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "unknown (built without git; make build records it)"
	}
	return info.Main.Version
}
