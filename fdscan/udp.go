package fdscan

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

var udpFamily = inetFamily{
	kind: model.UDP, protocol: unix.IPPROTO_UDP, tables: [2]string{"udp", "udp6"}, states: &datagramStates, match: matchUDP,
}

// UDP reads UDP sockets (udp(7)). One that is not bound yet is in no table.
func UDP() probe.Probe { return inetProbe(&udpFamily, "UNCONN", "UDP", "UDPv6") }
