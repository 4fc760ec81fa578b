package sysv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// mechanism is what differs between the three mechanisms.
type mechanism struct {
	kind    model.Kind
	space   *probe.KeySpace
	listing *listing
	call    string // the name of its system call
	file    string // its name in /proc/sysvipc
	words   map[string]column
	pids    []column
}

// records lists the objects of the namespace that the calling thread is in.
func (m *mechanism) records(ns probe.NS, out *probe.Collector) ([]record, error) {
	records, err := m.listing.list()
	how := m.call
	if err != nil {
		var textErr error
		how = "proc"
		if records, textErr = m.text(ns, out); textErr != nil {
			if errors.Is(err, unix.ENOSYS) && errors.Is(textErr, fs.ErrNotExist) {
				return nil, fmt.Errorf("%w: this kernel has no System V IPC", errors.ErrUnsupported)
			}
			return nil, fmt.Errorf("%w; %w", err, textErr)
		}
	}
	out.Backend(string(m.kind), how)
	if len(records) > 0 && !ns.Scan.PIDCalls {
		// The kernel returns pids of the caller's pid namespace; the snapshot has
		// those of another one.
		for i := range records {
			records[i].unset(m.pids...)
		}
		out.Gap(model.Gap{
			Reason: model.Unsupported, Op: "pids", Count: len(records),
			Detail: "the proc file system belongs to another pid namespace",
		})
	}
	return records, nil
}

// text reads the mechanism's file in /proc/sysvipc, which shows the namespace of
// the thread that opens it. A bad line costs only that line.
func (m *mechanism) text(ns probe.NS, out *probe.Collector) ([]record, error) {
	dir, err := proc.OpenDir(ns.Scan.ProcRoot + "/sysvipc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	text, err := dir.ReadFile(m.file, nil)
	if err != nil {
		return nil, err
	}
	records, errs := parseText(text, m.words)
	path := dir.Path() + "/" + m.file
	for _, err := range errs {
		out.Fail("parse", path, fmt.Errorf("%s: %s %w", m.kind, path, err))
	}
	return records, nil
}

func (m *mechanism) keyOf(ns probe.NS, id int) probe.Key {
	return probe.Key{Space: m.space, Scope: ns.Inode, Num: uint64(id)}
}

// untracked marks every object as possibly having users that cannot be listed:
// the kernel does not record which processes use a queue or a set.
func (m *mechanism) untracked(_ context.Context, idx *probe.Index, _ *probe.Collector) {
	for _, e := range idx.In(m.space) {
		e.Complete = model.Some(false)
	}
}
