package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

var ioUringClass = newAnonClass(model.IOUring, true)

// IOUring reads io_uring instances. Files that are registered with an instance
// are open without a descriptor, so the instance is a holder of them.
func IOUring() probe.Probe {
	return probe.Probe{
		Name: "io_uring",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			if string(fd.Link) != "anon_inode:[io_uring]" {
				return false
			}
			if _, o, ok := ioUringClass.read(fd, out, parseIOUring); ok {
				holdRegistered(fd, o, out)
			}
			return true
		},
		Mapping:  mappedRing,
		Complete: completeIOUring,
	}
}

// mappedRing claims the mappings of rings: a ring whose descriptor was closed is
// kept alive by them.
func mappedRing(m *probe.Mapping, out *probe.Collector) bool {
	in := internals()
	if string(m.Name) != "anon_inode:[io_uring]" || in.anonIno == 0 || m.Ino == in.anonIno && m.Dev == in.anonDev {
		return false
	}
	out.AddHolder(ioUringClass.inodeKey(m.Dev, m.Ino), m.Holder(model.ViaMap))
	m.Cacheable()
	return true
}

// describeMapped makes objects of the rings of which no process has a descriptor. The
// files registered with such a ring are not known, so no object's list of holders is
// complete.
func describeMapped(idx *probe.Index, out *probe.Collector) {
	for _, e := range idx.Unclaimed(ioUringClass.byInode) {
		o := &model.Object{
			ID: string(model.IOUring) + ":" + strconv.FormatUint(e.Key.Num, 10), Kind: model.IOUring, Ino: model.Big(e.Key.Num),
			Dev: proc.DevString(e.Key.Scope), Detail: new(model.IOUringDetail),
		}
		idx.Describe(e, o)
		idx.UnknownHolders()
		out.Gap(model.Gap{
			Reason: model.Unsupported, PID: int(e.Holders[0].PID), Object: o.ID, Op: "registered files",
			Detail: "the ring is mapped and its descriptor was closed: its registered files are unknown",
		})
	}
}

// holdRegistered emits that the process holds the registered files through the
// ring, if their name identifies the object.
func holdRegistered(fd *probe.FD, o *model.Object, out *probe.Collector) {
	d := o.Detail.(*model.IOUringDetail)
	o.Fill = model.NewRatio(d.CQPending, d.CQEntries)
	unnamed := 0
	for _, f := range d.Files {
		if k, ok := linkKey([]byte(f.Name)); ok {
			h := fd.Holder()
			h.Via, h.FD = model.ViaRegistered, model.Opt[int32]{}
			h.Extent = &model.Extent{Object: o.ID}
			out.AddHolder(k, h)
		} else if !isPath(f.Name) {
			unnamed++
		}
	}
	if unnamed > 0 {
		out.UnknownHolders()
		out.Gap(model.Gap{
			Reason: model.Unsupported, PID: fd.Proc.Model.PID, Object: o.ID, Op: "registered files",
			Detail: fmt.Sprintf("this kernel does not show which objects %d registered files are", unnamed),
		})
	}
}

// isPath reports whether the name of a registered file is its whole path, or what
// the kernel calls it. Kernels before 6.13 print only the last part of the path,
// which is empty for a pipe and the protocol for a socket.
func isPath(name string) bool {
	return strings.HasPrefix(name, "/") || strings.HasPrefix(name, "anon_inode:")
}

// linkKey returns the key of the object that the text of a link identifies.
func linkKey(link []byte) (probe.Key, bool) {
	if ino, ok := proc.LinkNumber(link, "pipe:["); ok {
		return probe.Key{Space: pipes.Space, Num: ino}, true
	}
	if ino, ok := proc.LinkNumber(link, "socket:["); ok {
		return sockets.Key(ino), true
	}
	return probe.Key{}, false
}

// completeIOUring names the registered objects.
func completeIOUring(_ context.Context, idx *probe.Index, out *probe.Collector) {
	describeMapped(idx, out)
	paths := map[string][]registered{}
	for _, space := range []*probe.KeySpace{ioUringClass.byInode, ioUringClass.byDescription} {
		for _, e := range idx.In(space) {
			d, ok := e.Object.Detail.(*model.IOUringDetail)
			if !ok {
				continue
			}
			for i := range d.Files {
				f := &d.Files[i]
				if k, ok := linkKey([]byte(f.Name)); ok {
					if to, ok := idx.Lookup(k); ok {
						f.Object = to.Object.ID
					}
				} else if strings.HasPrefix(f.Name, "/") {
					paths[f.Name] = append(paths[f.Name], registered{e, f})
				}
			}
		}
	}
	if len(paths) > 0 {
		for e := range idx.Among(pipes.FIFOSpace) {
			holdFIFO(idx, e, paths)
		}
	}
}

// registered is a file that is registered with a ring and whose path is known.
type registered struct {
	ring *probe.Entry
	file *model.RegisteredFile
}

