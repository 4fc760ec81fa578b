package events

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

var epollClass = newAnonClass(model.Epoll, false)

// Epoll reads epoll instances. It must come after the readers of the objects
// that can be watched, as it names them.
func Epoll() probe.Probe {
	return probe.Probe{
		Name: "epoll",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			switch {
			case string(fd.Link) != "anon_inode:[eventpoll]":
				return false
			case fd.Proc.SeesFUSE():
				holdEpoll(fd, out)
			default:
				epollClass.read(fd, out, parseEpoll)
			}
			return true
		},
		Complete: completeEpoll,
	}
}

// epollEvents are the EPOLL bits (linux/eventpoll.h).
var epollEvents = fdinfo.FlagNames{
	{0x1, "EPOLLIN"},
	{0x2, "EPOLLPRI"},
	{0x4, "EPOLLOUT"},
	{0x8, "EPOLLERR"},
	{0x10, "EPOLLHUP"},
	{0x20, "EPOLLNVAL"},
	{0x40, "EPOLLRDNORM"},
	{0x80, "EPOLLRDBAND"},
	{0x100, "EPOLLWRNORM"},
	{0x200, "EPOLLWRBAND"},
	{0x400, "EPOLLMSG"},
	{0x2000, "EPOLLRDHUP"},
	{1 << 28, "EPOLLEXCLUSIVE"},
	{1 << 29, "EPOLLWAKEUP"},
	{1 << 30, "EPOLLONESHOT"},
	{1 << 31, "EPOLLET"},
}

// parseEpoll reads the /proc/PID/fdinfo text of an epoll instance (3.8; ino and
// sdev 4.13), which has a line for each watch:
//
//	tfd:        5 events: 80000019 data:                5  pos:0 ino:14a3a6 sdev:f
func parseEpoll(text []byte) (model.Detail, error) {
	d := new(model.EpollDetail)
	if text == nil {
		return d, nil
	}
	d.Watches = []model.EpollWatch{}
	var bad fdinfo.BadLines
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("tfd:")) {
			continue
		}
		w, err := parseEpollLine(line)
		if err != nil {
			bad.Add(line, err)
			continue
		}
		d.Watches = append(d.Watches, w)
	}
	return d, bad.Err()
}

func parseEpollLine(line []byte) (w model.EpollWatch, err error) {
	key := ""
	for word := range bytes.FieldsSeq(line) {
		value := word
		if k, v, ok := bytes.Cut(word, []byte(":")); ok {
			key, value = string(k), v
			if len(v) == 0 {
				continue // the value is the next word
			}
		}
		switch key {
		case "tfd":
			var n uint64
			n, err = strconv.ParseUint(string(value), 10, 31)
			w.FD = model.Some(int(n))
		case "events", "data", "ino", "sdev":
			var n uint64
			n, err = fdinfo.Hexadecimal(value)
			switch key {
			case "events":
				w.Events = epollEvents.List(n)
			case "data":
				w.Data = "0x" + strconv.FormatUint(n, 16)
			case "ino":
				w.Ino = model.Big(n)
			case "sdev":
				w.Dev = proc.DevString(fdinfo.SuperDev(n))
			}
		}
		if err != nil {
			return w, err
		}
	}
	if !w.FD.Known() || w.Events == nil {
		return w, fmt.Errorf("tfd or events are missing")
	}
	return w, nil
}

// completeEpoll names the watched objects. An object with its own inode is
// found by that. Otherwise the watching process's descriptor is taken that has
// the number under which the file was added, if the kernel confirms that it is
// still the same file.
func completeEpoll(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	readHeldEpolls(ctx, idx, out)
	want := map[kcmp.Descriptor]*probe.Entry{}
	var open []*probe.Entry
	for _, e := range idx.In(epollClass.byDescription) {
		d, ok := e.Object.Detail.(*model.EpollDetail)
		if !ok {
			continue
		}
		missing := false
		for i := range d.Watches {
			w := &d.Watches[i]
			if to, ok := byInode(idx, w); ok {
				w.Object = to.Object.ID
				continue
			}
			missing = true
			for h := range e.Holders {
				if at, ok := kcmp.DescriptorOf(&e.Holders[h]); ok {
					at.FD = int32(w.FD.Or(-1))
					want[at] = nil
				}
			}
		}
		if missing {
			open = append(open, e)
		}
	}
	if len(open) == 0 || !idx.Scan.PIDCalls {
		return
	}
	idx.Find(want)
	failed := map[model.Reason]int{}
	unasked := 0
	idx.Each(open, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		found, left, err := confirmWatches(t, idx, e, want)
		return func() {
			for i, to := range found {
				e.Object.Detail.(*model.EpollDetail).Watches[i].Object = to.Object.ID
			}
			unasked += left
			if err != nil {
				failed[proc.ReasonOf(err)]++
			}
		}
	})
	if unasked > 0 {
		out.Gap(model.Gap{Reason: model.Truncated, Op: "compare watches", Count: unasked, Detail: "an epoll instance has too many watches to ask what each is (kcmp)"})
	}
	for reason, n := range failed {
		out.Gap(model.Gap{Reason: reason, Op: "compare watches", Count: n, Detail: "what these watch could not be confirmed (kcmp)"})
	}
}

