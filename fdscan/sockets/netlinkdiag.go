package sockets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Attributes of netlink_diag (linux/netlink_diag.h, Linux 3.10), which is a separate
// kernel module.
const (
	netlinkDiagGroups     = 1
	netlinkDiagShowGroups = 2
	netlinkDiagAll        = 255 // all protocols
)

// netlinkGroups asks for the multicast groups of the sockets, by inode; nil if the
// kernel has no such table.
func netlinkGroups(ctx context.Context, out *probe.Collector) map[uint64][]int {
	d, err := openDiag()
	if err != nil {
		return nil // /proc/net/netlink has the rest
	}
	defer d.close()
	var groups map[uint64][]int
	var bad failures
	err = d.dump(ctx, netlinkDiagRequest(), func() { groups, bad = map[uint64][]int{}, failures{what: "netlink_diag message"} }, func(b []byte) {
		ino, list, err := parseNetlinkDiag(b)
		if err != nil {
			bad.add(err)
			return
		}
		if ino != 0 {
			groups[ino] = list
		}
	})
	bad.report(out, "")
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err == errInterrupted: // sockets that are missing have unknown groups
		out.Gap(model.Gap{Reason: model.Truncated, Op: "read groups", Detail: err.Error()})
	case err != nil:
		out.Fail("read groups", "", err)
		return nil
	}
	return groups
}

// netlinkDiagRequest makes a struct netlink_diag_req: family u8, protocol u8, pad
// u16, ino u32, show u32, cookie u32[2].
func netlinkDiagRequest() []byte {
	ne := binary.NativeEndian
	b := make([]byte, 20)
	b[0], b[1] = unix.AF_NETLINK, netlinkDiagAll
	ne.PutUint32(b[8:], netlinkDiagShowGroups)
	ne.PutUint64(b[12:], ^uint64(0))
	return b
}

// parseNetlinkDiag parses struct netlink_diag_msg: family u8, type u8, protocol u8,
// state u8, port id u32, destination's port id and group u32, ino u32, cookie u32[2].
// The attribute after it has a bit for each group, starting with 1. It is missing if
// the socket was never in a group.
func parseNetlinkDiag(b []byte) (ino uint64, groups []int, err error) {
	const header = 28
	if len(b) < header || b[0] != unix.AF_NETLINK {
		return 0, nil, fmt.Errorf("%w: %d bytes", proc.ErrMalformed, len(b))
	}
	ne := binary.NativeEndian
	groups = []int{}
	err = netlinkAttributes(b[header:], func(kind uint16, v []byte) {
		if kind != netlinkDiagGroups {
			return
		}
		const word = 8 // the kernel's unsigned long
		for i := 0; i+word <= len(v); i += word {
			for bits, n := ne.Uint64(v[i:]), 1; bits != 0; bits, n = bits>>1, n+1 {
				if bits&1 != 0 {
					groups = append(groups, 8*i+n)
				}
			}
		}
	})
	return uint64(ne.Uint32(b[16:])), groups, err
}
