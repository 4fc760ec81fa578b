package sockets

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Unix reads UNIX domain sockets (unix(7)): from unix_diag, which has peers,
// queues and pending connections, or else from /proc/net/unix, which has only
// names and states.
func Unix() probe.Probe { return unixProbe(readUnix) }

// unixProtocols are the names of the protocols, each with the socket type if the name
// determines it.
var unixProtocols = map[string]string{"UNIX": "", "UNIX-STREAM": "stream"}

func unixProbe(read func(context.Context, probe.NS, *unixTexts, *unixKnown, *probe.Collector) error) probe.Probe {
	var (
		text  unixTexts
		known unixKnown
	)
	name := completeFamily(model.Unix, unixProtocols,
		func(t string) model.Detail { return &model.UnixDetail{Type: t} })
	return probe.Probe{
		Name:  "unix",
		Scope: "net",
		FD:    socketFD,
		Table: func(ctx context.Context, ns probe.NS, out *probe.Collector) error {
			if usageOf(ns).none("UNIX", "UNIX-STREAM") {
				return nil
			}
			return read(ctx, ns, &text, &known, out)
		},
		Precheck: precheck,
		FindUnlisted: func(ctx context.Context, idx *probe.Index, read func() int, out *probe.Collector) {
			if !text.of(idx.Scan) { // otherwise Complete still has to describe their sockets
				findKept(ctx, idx, read, out)
			}
		},
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			text.describe(idx, out)
			name(ctx, idx, out)
			completeUnix(ctx, idx, out)
			completePaths(ctx, idx)
		},
	}
}

// readUnix reads the table of one network namespace. If the table is read as text, its rows
// become objects later, in [unixTexts.describe].
func readUnix(ctx context.Context, ns probe.NS, texts *unixTexts, known *unixKnown, out *probe.Collector) error {
	stamp, stamped := out.TableStamp(ns, probe.UnixSockets)
	if stamped && out.StampUnchanged(stamp) {
		out.KeepTable()
		out.Backend("unix", "unix_diag")
		return nil
	}
	found, err := readUnixDiag(ctx, ns, known, out)
	if err != nil {
		err2 := readUnixText(ns, texts, out)
		switch {
		case missingTable(err2):
			return err
		case err2 != nil:
			return errors.Join(err, err2)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			out.Fail("read unix_diag", "", err)
		}
		return nil
	}
	out.Backend("unix", "unix_diag")
	out.Expect(len(found), len(found))
	var tally probe.Tally
	for _, f := range found {
		tally.Add(uint64(f.object.Ino))
		k := Key(uint64(f.object.Ino))
		out.Object(k, f.object)
		if f.peer != 0 {
			out.Peer(k, Key(uint64(f.peer)), model.Certain)
		}
		// The kernel tells in which listener's queue a client waits. Only the holders of
		// the listener can receive what the client has sent already.
		for _, ino := range f.pending {
			out.Peer(Key(uint64(ino)), k, model.Certain)
		}
	}
	if stamped {
		out.SetStamp(stamp, tally)
	}
	return nil
}

func readUnixText(ns probe.NS, texts *unixTexts, out *probe.Collector) error {
	text, err := readNet(ns.Scan, "unix")
	if err != nil {
		return err
	}
	texts.add(ns, parseUnixTable(text))
	out.Backend("unix", "proc")
	return nil
}

// unixFound is a socket with the inodes of its peer and pending clients.
type unixFound struct {
	object  *model.Object
	peer    uint32
	pending []uint32
	message string // the kernel's message, if another scan may follow
}

func readUnixDiag(ctx context.Context, ns probe.NS, known *unixKnown, out *probe.Collector) ([]*unixFound, error) {
	d, err := openDiag()
	if err != nil {
		return nil, err
	}
	defer d.close()
	var (
		found []*unixFound
		bad   failures
		s     unixSock
		old   = known.begin(ns)
	)
	found = make([]*unixFound, 0, len(old.list)+len(old.list)/16)
	again := func() {
		found, bad = found[:0], failures{what: "unix_diag message"}
		old.rewind()
	}
	err = d.dump(ctx, unixDiagRequest(), again, func(b []byte) {
		if f := old.find(b); f != nil {
			found = append(found, f)
			return
		}
		if err := parseUnixDiag(b, &s); err != nil {
			bad.add(err)
			return
		}
		found = append(found, s.found(ns))
		if ns.Scan.Repeated() {
			found[len(found)-1].message = string(b)
		}
	})
	if err == nil {
		known.put(ns, found)
	}
	if err == errInterrupted {
		out.Gap(model.Gap{Reason: model.Truncated, Op: "read table", Detail: err.Error()})
		err = nil
	}
	bad.report(out, "")
	return found, err
}

