package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// options are the flags every command has.
type options struct {
	procRoot string
	from     string
	sample   time.Duration
	minAge   time.Duration // see [diagnose.Options]

	// see [probe.Options]
	closer   func(*model.Snapshot) []int
	listDirs bool
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
	if err := enoughFiles(); err != nil {
		return nil, err
	}
	// A single snapshot is nearly all live memory: collecting earlier halves what
	// the collector would let pile up beside it, and costs a few per cent.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	snap, err := probe.NewScanner(probe.Options{
		ProcRoot: o.procRoot, Probes: probes(), Sample: o.sample, Closer: o.closer, Aside: "/proc/self/exe",
		ListDirectories: o.listDirs,
	}).Scan(ctx)
	if err != nil {
		return nil, err
	}
	diagnose.Run(snap, diagnose.Options{MinAge: o.minAge})
	return snap, nil
}

// minFiles is how many files a scan has open at a time, at the most: some for
// each processor, some for each table, and those of the Go runtime.
const minFiles = 32

// enoughFiles says whether ipctop may open as many files as a scan needs. With
// fewer the Go runtime itself may crash.
func enoughFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= minFiles {
		return nil
	}
	return fmt.Errorf("at most %d files may be open at a time (ulimit -n), a scan needs %d", limit.Cur, minFiles)
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