// maxWatchSteps bounds how many watches of one instance the kernel goes through while it is
// asked: for each question it goes through them until it finds the right one, holding the
// instance's mutex.
const maxWatchSteps = 8_000_000

// confirmWatches asks the kernel about the watches that are not resolved, through one
// holder after the other until one gives an answer. left is the number of watches that it
// was not asked about, because there are too many.
func confirmWatches(t *guard.Task, idx *probe.Index, e *probe.Entry, want map[kcmp.Descriptor]*probe.Entry) (
	found map[int]*probe.Entry, left int, failure error,
) {
	watches := e.Object.Detail.(*model.EpollDetail).Watches
	found = map[int]*probe.Entry{}
	questions := maxWatchSteps / max(1, len(watches))
	for h := range e.Holders {
		epoll, ok := kcmp.DescriptorOf(&e.Holders[h])
		if !ok {
			continue
		}
		seen := map[int]uint32{} // number of watches so far with the same descriptor number
		here := map[int]*probe.Entry{}
		for i := range watches {
			tfd := watches[i].FD.Or(-1)
			nth := seen[tfd]
			seen[tfd]++
			at := kcmp.Descriptor{Task: epoll.Task, FD: int32(tfd)}
			to := want[at]
			if watches[i].Object != "" || found[i] != nil || to == nil || !mayBe(&watches[i], to.Object) {
				continue
			}
			if questions--; questions < 0 {
				left++
				continue
			}
			if !t.Begin("epoll", 0) {
				return found, left, guard.ErrGivenUp
			}
			same, err := kcmp.WatchedBy(at, epoll, uint32(tfd), nth)
			t.End()
			switch {
			case err == nil && same:
				here[i] = to
			case err != nil && proc.ReasonOf(err) == model.Denied:
				failure = err
			}
		}
		if len(here) > 0 && idx.Same(e.Holders[h].PID) {
			for i, to := range here {
				found[i] = to
			}
		}
	}
	return found, left, failure
}

// mayBe reports false if the object has another inode than the watched one:
// then the descriptor was closed and reused since the scan read it.
func mayBe(w *model.EpollWatch, o *model.Object) bool {
	return o.Ino == 0 || w.Ino == 0 || o.Ino == w.Ino
}

// byInode finds the watched object by its device and inode.
func byInode(idx *probe.Index, w *model.EpollWatch) (*probe.Entry, bool) {
	dev, ok := parseDev(w.Dev)
	if !ok || w.Ino == 0 {
		return nil, false
	}
	in, ino := internals(), uint64(w.Ino)
	if dev == in.anonDev && ino == in.anonIno {
		return nil, false
	}
	keys := []probe.Key{
		{Space: pipes.FIFOSpace, Scope: dev, Num: ino},
		ioUringClass.inodeKey(dev, ino), pidfdClass.inodeKey(dev, ino), userfaultfdClass.inodeKey(dev, ino),
	}
	switch dev {
	case pipes.Device():
		keys = []probe.Key{{Space: pipes.Space, Num: ino}}
	case sockets.Device():
		keys = []probe.Key{sockets.Key(ino)}
	}
	for _, k := range keys {
		if e, ok := idx.Lookup(k); ok {
			return e, true
		}
	}
	return nil, false
}

// parseDev reads major:minor.
func parseDev(s string) (uint64, bool) {
	var major, minor uint32
	if n, err := fmt.Sscanf(s, "%d:%d", &major, &minor); n != 2 || err != nil {
		return 0, false
	}
	return proc.Dev(major, minor), true
}
