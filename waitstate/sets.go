package waitstate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// maxSet is the largest number of descriptors that are read from a set in memory.
const maxSet = 4096

// decodeSet decodes the sets of poll, select and epoll, in which servers wait for work.
func (c *caller) decodeSet(w *waiting) {
	w.needs, w.idle, w.set = model.NeedsEvent, true, true
	l := c.line
	switch w.call {
	case "poll", "ppoll":
		if w.call == "poll" {
			w.millis(l.args[2])
		} else {
			c.limit(w, l.args[2], timespecUnit)
		}
		n := min(l.args[1], maxSet)
		w.partial = n < l.args[1]
		if n == 0 {
			break
		}
		b, err := c.mem.read(c.tid, l.args[0], int(n)*8)
		w.partial = w.partial || err != nil
		w.fds = parsePollfds(b)
	case "select", "pselect6":
		unit := int64(timespecUnit)
		if w.call == "select" {
			unit = timevalUnit
		}
		c.limit(w, l.args[4], unit)
		n := min(l.args[0], maxSet)
		w.partial = n < l.args[0]
		if n == 0 {
			break
		}
		var sets [3][]byte // for reading, for writing, for exceptional conditions
		for i := range sets {
			if addr := l.args[1+i]; addr != 0 {
				var err error
				sets[i], err = c.mem.read(c.tid, addr, int(n+c.bits()-1)/int(c.bits())*int(c.bits()/8))
				w.partial = w.partial || err != nil
				sets[i] = append(sets[i], make([]byte, len(sets[i])%8)...)
			}
		}
		w.fds = parseFdSets(int(n), sets)
	default:
		if w.call == "epoll_pwait2" {
			c.limit(w, l.args[3], timespecUnit)
		} else {
			w.millis(l.args[3])
		}
		c.decodeEpoll(w, l.fd(0))
	}
	if len(w.fds) == 0 && !w.partial {
		// An empty set: with a time limit the call is a sleep, without one a wait for a
		// signal.
		w.needs, w.set = model.NeedsTime, false
		if !w.timed {
			w.needs = model.NeedsSignal
		}
	}
}

// bits returns the number of bits in a long: the sets of select(2) consist of longs.
func (c *caller) bits() uint64 {
	if c.narrow {
		return 32
	}
	return 64
}

// Bits of poll(2) that package unix does not have.
const pollRDNorm, pollRDBand, pollWRNorm, pollWRBand = 0x40, 0x80, 0x100, 0x200

// parsePollfds reads an array of struct pollfd (poll(2)).
func parsePollfds(b []byte) []fdUse {
	var list []fdUse
	for ; len(b) >= 8; b = b[8:] {
		events := binary.NativeEndian.Uint16(b[4:])
		u := fdUse{
			fd:    int32(binary.NativeEndian.Uint32(b)),
			read:  events&(unix.POLLIN|unix.POLLPRI|pollRDNorm|pollRDBand) != 0,
			write: events&(unix.POLLOUT|pollWRNorm|pollWRBand) != 0,
		}
		if u.fd >= 0 { // poll ignores negative ones
			list = append(list, u)
		}
	}
	return list
}

// parseFdSets reads the bitmaps of select(2) for n descriptors. In words of 32 bits
// they look the same, as both architectures are little-endian.
func parseFdSets(n int, sets [3][]byte) []fdUse {
	has := func(set []byte, fd int) bool {
		i := fd / 64 * 8
		return i+8 <= len(set) && binary.NativeEndian.Uint64(set[i:])>>(fd%64)&1 != 0
	}
	var list []fdUse
	for fd := range n {
		u := fdUse{fd: int32(fd), read: has(sets[0], fd) || has(sets[2], fd), write: has(sets[1], fd)}
		if u.read || u.write {
			list = append(list, u)
		}
	}
	return list
}

// decodeEpoll reads from its fdinfo what an epoll instance watches. The descriptor numbers
// are those of the process that registered them, which is this one unless the instance
// was inherited; numbers that are not open in this process are not resolved.
func (c *caller) decodeEpoll(w *waiting, epfd int32) {
	w.target.FD = someFD(epfd)
	key := fdKey{c.proc.PID(), c.proc.Scan.TableOf(c.tid), epfd}
	list, ok := c.sets[key]
	if !ok {
		var err error
		if list, err = c.readWatches(key); err != nil {
			w.partial = true
		}
		c.sets[key] = list
	}
	// The instance itself comes first.
	w.fds = append([]fdUse{{fd: epfd, read: true}}, list...)
}

// readWatches reads fdinfo again, unless the reader of epoll instances has skipped this one
// because the read might block.
func (c *caller) readWatches(epoll fdKey) ([]fdUse, error) {
	if c.unread[epoll] {
		return nil, guard.ErrGivenUp
	}
	if !c.task.Begin(probe.OpInfo, epoll.fd) {
		return nil, guard.ErrGivenUp
	}
	defer c.task.End()
	b, err := c.proc.Dir.ReadRecord("task/"+itoa(c.tid)+"/fdinfo/"+itoa(int(epoll.fd)), nil)
	if err != nil {
		return nil, err
	}
	return parseWatches(b)
}

// unreadEpolls returns the descriptors of the epoll instances that their reader has
// skipped.
func unreadEpolls(list []*probe.Entry) map[fdKey]bool {
	unread := map[fdKey]bool{}
	for _, e := range list {
		if d, ok := e.Object.Detail.(*model.EpollDetail); !ok || d.Watches != nil {
			continue
		}
		for i := range e.Holders {
			if fd, ok := e.Holders[i].FD.Get(); ok {
				unread[fdKey{e.Holders[i].PID, e.Holders[i].TID, fd}] = true
			}
		}
	}
	return unread
}

// parseWatches reads the tfd lines in fdinfo of an epoll instance
// (proc_pid_fdinfo(5), Linux 3.8). One bad line costs that line.
func parseWatches(b []byte) (list []fdUse, err error) {
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, []byte("tfd:"))
		if !ok {
			continue
		}
		f := bytes.Fields(rest)
		if len(f) < 3 || string(f[1]) != "events:" {
			err = fmt.Errorf("fdinfo: %w: %q", proc.ErrMalformed, line[:min(len(line), 40)])
			continue
		}
		fd, err1 := strconv.ParseInt(string(f[0]), 10, 32)
		events, err2 := strconv.ParseUint(string(f[2]), 16, 32)
		if err1 != nil || err2 != nil || fd < 0 {
			err = fmt.Errorf("fdinfo: %w: %q", proc.ErrMalformed, line[:min(len(line), 40)])
			continue
		}
		list = append(list, fdUse{fd: int32(fd), read: events&(unix.EPOLLIN|unix.EPOLLPRI|unix.EPOLLRDHUP) != 0, write: events&unix.EPOLLOUT != 0})
	}
	slices.SortFunc(list, func(a, b fdUse) int { return int(a.fd - b.fd) })
	return list, err
}
