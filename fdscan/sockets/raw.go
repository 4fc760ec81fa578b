package sockets

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// inet_diag lists raw sockets of all protocols under IPPROTO_RAW (Linux 4.10,
// if the kernel was built with it).
var rawFamily = inetFamily{
	kind: model.Raw, protocol: unix.IPPROTO_RAW, tables: [2]string{"raw", "raw6"}, counts: [2]string{"RAW", "RAWv6"},
	states: &datagramStates, portless: true,
}

// Raw reads raw IP sockets (raw(7)).
func Raw() probe.Probe { return inetProbe(&rawFamily) }
