package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipctop/ipctop/model"
)

// options are the flags every command has.
type options struct {
	procRoot  string
	from      string
	sample    time.Duration
	minAge    time.Duration // see [diagnose.Options]
	waitsOnly bool          // see [probe.Options]

	// see [probe.Options]
	closer   func(*model.Snapshot) []int
	listDirs bool
}

func (o *options) addGlobal(f *pflag.FlagSet) {
	f.StringVar(&o.procRoot, "procfs", "/proc", "`directory` where the proc file system is mounted")
	f.StringVar(&o.from, "from", "", "read a dump or recording `FILE[@TIME]` instead of the machine; - is standard input")
}

// snapshot takes the snapshot that the flags ask for: of the machine, or from a
// file.
func (c command) snapshot(ctx context.Context, o *options) (*model.Snapshot, error) {
	if o.from != "" {
		return c.readFrom(o.from)
	}
	return scanMachine(ctx, o)
}
