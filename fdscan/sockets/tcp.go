package sockets

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

var tcpFamily = inetFamily{
	kind: model.TCP, protocol: unix.IPPROTO_TCP, tables: [2]string{"tcp", "tcp6"}, counts: [2]string{"TCP", "TCPv6"},
	states: &tcpStates, match: matchTCP,
	// The table of TCP lists the subflows of an MPTCP connection.
	variants: []inetFamily{{kind: model.TCP, protocol: unix.IPPROTO_MPTCP, counts: [2]string{"MPTCP", "MPTCPv6"}, name: "mptcp", states: &tcpStates}},
}

// TCP reads TCP sockets (tcp(7)), including MPTCP (mptcp_diag, Linux 5.9). No table
// of the kernel has a socket that is neither bound nor connected, or that was reset.
// The table of a network namespace to which nothing leads cannot be read either.
func TCP() probe.Probe {
	return inetProbe(&tcpFamily)
}

// inetProbe is the probe of a family.
func inetProbe(f *inetFamily) probe.Probe {
	names := map[string]string{} // for sockets that no table lists
	for _, p := range f.counts {
		names[p] = ""
	}
	for i := range f.variants {
		for _, p := range f.variants[i].counts {
			names[p] = f.variants[i].name
		}
	}
	across, kept := matchAcross(f.kind), new(inetKept)
	return probe.Probe{
		Name:    string(f.kind),
		Scope:   "net",
		FD:      socketFD,
		Mapping: socketMapping,
		Table: func(ctx context.Context, ns probe.NS, out *probe.Collector) error {
			return f.read(ctx, ns, kept, out)
		},
		Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
			if f.match != nil {
				across(ctx, idx, out)
			}
			completeFamily(f.kind, names, func(name string) model.Detail { return &model.InetDetail{Protocol: name} })(ctx, idx, out)
		},
	}
}
