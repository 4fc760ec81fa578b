package main

import (
	"github.com/ipctop/ipctop/fdscan"
	"github.com/ipctop/ipctop/probe"
)

// probes lists the readers, in the order in which they may claim a descriptor.
// A new mechanism adds its line here.
func probes() []probe.Probe {
	return []probe.Probe{
		fdscan.Pipe(),
		fdscan.FIFO(),
		fdscan.Unix(),
		fdscan.TCP(),
		fdscan.UDP(),
		fdscan.Raw(),
		fdscan.ICMP(),
		fdscan.Netlink(),
		fdscan.Packet(),
		fdscan.Vsock(),
		fdscan.Socket(), // the last of the socket families: it takes what they leave
	}
}
