package tracer

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

const (
	pipefsMagic = 0x50495045 // include/uapi/linux/magic.h
	mqueueMagic = 0x19800202 // ipc/mqueue.c
)

// objectOf is the id of the object behind a descriptor; "" if the object has no id by which
// it could be found.
func objectOf(b *bpf.Behind) string {
	switch {
	case b.Mode == 0:
		return ""
	case b.Mode&unix.S_IFMT == unix.S_IFSOCK && b.Family != 0:
		return fmt.Sprintf("%s:%d", socketKind(b), b.Ino)
	case b.Mode&unix.S_IFMT == unix.S_IFIFO && b.Magic == pipefsMagic:
		return fmt.Sprintf("%s:%d", model.Pipe, b.Ino)
	case b.Mode&unix.S_IFMT == unix.S_IFIFO:
		return fmt.Sprintf("%s:%s:%d", model.FIFO, device(b), b.Ino)
	case b.Mode&unix.S_IFMT == unix.S_IFCHR && b.RdevMajor >= 136 && b.RdevMajor < 144: // UNIX98 pseudoterminals
		return fmt.Sprintf("%s:%s:%d", model.Pty, device(b), (b.RdevMajor-136)<<20|b.RdevMinor)
	case b.Mode&unix.S_IFMT == unix.S_IFREG && b.Magic == mqueueMagic:
		return fmt.Sprintf("%s:%s:%d", model.PosixMq, device(b), b.Ino)
	case b.Mode&unix.S_IFMT == unix.S_IFREG:
		return fmt.Sprintf("%s:%s:%d", model.File, device(b), b.Ino)
	}
	return ""
}

// objectNamed is like objectOf, and also uses the file's name where the name tells the kind.
func (n *names) objectNamed(f *bpf.Named) string {
	b := &f.File
	if b.Mode&unix.S_IFMT != unix.S_IFREG || b.Magic != unix.TMPFS_MAGIC && b.Magic != unix.HUGETLBFS_MAGIC {
		return objectOf(b)
	}
	kind := model.File
	switch {
	case strings.HasPrefix(f.Name, "memfd:"):
		kind = model.Memfd
	case n.shm != 0 && proc.Dev(b.DevMajor, b.DevMinor) == n.shm && strings.HasPrefix(f.Name, "sem."):
		kind = model.PosixSem
	case n.shm != 0 && proc.Dev(b.DevMajor, b.DevMinor) == n.shm:
		kind = model.PosixShm
	}
	return fmt.Sprintf("%s:%s:%d", kind, device(b), b.Ino)
}

// device is the device number of the file system, in the form that ids have.
func device(b *bpf.Behind) string { return proc.DevString(proc.Dev(b.DevMajor, b.DevMinor)) }

// socketKind is the kind of a socket by its family, type and protocol.
func socketKind(b *bpf.Behind) model.Kind {
	switch b.Family {
	case unix.AF_UNIX:
		return model.Unix
	case unix.AF_INET, unix.AF_INET6:
		switch {
		case b.Type == unix.SOCK_RAW:
			return model.Raw
		case b.Protocol == unix.IPPROTO_TCP, b.Protocol == unix.IPPROTO_MPTCP:
			return model.TCP
		case b.Protocol == unix.IPPROTO_UDP, b.Protocol == unix.IPPROTO_UDPLITE:
			return model.UDP
		case b.Protocol == unix.IPPROTO_ICMP, b.Protocol == unix.IPPROTO_ICMPV6:
			return model.ICMP
		}
	case unix.AF_PACKET:
		return model.Packet
	case unix.AF_NETLINK:
		return model.Netlink
	case unix.AF_VSOCK:
		return model.Vsock
	}
	return model.Socket
}
