package sockets

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Netlink reads netlink sockets (netlink(7)), including the kernel's own ends,
// which have port id 0 and no holder.
func Netlink() probe.Probe {
	return probe.Probe{
		Name:  "netlink",
		Scope: "net",
		FD:    socketFD,
		Table: func(ctx context.Context, ns probe.NS, out *probe.Collector) error {
			if usageOf(ns).none("NETLINK") {
				return nil
			}
			diagOpen.Lock()
			text, err := readNet(ns.Scan, "netlink")
			diagOpen.Unlock()
			if err != nil {
				return err
			}
			readNetlink(text, netlinkGroups(ctx, out), ns, out)
			return nil
		},
		Complete: completeFamily(model.Netlink, map[string]string{"NETLINK": ""},
			func(string) model.Detail { return new(model.NetlinkDetail) }),
	}
}

// netlinkFamilies are the families by number (linux/netlink.h), named as in
// netlink(7).
var netlinkFamilies = [...]string{
	0: "route", 2: "usersock", 3: "firewall", 4: "sock_diag", 5: "nflog", 6: "xfrm", 7: "selinux", 8: "iscsi", 9: "audit",
	10: "fib_lookup", 11: "connector", 12: "netfilter", 13: "ip6_fw", 14: "dnrtmsg", 15: "kobject_uevent", 16: "generic",
	18: "scsitransport", 19: "ecryptfs", 20: "rdma", 21: "crypto", 22: "smc",
}

func netlinkFamily(n uint64) string {
	if n < uint64(len(netlinkFamilies)) && netlinkFamilies[n] != "" {
		return netlinkFamilies[n]
	}
	return strconv.FormatUint(n, 10)
}

// netlinkLine is a line of /proc/net/netlink.
type netlinkLine struct {
	protocol, portID, recv, send, drops, ino uint64
}

// parseNetlinkLine parses a line of /proc/net/netlink (net/netlink/af_netlink.c):
//
//	sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
//	000000006d4b4e84 0   1234       00000011 0        0        0     2        0        4711
//
// It has only the first 32 groups, so netlink_diag is asked for groups. Drops and inode were added in Linux 2.6.36.
func parseNetlinkLine(line []byte) (netlinkLine, error) {
	var (
		l   netlinkLine
		err error
		c   = columns{line}
	)
	c.number(16, &err, "address")
	l.protocol = c.number(10, &err, "protocol")
	l.portID = c.number(10, &err, "port id")
	c.next() // the first groups
	l.recv = c.number(10, &err, "receive memory")
	l.send = c.number(10, &err, "send memory")
	c.next() // a dump is under way
	c.next() // reference count
	l.drops = c.number(10, &err, "drops")
	l.ino = c.number(10, &err, "inode")
	if err == nil && (l.recv > 1<<62 || l.send > 1<<62 || l.drops > 1<<62 || l.portID > 1<<32-1) {
		err = fmt.Errorf("%w: a number is too large", proc.ErrMalformed)
	}
	return l, err
}

// readNetlink makes objects of the lines. groups are those of the sockets, by inode.
func readNetlink(text []byte, groups map[uint64][]int, ns probe.NS, out *probe.Collector) {
	eachLine(text, out, "netlink", func(line []byte) error {
		l, err := parseNetlinkLine(line)
		if err != nil {
			return err
		}
		if l.ino == 0 {
			return nil
		}
		d := &model.NetlinkDetail{
			Protocol: netlinkFamily(l.protocol), PortID: model.Some(int64(l.portID)), RecvQueue: model.Some(int64(l.recv)),
			SendQueue: model.Some(int64(l.send)), Drops: model.Some(int64(l.drops)),
			Groups: groups[l.ino],
		}
		out.Object(Key(l.ino), &model.Object{
			ID: ns.ID(model.Netlink, l.ino), Kind: model.Netlink, Name: d.Protocol + ":" + strconv.FormatUint(l.portID, 10),
			Ino: model.Big(l.ino), Namespace: ns.Model(), Detail: d,
		})
		return nil
	})
}
