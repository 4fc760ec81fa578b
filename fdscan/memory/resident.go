package memory

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Resident reads how much of each shared mapping a process has in its own page
// tables. smaps has the same, but for all mappings, which takes the kernel long;
// so the pages are counted in pagemap, and only if the user wants to see it.
func Resident() probe.Probe {
	return probe.Probe{Name: "resident", Detail: readResident}
}

// maxResident is the size of the largest mapping that is counted: eight bytes are
// read for each of its pages.
const maxResident = 64 << 30

func readResident(ctx context.Context, idx *probe.Index, list []*model.Process, out *probe.Collector) error {
	wanted := map[int32][]*model.Extent{}
	for _, p := range list {
		wanted[int32(p.PID)] = nil
	}
	has := func(h model.Holder) bool { _, ok := wanted[h.PID]; return ok && h.Extent != nil }
	for e := range idx.All() {
		if slices.ContainsFunc(e.Holders, has) {
			e.OwnHolders()
		}
		for i := range e.Holders {
			h := &e.Holders[i]
			if h.Via != model.ViaMap && h.Via != model.ViaAttach || h.Extent == nil {
				continue
			}
			if l, ok := wanted[h.PID]; ok && h.Size.Or(0) > 0 && h.Size.Or(0) <= maxResident {
				wanted[h.PID] = append(l, h.Extent)
			}
		}
	}
	idx.EachProcess(list, func(t *guard.Task, p *probe.Proc) func() {
		extents := wanted[p.PID()]
		sizes := make([]model.Opt[int64], len(extents))
		var failure error
		for i, x := range extents {
			if ctx.Err() != nil {
				break
			}
			n, err := resident(t, p, idx.Through(p.PID()), uint64(x.Address), uint64(x.Size.Or(0)))
			if err != nil {
				failure = err
				break
			}
			sizes[i] = model.Some(n)
		}
		return func() {
			for i, x := range extents {
				x.RSS = sizes[i]
			}
			if failure != nil && !proc.Gone(failure) {
				out.Gap(model.Gap{Reason: proc.ReasonOf(failure), PID: p.Model.PID, Op: "read pagemap", Detail: failure.Error()})
			}
		}
	}, func(m *model.Process, err error) {
		out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: m.PID, Op: "open", Detail: err.Error()})
	})
	return nil
}

// resident counts the pages that are present according to /proc/PID/pagemap (proc_pid_pagemap(5), Linux
// 2.6.25); through is the file's directory below the process's. Reading it takes the process's memory
// lock.
func resident(t *guard.Task, p *probe.Proc, through string, start, size uint64) (int64, error) {
	const entry, batch = 8, 4096
	page := uint64(os.Getpagesize())
	fd, err := p.Dir.OpenFile(through+"pagemap", unix.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, batch*entry)
	present := int64(0)
	for at, end := start/page, (start+size+page-1)/page; at < end; {
		if !t.Begin("pagemap", 0) {
			return 0, guard.ErrGivenUp
		}
		n, err := unix.Pread(fd, buf[:min(end-at, batch)*entry], int64(at*entry))
		t.End()
		if err != nil {
			return 0, fmt.Errorf("read %s/pagemap: %w", p.Dir.Path(), err)
		}
		if n < entry {
			break // the mapping is gone
		}
		for b := buf[:n/entry*entry]; len(b) > 0; b = b[entry:] {
			present += int64(binary.NativeEndian.Uint64(b) >> 63)
		}
		at += uint64(n / entry)
	}
	return present * int64(page), nil
}
