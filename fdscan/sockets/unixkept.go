package sockets

import (
	"cmp"
	"context"
	"slices"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Every UNIX socket is in the table of its network namespace. A socket that no table lists
// is in a namespace to which nothing else leads, so the scan gets the namespace from the
// socket, and then finds the sockets of all families in it. It does not use sockets of other
// families for this: closing a duplicate of a TCP socket may block (SO_LINGER, socket(7)).

const (
	// maxKept is the largest number of sockets that are asked for their namespace in one scan.
	maxKept = 256
	// keptAtOnce is the number of sockets that are asked before the tables of the namespaces
	// found are read, because these may list the other sockets as well.
	keptAtOnce = 16
)

// findKept asks unlisted sockets for their namespaces until all sockets are listed, or no new
// namespace is found.
func findKept(ctx context.Context, idx *probe.Index, read func() int, out *probe.Collector) {
	asked := map[probe.Key]bool{}
	refused := map[model.Reason]*failures{}
	for len(asked) < maxKept && ctx.Err() == nil {
		ask := unlistedUnix(ctx, idx, asked)
		if len(ask) == 0 {
			break
		}
		ask = ask[:min(len(ask), keptAtOnce, maxKept-len(asked))]
		idx.Each(ask, func(t *guard.Task, e *probe.Entry) func() {
			_, err := probe.QueryHolders(idx, t, e, "namespace", func(h *model.Holder, _ int32) (struct{}, error) {
				return struct{}{}, idx.Scan.NoteWay("net", func() (int, error) { return probe.NetworkNamespaceOf(h, e.Key.Num) })
			})
			return func() {
				if r := proc.ReasonOf(err); err != nil && !proc.Gone(err) {
					if refused[r] == nil {
						refused[r] = new(failures)
					}
					refused[r].add(err)
				}
			}
		})
		for _, e := range ask {
			asked[e.Key] = true
		}
		if read() == 0 {
			break
		}
	}
	for reason, f := range refused {
		out.Gap(model.Gap{Reason: reason, Op: "find namespace", Count: f.count, Detail: f.first.Error()})
	}
}

// unlistedUnix returns the UNIX sockets that no table lists although the table of a holder's
// namespace was read, sorted by number.
func unlistedUnix(ctx context.Context, idx *probe.Index, asked map[probe.Key]bool) []*probe.Entry {
	var candidates, list []*probe.Entry
	for _, e := range idx.Unclaimed(Space) {
		if !asked[e.Key] && tableOfHolderRead(idx, e) {
			candidates = append(candidates, e)
		}
	}
	idx.Each(candidates, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		protocol, err := socketProtocol(idx, t, e)
		return func() {
			if _, ok := unixProtocols[protocol]; err == nil && ok {
				list = append(list, e)
			}
		}
	})
	slices.SortFunc(list, func(a, b *probe.Entry) int { return cmp.Compare(a.Key.Num, b.Key.Num) })
	return list
}

func tableOfHolderRead(idx *probe.Index, e *probe.Entry) bool {
	return slices.ContainsFunc(e.Holders, func(h model.Holder) bool {
		p := idx.Processes[h.PID]
		return p != nil && p.Namespaces["net"] != 0 && idx.TableRead(string(model.Unix), p.Namespaces["net"])
	})
}
