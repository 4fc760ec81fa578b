package main

import (
	"fmt"
	"sync"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/probe"
)

// openSource opens the eBPF source, which all scans of the program share.
var openSource = sync.OnceValues(func() (probe.Source, error) {
	s, err := bpf.Open()
	if err != nil {
		return nil, err // not a nil *Source in an interface
	}
	return s, nil
})

// useSource adds the source that --source asks for. It fails if a source that the user named
// is not available.
func (o *options) useSource(to *probe.Options) error {
	switch o.source {
	case sourceProc:
		return nil
	case sourceBPF:
		if _, err := openSource(); err != nil {
			return fmt.Errorf("--source bpf: %w", err)
		}
		to.SourceUse = probe.SourceAlways
	}
	to.Source = openSource
	return nil
}
