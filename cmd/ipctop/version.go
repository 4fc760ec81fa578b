package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the version from git (tools/version) that make build and make dist set by
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

// buildVersion is the version that was set when ipctop was built, else the one that the Go
// tool recorded: the version for go install MODULE@VERSION, one derived from the commit for
// go build in a checkout.
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

// recordedVersion is the version that the Go tool recorded in the binary; "" if it did not
// look into git (go run, -buildvcs=false).
func recordedVersion(info *debug.BuildInfo) string {
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "unknown (built without git; make build records it)"
	}
	return info.Main.Version
}
