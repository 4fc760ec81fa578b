package sockets

import (
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Space has the sockets of all families. The kernel keeps them on a single file
// system for all network namespaces, so the inode number alone is the identity.
// Sockets that the families' tables do not list are left to [Socket].
var Space = &probe.KeySpace{
	Name: "sockfs", Incremental: true,
	OfInode: func(dev, ino uint64) (scope, num uint64, ok bool) { return 0, ino, dev == Device() },
}

// Device is the device of the file system on which the kernel keeps sockets; 0 if it is not known.
var Device = sync.OnceValue(func() uint64 {
	dev, _ := proc.DeviceOf(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	return dev
})

func Key(ino uint64) probe.Key { return probe.Key{Space: Space, Num: ino} }

// socketFD claims the links "socket:[4242]". The probe of every family has this
// hook: the first one that is asked claims the descriptor for all of them. So
// switching off one family loses only that family.
//
// A socket has no access mode, as it can always be read and written. So only the
// link is looked at.
func socketFD(fd *probe.FD, out *probe.Collector) bool {
	ino, ok := proc.LinkNumber(fd.Link, "socket:[")
	if !ok {
		return false
	}
	h := fd.Holder()
	h.Access = model.ReadWrite
	out.AddHolder(Key(ino), h)
	fd.Cacheable()
	return true
}

// socketMapping claims shared mappings of sockets: packet rings are kept alive by
// them when the descriptor was closed (packet(7), "PACKET_RX_RING").
func socketMapping(m *probe.Mapping, out *probe.Collector) bool {
	ino, ok := proc.LinkNumber(m.Name, "socket:[")
	if !ok {
		return false
	}
	out.AddHolder(Key(ino), m.Holder(model.ViaMap))
	m.Cacheable()
	return true
}

// socketLink is the text of the link to a socket in /proc/PID/fd.
func socketLink(ino uint64) string { return "socket:[" + strconv.FormatUint(ino, 10) + "]" }

// socketCookie returns a socket cookie (SO_COOKIE, socket(7)) as an object's
// generation: inode numbers are reused, cookies are not.
func socketCookie(c uint64) string {
	if c == 0 || c == ^uint64(0) { // no cookie yet, INET_DIAG_NOCOOKIE
		return ""
	}
	return strconv.FormatUint(c, 16)
}

// shutdownNames are the bits RCV_SHUTDOWN and SEND_SHUTDOWN (net/sock.h).
var shutdownNames = [4]string{"", "r", "w", "rw"}

// socketTypes are the types of socket(2) by number.
var socketTypes = map[uint64]string{1: "stream", 2: "dgram", 3: "raw", 5: "seqpacket"}

// backlogFill is how full a listener is. A backlog of 0 accepts one connection and no more.
func backlogFill(waiting, most model.Opt[int64]) model.Opt[model.Ratio] {
	if most == model.Some[int64](0) {
		most = model.Some[int64](1)
	}
	return model.NewRatio(waiting, most)
}
