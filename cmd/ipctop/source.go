package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// options are the flags every command has.
type options struct {
	procRoot string
	from     string
}

func (o *options) addGlobal(f *pflag.FlagSet) {
	f.StringVar(&o.procRoot, "procfs", "/proc", "`directory` where the proc file system is mounted")
	f.StringVar(&o.from, "from", "", "read a dump `FILE` instead of the machine; - is standard input")
}

// snapshot takes the snapshot that the flags ask for: of the machine, or from a
// file.
func (c command) snapshot(ctx context.Context, o *options) (*model.Snapshot, error) {
	if o.from != "" {
		return c.readDump(o.from)
	}
	// A single snapshot is nearly all live memory: collecting earlier halves what
	// the collector would let pile up beside it, and costs a few per cent.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	return probe.NewScanner(probe.Options{ProcRoot: o.procRoot, Probes: probes(), Aside: "/proc/self/exe"}).Scan(ctx)
}

func (c command) readDump(name string) (*model.Snapshot, error) {
	var r io.Reader = c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	snap, err := model.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return snap, nil
}
