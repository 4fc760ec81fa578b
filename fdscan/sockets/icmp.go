package sockets

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// There is no inet_diag for ping sockets.
var icmpFamily = inetFamily{kind: model.ICMP, tables: [2]string{"icmp", "icmp6"}, counts: [2]string{"PING", "PINGv6"}, states: &datagramStates}

// ICMP reads ping sockets (icmp(7), "IPPROTO_ICMP"), whose port is the
// identifier of their echo requests. Until the first request is sent, such a
// socket is in no table.
func ICMP() probe.Probe { return inetProbe(&icmpFamily) }
