package main

import (
	"fmt"
	"slices"
	"strings"
)

// The values of --source.
const (
	sourceAuto = "auto"   // eBPF if it is available and worth it
	sourceProc = "procfs" // the proc file system only
	sourceBPF  = "bpf"    // eBPF, or an error
)

var sources = []string{sourceAuto, sourceProc, sourceBPF}

// sourceFlag is the value of --source.
type sourceFlag struct{ value *string }

func (f sourceFlag) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}

// Type is what help calls the value; the flag's usage names it.
func (sourceFlag) Type() string { return "WHICH" }

// Set implements [pflag.Value].
func (f sourceFlag) Set(s string) error {
	if !slices.Contains(sources, s) {
		return fmt.Errorf("it is one of %s", strings.Join(sources, ", "))
	}
	*f.value = s
	return nil
}
