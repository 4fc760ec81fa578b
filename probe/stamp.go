package probe

import (
	"context"
	"log/slog"

	"github.com/ipctop/ipctop/bpf"
)

// SocketTable is a table of sockets that a source may stand in for.
type SocketTable = bpf.SocketTable

const (
	UnixSockets = bpf.UnixSockets
	TCPSockets  = bpf.TCPSockets
)

// Stamp stands for all that a table has: with the same stamp it is the same table, but for times
// that the kernel tells as so long ago. The zero Stamp is that of no table.
type Stamp struct{ sum bpf.SocketSum }

// Tally is which sockets a table has told of, to see that its stamp is of the same ones.
type Tally struct{ count, inodes, squares uint64 }

// Add adds a socket by its inode number, 0 if it has none.
func (t *Tally) Add(inode uint64) {
	t.count++
	t.inodes += inode
	t.squares += inode * inode
}

// manySockets are so many that to look whether any has changed costs less than to read their table.
const manySockets = 256

// LookAt asks the source for the stamp of a table of sockets, on a thread that is in the namespace.
func (o *Collector) LookAt(ns NS, table SocketTable) (st Stamp, known bool) {
	f := ns.Scan.facts
	if f == nil || !ns.Scan.Repeated() || o.before.objects < manySockets {
		return st, false
	}
	sum, err := f.source.SocketSum(table)
	if err != nil {
		ns.Scan.scanner.opts.Log.LogAttrs(context.Background(), slog.LevelDebug, "eBPF: tables of sockets are not compared", slog.String("why", err.Error()))
		return st, false
	}
	return Stamp{sum}, !sum.Unknown
}

// Had reports whether the table had this stamp when it was read last.
func (o *Collector) Had(st Stamp) bool {
	return st != Stamp{} && st == o.before.stamp
}

// TakeOver emits all that the table had in the last scan. Nothing else of it is to be emitted.
func (o *Collector) TakeOver() { o.same = true }

// SetStamp says that what is emitted has a stamp that was looked at before it was read, if the
// tally shows that that is of the same sockets.
func (o *Collector) SetStamp(st Stamp, of Tally) {
	if st.sum.Count == of.count && st.sum.Inodes == of.inodes && st.sum.Squares == of.squares {
		o.stamp = st
	}
}
