package sockets

import (
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// frozen is a source that can be made to say that tables of sockets have not changed.
type frozen struct {
	probe.Source
	still atomic.Bool
	sums  [2]bpf.SocketSum
}

func (f *frozen) SocketSum(table bpf.SocketTable) (bpf.SocketSum, error) {
	if f.still.Load() {
		return f.sums[table], nil
	}
	sum, err := f.Source.SocketSum(table)
	f.sums[table] = sum
	return sum, err
}

// TestTableTakenOver has a source say that a table has not changed, and checks that the table is
// then not read. When the source says that it has changed, the changes show.
func TestTableTakenOver(t *testing.T) {
	source, err := bpf.Open()
	if err != nil {
		t.Skip(err)
	}
	defer source.Close()
	if _, err := source.SocketSum(bpf.UnixSockets); err != nil {
		t.Skip(err)
	}
	tcp, err := source.SocketSum(bpf.TCPSockets)
	must(t, err)
	const many = 150 // pairs
	var unixFrom, unixTo, tcpFrom, tcpTo int
	for range many {
		unixFrom, unixTo = pair(t, unix.SOCK_STREAM)
		tcpFrom, tcpTo = connection(t)
	}
	t.Run("unix", func(t *testing.T) {
		tableTakenOver(t, source, unixFrom, unixTo, func(snap *model.Snapshot) (queued, since model.Opt[int64]) {
			return object(t, snap, model.Unix, unixTo).Detail.(*model.UnixDetail).RecvQueue, queued
		})
	})
	t.Run("tcp", func(t *testing.T) {
		if tcp.Unknown {
			t.Skip("it cannot be told whether anything changes")
		}
		tableTakenOver(t, source, tcpFrom, tcpTo, func(snap *model.Snapshot) (queued, since model.Opt[int64]) {
			d := object(t, snap, model.TCP, tcpTo).Detail.(*model.InetDetail)
			return d.RecvQueue, d.LastRecv
		})
	})
}

// connection makes a connection on which data was sent.
func connection(t *testing.T) (from, to int) {
	t.Helper()
	l := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(l, 1))
	at, err := unix.Getsockname(l)
	must(t, err)
	from = socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Connect(from, at))
	to, _, err = unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(to) })
	must(t, sendByte(from))
	must(t, readByte(to))
	return from, to
}

func tableTakenOver(t *testing.T, source probe.Source, from, to int, told func(*model.Snapshot) (queued, since model.Opt[int64])) {
	f := &frozen{Source: source}
	scanner := probe.NewScanner(probe.Options{Probes: allSockets(), Repeated: true, Source: func() (probe.Source, error) { return f, nil }})
	defer scanner.Close()
	scan := func() (queued, since int64, taken time.Time) {
		snap := probetest.Again(t, scanner)
		q, s := told(snap)
		if !q.Known() {
			t.Fatal("it is not known what is queued")
		}
		return q.Or(0), s.Or(0), snap.Taken
	}
	want := func(want int64) (since int64, taken time.Time) {
		t.Helper()
		n, since, taken := scan()
		if n != want {
			t.Fatalf("%d bytes are queued, want %d", n, want)
		}
		return since, taken
	}
	for range 50 {
		f.still.Store(false)
		since, at := want(0)
		f.still.Store(true)
		must(t, sendByte(from))
		n, later, now := scan()
		f.still.Store(false)
		want(1)
		want(1)
		must(t, readByte(to))
		if n == 0 { // else sockets of other processes came or went while the table was read
			// The time of the last receive grows as time passes.
			if off := time.Duration(later-since) - now.Sub(at); since != 0 && off.Abs() > 2*time.Second {
				t.Errorf("received %v ago, then %v, in %v", time.Duration(since), time.Duration(later), now.Sub(at))
			}
			return
		}
	}
	t.Error("the table was read each time")
}

func sendByte(fd int) error {
	_, err := unix.Write(fd, []byte{1})
	return err
}

func readByte(fd int) error {
	_, err := unix.Read(fd, make([]byte, 1))
	return err
}
