package sockets

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

var udpFamily = inetFamily{
	kind: model.UDP, protocol: unix.IPPROTO_UDP, tables: [2]string{"udp", "udp6"}, counts: [2]string{"UDP", "UDPv6"},
	states: &datagramStates, match: matchUDP,
	variants: []inetFamily{{
		kind: model.UDP, protocol: unix.IPPROTO_UDPLITE, name: "udplite", tables: [2]string{"udplite", "udplite6"},
		counts: [2]string{"UDP-Lite", "UDPLITEv6"},
		states: &datagramStates, match: matchUDP,
	}},
}

// UDP reads UDP and UDP-Lite sockets (udp(7), udplite(7)). Before it is bound, a
// socket is in no table.
func UDP() probe.Probe {
	return inetProbe(&udpFamily)
}
