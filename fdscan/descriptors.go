package fdscan

import (
	"context"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Descriptors reads with which flags a descriptor was opened, and its file offset, as lsof
// +fg -o and lsfd show them. That takes up to three system calls per descriptor, so it is
// done only if the user wants to see it.
func Descriptors() probe.Probe {
	return probe.Probe{Name: "descriptor", Detail: readDescriptors}
}

// described is a descriptor whose flags the user wants to see.
type described struct {
	holder *model.Holder
	object *model.Object
}

// readDescriptors reads the descriptors of the processes and objects that the user
// wants to see.
func readDescriptors(ctx context.Context, idx *probe.Index, list []*model.Process, out *probe.Collector) error {
	all := map[int32]bool{}
	for _, p := range list {
		all[int32(p.PID)] = true
	}
	wanted := map[int32][]described{}
	for e := range idx.All() {
		asked := func(h model.Holder) bool { return h.Via == model.ViaFD && h.PID != 0 && (all[h.PID] || idx.Wanted(e)) }
		if slices.ContainsFunc(e.Holders, asked) {
			e.OwnHolders()
		}
		for i := range e.Holders {
			if h := &e.Holders[i]; asked(*h) {
				wanted[h.PID] = append(wanted[h.PID], described{h, e.Object})
			}
		}
	}
	var processes []*model.Process
	for pid := range wanted {
		if p := idx.Processes[pid]; p != nil {
			processes = append(processes, p)
		}
	}
	idx.EachProcess(processes, func(t *guard.Task, p *probe.Proc) func() {
		extents := make([]*model.Extent, len(wanted[p.PID()]))
		var failure error
		for i, d := range wanted[p.PID()] {
			if ctx.Err() != nil {
				break
			}
			if d.object.Kind == model.Epoll && p.SeesFUSE() {
				continue // its fdinfo may wait for a server; see events.Epoll
			}
			x, err := describe(t, p, d)
			if err != nil && !proc.Gone(err) {
				failure = err
			}
			extents[i] = x
		}
		return func() {
			for i, d := range wanted[p.PID()] {
				if extents[i] != nil {
					d.holder.Extent = extents[i]
				}
			}
			if failure != nil {
				out.Gap(model.Gap{Reason: proc.ReasonOf(failure), PID: p.Model.PID, Op: "fdinfo", Detail: failure.Error()})
			}
		}
	}, func(m *model.Process, err error) {
		out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: m.PID, Op: "open", Detail: err.Error()})
	})
	return nil
}

// describe adds the flags and the offset to what is known of a descriptor. If the number
// belongs to another file by now, nothing is added (ino in fdinfo, Linux 5.14).
func describe(t *guard.Task, p *probe.Proc, d described) (*model.Extent, error) {
	fd := d.holder.FD.Or(-1)
	if !t.Begin(probe.OpInfo, fd) {
		return nil, guard.ErrGivenUp
	}
	name := "fdinfo/" + strconv.Itoa(int(fd))
	if d.holder.TID != 0 {
		name = "task/" + strconv.Itoa(int(d.holder.TID)) + "/" + name
	}
	text, err := p.Dir.ReadRecord(name, nil)
	t.End()
	if err != nil {
		return nil, err
	}
	i, err := parseDescriptor(text)
	if err != nil {
		return nil, err
	}
	if ino, ok := i.ino.Get(); ok && d.object.Ino != 0 && ino != uint64(d.object.Ino) {
		return nil, unix.ENOENT
	}
	x := new(model.Extent)
	if d.holder.Extent != nil {
		*x = *d.holder.Extent
	}
	x.Flags = append(append([]string{}, x.Flags...), i.flags...)
	switch d.object.Detail.(type) {
	case *model.FileDetail, *model.MemoryDetail, *model.PosixSemDetail: // the kinds that have an offset
		x.Offset = i.offset
	}
	return x, nil
}

type descriptorInfo struct {
	offset model.Opt[int64]
	flags  []string
	ino    model.Opt[uint64]
}

// parseDescriptor reads what every /proc/PID/fdinfo/N begins with (fs/proc/fd.c, seq_show):
//
//	pos:	4096
//	flags:	0102001
//	mnt_id:	29
//	ino:	4711
//
// The flags are octal, those of open(2), and those that fcntl(2) has set since.
func parseDescriptor(text []byte) (i descriptorInfo, err error) {
	seen := map[string]bool{}
	err = fdinfo.EachField(text, func(key string, v []byte) error {
		if seen[key] {
			return nil // the lines of the file's own kind, which come later
		}
		seen[key] = true
		switch key {
		case "pos":
			n, err := fdinfo.Decimal(v)
			if err != nil {
				return err
			}
			i.offset = model.Some(n)
		case "flags":
			n, err := strconv.ParseUint(string(v), 8, 64)
			if err != nil {
				return err
			}
			i.flags = openFlags.List(n &^ (unix.O_ACCMODE | largeFile() | noNotify))
		case "ino":
			n, err := strconv.ParseUint(string(v), 10, 64)
			if err != nil {
				return err
			}
			i.ino = model.Some(n)
		}
		return nil
	})
	return i, err
}

// openFlags are the flags of open(2). A flag that includes another one comes first.
var openFlags = fdinfo.FlagNames{
	{unix.O_APPEND, "O_APPEND"},
	{unix.O_NONBLOCK, "O_NONBLOCK"},
	{unix.O_CLOEXEC, "O_CLOEXEC"},
	{unix.O_DIRECT, "O_DIRECT"},
	{unix.O_SYNC, "O_SYNC"},
	{unix.O_DSYNC, "O_DSYNC"},
	{unix.O_ASYNC, "O_ASYNC"},
	{unix.O_NOATIME, "O_NOATIME"},
	{unix.O_PATH, "O_PATH"},
	{unix.O_TMPFILE, "O_TMPFILE"},
	{unix.O_DIRECTORY, "O_DIRECTORY"},
	{unix.O_NOFOLLOW, "O_NOFOLLOW"},
}

// noNotify is internal to the kernel (FMODE_NONOTIFY, before Linux 6.14).
const noNotify = 1 << 26

// largeFile is the kernel's value of O_LARGEFILE, which all files of 64-bit programs
// have: package unix defines it as 0 there.
func largeFile() uint64 {
	switch runtime.GOARCH {
	case "arm64", "arm":
		return 0o400000
	}
	return 0o100000
}