// found makes the object. The slices in s are valid only until the next message, so
// the object gets copies.
func (s *unixSock) found(ns probe.NS) *unixFound {
	d := &model.UnixDetail{Type: socketTypes[uint64(s.kind)], State: unixStates[s.state]}
	o := &model.Object{
		ID: ns.ID(model.Unix, uint64(s.ino)), Gen: socketCookie(s.cookie), Kind: model.Unix, Ino: model.Big(s.ino),
		Namespace: ns.Model(), Detail: d,
	}
	nameUnix(o, d, s.name)
	if s.hasVFS {
		d.PathDev = proc.DevString(proc.Dev(s.vfsDev>>20, s.vfsDev&0xfffff))
		d.PathIno = model.Big(s.vfsIno)
	}
	if s.hasUID {
		o.UID = model.Some(int(s.uid))
	}
	if s.hasShutdown {
		d.Shutdown = shutdownNames[s.shutdown&3]
	}
	if s.state == tcpListen {
		if s.hasQueues {
			d.Backlog, d.BacklogMax = model.Some(int64(s.recvQueue)), model.Some(int64(s.sendQueue))
			o.Fill = backlogFill(d.Backlog, d.BacklogMax)
		}
	} else {
		if s.hasQueues {
			d.RecvQueue, d.SendQueue = model.Some(int64(s.recvQueue)), model.Some(int64(s.sendQueue))
		}
		if s.mem.known {
			d.SendQueue, d.SendBuffer = model.Some(int64(s.mem.send)), model.Some(int64(s.mem.sendLimit))
			o.Fill = model.NewRatio(d.SendQueue, d.SendBuffer)
		}
	}
	if !mayCarry(d) {
		d.InflightFDs = model.Some[int64](0)
	}
	f := &unixFound{object: o, peer: s.peer}
	for i := 0; i+4 <= len(s.icons); i += 4 {
		if ino, _ := u32(s.icons[i:]); ino != 0 { // 0: the client has closed its socket already
			f.pending = append(f.pending, ino)
			d.Pending = append(d.Pending, ns.ID(model.Unix, uint64(ino)))
		}
	}
	return f
}

// nameUnix sets the name of a socket. An address is a path that ends in a NUL, or
// a NUL followed by arbitrary bytes (unix(7), "Address format").
func nameUnix(o *model.Object, d *model.UnixDetail, addr []byte) {
	switch {
	case len(addr) == 0:
	case addr[0] == 0:
		o.Name = "@" + string(addr[1:])
		d.Abstract = o.Name[1:]
	default:
		for i, c := range addr {
			if c == 0 {
				addr = addr[:i]
				break
			}
		}
		d.Path = string(addr)
		o.Name, o.Path = d.Path, d.Path
	}
}

// completeUnix names pending clients, which may be in other namespaces than
// their listener, and queries the descriptors in flight.
func completeUnix(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	var ask []*probe.Entry
	for e := range idx.Among(Space) {
		d, ok := e.Object.Detail.(*model.UnixDetail)
		if !ok {
			continue
		}
		if len(d.Pending) > 0 {
			pending := slices.Clone(d.Pending)
			for i, id := range pending {
				if client, ok := idx.Lookup(Key(inodeOf(id))); ok {
					pending[i] = client.Object.ID
				}
			}
			change(e, func(d *model.UnixDetail) { d.Pending = pending })
		}
		if mayCarry(d) {
			ask = append(ask, e)
		} else {
			setInflight(e, model.Some[int64](0))
		}
	}
	countInflight(ctx, idx, ask, out)
}

// change changes a copy of the socket's detail, because earlier snapshots share the detail.
func change(e *probe.Entry, f func(d *model.UnixDetail)) {
	if was, ok := e.Object.Detail.(*model.UnixDetail); ok {
		d := *was
		f(&d)
		e.OwnObject().Detail = &d
	}
}

// inodeOf returns the inode number in an id that [probe.NS.ID] made.
func inodeOf(id string) uint64 {
	start := len(model.Unix) + 1
	end := start
	for end < len(id) && id[end] != '@' {
		end++
	}
	n, _ := strconv.ParseUint(id[start:end], 10, 64)
	return n
}
