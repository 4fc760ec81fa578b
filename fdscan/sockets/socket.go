package sockets

import (
	"context"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Socket describes the sockets that no other probe described: those of families
// without a reader, such as AF_ALG. It must be the last socket probe in the
// list.
func Socket() probe.Probe {
	return probe.Probe{Name: "socket", FD: socketFD, Mapping: socketMapping, Complete: completeSockets}
}

func completeSockets(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	failed := map[model.Reason]*failures{}
	nameUnclaimed(ctx, idx, func(k probe.Key, protocol string, err error) *model.Object {
		if err != nil {
			r := proc.ReasonOf(err)
			if failed[r] == nil {
				failed[r] = new(failures)
			}
			failed[r].add(err)
		}
		return unlisted(model.Socket, k, &model.SocketDetail{Protocol: protocol})
	})
	for reason, f := range failed {
		out.Gap(model.Gap{Reason: reason, Op: "protocol", Count: f.count, Detail: f.first.Error()})
	}
}