// holdFIFO adds to a FIFO the holders of rings with which it is registered: with a file that has
// the FIFO's path, as seen in the same mount namespace. A file with that path in another mount
// namespace may or may not be the FIFO, and so may a deleted one: then the FIFO's list of holders
// is incomplete.
func holdFIFO(idx *probe.Index, e *probe.Entry, paths map[string][]registered) {
	if e.Object.Deleted && len(paths[e.Object.Path+proc.DeletedSuffix]) > 0 {
		e.Complete = model.Some(false)
		return
	}
	namespace := func(h *model.Holder) uint64 {
		if p := idx.Processes[h.PID]; p != nil {
			return p.Namespaces["mnt"]
		}
		return 0
	}
	near := map[uint64]bool{}
	for i := range e.Holders {
		near[namespace(&e.Holders[i])] = true
	}
	var found []model.Holder
	for _, r := range paths[e.Object.Path] {
		for i := range r.ring.Holders {
			h := &r.ring.Holders[i]
			if ns := namespace(h); ns == 0 || !near[ns] {
				e.Complete = model.Some(false)
				continue
			}
			r.file.Object = e.Object.ID
			found = append(found, model.Holder{PID: h.PID, Comm: h.Comm, Via: model.ViaRegistered, Extent: &model.Extent{Object: r.ring.Object.ID}})
		}
	}
	if len(found) > 0 {
		e.Adopt(found...)
	}
}

var errRingBusy = errors.New("a thread is submitting to the ring, and the kernel shows nothing of it meanwhile")

// parseIOUring reads the /proc/PID/fdinfo text of an io_uring (5.10; the queues'
// heads and tails 5.20). "UserFiles:" is followed by a line for each slot in
// use. While a thread holds the ring's lock, all of this is missing.
func parseIOUring(text []byte) (model.Detail, error) {
	d := new(model.IOUringDetail)
	if text == nil {
		return d, nil
	}
	var sqHead, sqTail, cqHead, cqTail model.Opt[uint32]
	section := ""
	overflow := int64(0)
	var bad fdinfo.BadLines
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\n")
		key, value, ok := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		if len(line) > 0 && line[0] == ' ' { // belongs to the section
			switch section {
			case "UserFiles":
				f, err := parseRegistered(key, value)
				if err != nil {
					bad.Add(line, err)
				} else if string(value) != "<none>" {
					d.Files = append(d.Files, f)
				}
			case "CqOverflowList":
				overflow++
			}
			continue
		}
		if !ok {
			continue
		}
		section = string(key)
		var err error
		switch section {
		case "SqMask":
			d.SQEntries, err = ringSize(value)
		case "CqMask":
			d.CQEntries, err = ringSize(value)
		case "SqHead":
			sqHead, err = ringIndex(value)
		case "SqTail":
			sqTail, err = ringIndex(value)
		case "CqHead":
			cqHead, err = ringIndex(value)
		case "CqTail":
			cqTail, err = ringIndex(value)
		case "SqThread":
			var n int64
			if n, err = fdinfo.Decimal(value); err == nil && n > 0 {
				d.SQThread = model.Some(int(n))
			}
		case "UserFiles":
			d.RegisteredFiles, err = count(value)
		case "UserBufs":
			d.RegisteredBuffers, err = count(value)
		case "CqOverflowList":
			d.CQOverflow = model.Some[int64](0)
		}
		if err != nil {
			bad.Add(line, err)
		}
	}
	if d.CQOverflow.Known() {
		d.CQOverflow = model.Some(overflow)
	}
	d.SQPending = distance(sqHead, sqTail)
	d.CQPending = distance(cqHead, cqTail)
	if err := bad.Err(); err != nil {
		return d, err
	}
	if !d.SQEntries.Known() && !d.RegisteredFiles.Known() {
		return d, errRingBusy
	}
	return d, nil
}

// ringSize returns the number of entries from a mask such as "0x7".
func ringSize(v []byte) (model.Opt[int64], error) {
	n, err := strconv.ParseUint(string(v), 0, 32)
	if err != nil {
		return model.Opt[int64]{}, err
	}
	return model.Some(int64(n) + 1), nil
}

func ringIndex(v []byte) (model.Opt[uint32], error) {
	n, err := strconv.ParseUint(string(v), 10, 32)
	if err != nil {
		return model.Opt[uint32]{}, err
	}
	return model.Some(uint32(n)), nil
}

func count(v []byte) (model.Opt[int64], error) {
	n, err := fdinfo.Decimal(v)
	if err != nil {
		return model.Opt[int64]{}, err
	}
	return model.Some(n), nil
}

// distance is the number of entries between head and tail, which wrap around.
func distance(head, tail model.Opt[uint32]) model.Opt[int64] {
	h, ok1 := head.Get()
	t, ok2 := tail.Get()
	if !ok1 || !ok2 {
		return model.Opt[int64]{}
	}
	return model.Some(int64(t - h))
}

// parseRegistered reads "    0: pipe:[4242]". In older kernels an empty slot has a
// line, too, "<none>", and the name is only the last part of the path: nothing for
// a pipe.
func parseRegistered(slot, name []byte) (model.RegisteredFile, error) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(slot)), 10, 31)
	if err != nil {
		return model.RegisteredFile{}, fmt.Errorf("bad slot: %w", err)
	}
	return model.RegisteredFile{Slot: int(n), Name: unescapeOctal(name)}, nil
}

// unescapeOctal reverses what seq_file(9) does to blanks and backslashes in a
// path: \040.
func unescapeOctal(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	s := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) {
			if n, err := strconv.ParseUint(string(b[i+1:i+4]), 8, 8); err == nil {
				s = append(s, byte(n))
				i += 3
				continue
			}
		}
		s = append(s, b[i])
	}
	return string(s)
}
