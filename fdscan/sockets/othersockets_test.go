package sockets

import (
	"fmt"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

func TestNetlink(t *testing.T) {
	fd := socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	must(t, unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 0x11}))
	none := socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	must(t, unix.Bind(none, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	for _, group := range []int{33, 36} {
		must(t, unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group))
	}
	sa, err := unix.Getsockname(fd)
	must(t, err)
	snap := probetest.Scan(t, allSockets()...)
	d := object(t, snap, model.Netlink, fd).Detail.(*model.NetlinkDetail)
	equal(t, "protocol", d.Protocol, "route")
	known(t, "port_id", d.PortID, int64(sa.(*unix.SockaddrNetlink).Pid))
	if d.Groups == nil {
		t.Log("the kernel has no netlink_diag")
	} else {
		equal(t, "groups", fmt.Sprint(d.Groups), "[1 5 33 36]")
		d := object(t, snap, model.Netlink, none).Detail.(*model.NetlinkDetail)
		equal(t, "no group is known to be none", d.Groups != nil && len(d.Groups) == 0, true)
	}
	known(t, "drops", d.Drops, 0)
	// ipctop's own requests are not part of the answer.
	for _, o := range snap.Objects {
		if d, ok := o.Detail.(*model.NetlinkDetail); ok && d.Protocol == "sock_diag" && len(o.Holders) == 0 && d.PortID.Or(0) == int64(os.Getpid()) {
			t.Errorf("a sock_diag socket that nobody holds: %s %s", o.ID, o.Name)
		}
	}
}

func TestPacket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("packet sockets need CAP_NET_RAW")
	}
	// Protocol 0 receives nothing.
	fd := socket(t, unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	d := object(t, probetest.Scan(t, allSockets()...), model.Packet, fd).Detail.(*model.PacketDetail)
	equal(t, "type", d.Type, "dgram")
	equal(t, "protocol", d.Protocol, "0000")
	known(t, "running", d.Running, false)
	known(t, "interface", d.Interface, 0)
	equal(t, "no name of all interfaces", d.IfName, "")
	lo, err := net.InterfaceByName("lo")
	must(t, err)
	bound := socket(t, unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	must(t, unix.Bind(bound, &unix.SockaddrLinklayer{Ifindex: lo.Index}))
	d = object(t, probetest.Scan(t, allSockets()...), model.Packet, bound).Detail.(*model.PacketDetail)
	equal(t, "interface_name", d.IfName, "lo")
}

func TestVsock(t *testing.T) {
	fd := socket(t, unix.AF_VSOCK, unix.SOCK_STREAM, 0)
	snap := probetest.Scan(t, allSockets()...)
	object(t, snap, model.Vsock, fd)
}

// A family without a reader keeps the name of its protocol.
func TestSocketOfAnotherFamily(t *testing.T) {
	fd, protocol := -1, ""
	for _, c := range []struct {
		family, kind, protocol int
		name                   string
	}{
		{unix.AF_ALG, unix.SOCK_SEQPACKET, 0, "ALG"},
		{unix.AF_XDP, unix.SOCK_RAW, 0, "XDP"},
	} {
		var err error
		if fd, err = unix.Socket(c.family, c.kind|unix.SOCK_CLOEXEC, c.protocol); err == nil {
			protocol = c.name
			break
		}
	}
	if fd < 0 {
		t.Skip("this kernel has no family without a reader")
	}
	defer unix.Close(fd)
	snap := probetest.Scan(t, allSockets()...)
	o := object(t, snap, model.Socket, fd)
	equal(t, "protocol", o.Detail.(*model.SocketDetail).Protocol, protocol)
}

// Each family's probe sees only its own sockets; switching one off loses only that family.
func TestSocketFamiliesAreIndependent(t *testing.T) {
	a, _ := pair(t, unix.SOCK_STREAM)
	u := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, unix.Bind(u, v4(0)))
	object(t, probetest.Scan(t, Unix()), model.Unix, a)
	object(t, probetest.Scan(t, UDP()), model.UDP, u)
	snap := probetest.Scan(t, without("unix")...)
	object(t, snap, model.UDP, u)
	equal(t, "protocol", object(t, snap, model.Socket, a).Detail.(*model.SocketDetail).Protocol, "UNIX-STREAM")
}
