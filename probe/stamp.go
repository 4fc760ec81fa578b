package probe

import (
	"context"
	"log/slog"

	"github.com/ipctop/ipctop/bpf"
)

// SocketTable is a table of sockets for which a source can compute a stamp.
type SocketTable = bpf.SocketTable

const (
	UnixSockets = bpf.UnixSockets
	TCPSockets  = bpf.TCPSockets
)

// Stamp identifies the content of a table: if the stamp is the same, so is the table, except for
// times that the kernel gives relative to now. The zero Stamp is that of no table.
type Stamp struct{ sum bpf.SocketSum }

// Tally counts the sockets that were read from a table, to check that a stamp is of the same
// sockets.
type Tally struct{ count, inodes, squares uint64 }

// Add adds a socket by its inode number, 0 if it has none.
func (t *Tally) Add(inode uint64) {
	t.count++
	t.inodes += inode
	t.squares += inode * inode
}

// manySockets is the number of sockets from which on asking for a stamp costs less than reading the
// table.
const manySockets = 256

// TableStamp asks the source for the stamp of a table of sockets. It is called on a thread that is in
// the namespace.
func (o *Collector) TableStamp(ns NS, table SocketTable) (st Stamp, known bool) {
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

// StampUnchanged reports whether the table had this stamp when it was last read.
func (o *Collector) StampUnchanged(st Stamp) bool {
	return st != Stamp{} && st == o.before.stamp
}

// KeepTable emits all that the table had in the last scan. The hook must emit nothing else of it.
func (o *Collector) KeepTable() { o.kept = true }

// SetStamp sets the stamp of what is emitted. The stamp was taken before the table was read,
// so it is used only if the tally shows that it is of the same sockets.
func (o *Collector) SetStamp(st Stamp, of Tally) {
	if st.sum.Count == of.count && st.sum.Inodes == of.inodes && st.sum.Squares == of.squares {
		o.stamp = st
	}
}
