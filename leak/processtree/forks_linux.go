package processtree

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// forkEvents receives the kernel's report of every fork (connector, proc events;
// CONFIG_PROC_EVENTS, since 2.6.15; CAP_NET_ADMIN, and only in the initial pid and
// user namespaces). nil receives nothing.
type forkEvents struct {
	fd   int
	seen map[int]bool // pids that were reported
	lost bool         // the socket's queue overflowed
}

// From linux/connector.h and linux/cn_proc.h.
const (
	connectorProc   = 1 // CN_IDX_PROC and CN_VAL_PROC
	procListen      = 1 // PROC_CN_MCAST_LISTEN
	procEventFork   = 1
	connectorHeader = unix.SizeofNlMsghdr + 20
	eventHeader     = 16                                 // what, cpu, timestamp
	forkEventSize   = connectorHeader + eventHeader + 16 // parent pid, tgid, child pid, tgid
	forkEventBuffer = 16 << 20
)

// openForkEvents begins to receive; nil if that is not permitted.
func openForkEvents() *forkEvents {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil
	}
	e := &forkEvents{fd: fd, seen: map[int]bool{}}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, forkEventBuffer)
	if unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: connectorProc}) != nil || e.listen() != nil {
		unix.Close(fd)
		return nil
	}
	return e
}

// listen subscribes to the events.
func (e *forkEvents) listen() error {
	msg := make([]byte, connectorHeader+4)
	o := binary.NativeEndian
	o.PutUint32(msg[0:], uint32(len(msg)))
	o.PutUint16(msg[4:], unix.NLMSG_DONE)
	o.PutUint32(msg[16:], connectorProc)
	o.PutUint32(msg[20:], connectorProc)
	o.PutUint16(msg[32:], 4) // length of the operation
	o.PutUint32(msg[36:], procListen)
	return unix.Sendto(e.fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// addTo adds to pids the reported children of processes in pids, and of self, except
// those that self had before.
func (e *forkEvents) addTo(pids map[int]bool, self int, before map[int]bool) {
	if e == nil {
		return
	}
	buf := make([]byte, 8<<10)
	for {
		n, _, err := unix.Recvfrom(e.fd, buf, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ENOBUFS:
			e.lost = true
			continue
		case err != nil:
			return
		}
		parent, child, ok := parseForkEvent(buf[:n])
		if ok && (pids[parent] || parent == self && !before[child]) {
			pids[child], e.seen[child] = true, true
		}
	}
}

// parseForkEvent parses which process made which; false for events that are not a fork
// of a process.
func parseForkEvent(b []byte) (parent, child int, ok bool) {
	if len(b) < forkEventSize {
		return 0, 0, false
	}
	o := binary.NativeEndian
	event := b[connectorHeader:]
	if o.Uint32(event) != procEventFork {
		return 0, 0, false
	}
	event = event[eventHeader:]
	pid, tgid := o.Uint32(event[8:]), o.Uint32(event[12:])
	return int(o.Uint32(event[4:])), int(tgid), pid == tgid
}

// complete reports whether all descendants were reported: no event was lost, and no
// descendant was found without an event.
func (e *forkEvents) complete(pids map[int]bool) bool {
	if e == nil || e.lost {
		return false
	}
	for pid := range pids {
		if !e.seen[pid] {
			return false
		}
	}
	return true
}

func (e *forkEvents) close() {
	if e != nil {
		unix.Close(e.fd)
	}
}
