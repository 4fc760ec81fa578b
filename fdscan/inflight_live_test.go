package fdscan_test

import (
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/waitstate"
)

// TestInFlightAtListener: a descriptor that was sent to a server which has not accepted the
// connection yet may be the end of a pipe that no process shows.
func TestInFlightAtListener(t *testing.T) {
	address := &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "socket")}
	var fds []int
	socket := func() int {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		return fd
	}
	server, client := socket(), socket()
	pipe := make([]int, 2)
	if err := unix.Pipe2(pipe, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	fds = append(fds, pipe[1])
	t.Cleanup(func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	})
	for _, err := range []error{
		unix.Bind(server, address), unix.Listen(server, 1), unix.Connect(client, address),
		unix.Sendmsg(client, []byte("x"), unix.UnixRights(pipe[0]), nil, 0), unix.Close(pipe[0]),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for source, open := range map[string]func() (probe.Source, error){
		"procfs": nil, "bpf": func() (probe.Source, error) { return bpf.Open() },
	} {
		if open != nil {
			if _, err := bpf.Open(); err != nil {
				t.Logf("%s: %v", source, err)
				continue
			}
		}
		for _, waitsOnly := range []bool{false, true} {
			snap := probetest.ScanWith(t, probe.Options{
				Probes: []probe.Probe{pipes.Pipe(), sockets.Unix(), waitstate.Probe()}, Source: open, SourceUse: probe.SourceAlways, WaitsOnly: waitsOnly,
			})
			of := func(kind model.Kind, fd int) *model.Object {
				ino := inodeOf(t, fd)
				if i := slices.IndexFunc(snap.Objects, func(o *model.Object) bool { return o.Kind == kind && uint64(o.Ino) == ino }); i >= 0 {
					return snap.Objects[i]
				}
				return nil
			}
			if o := of(model.Pipe, pipe[1]); o != nil && o.HoldersComplete {
				t.Errorf("%s, waits only %v: the pipe's holders are complete", source, waitsOnly)
			}
			o := of(model.Unix, server)
			if o == nil {
				t.Errorf("%s, waits only %v: the server's socket is left out", source, waitsOnly)
			} else if n := o.Detail.(*model.UnixDetail).InflightFDs; n != model.Some[int64](1) {
				t.Errorf("%s, waits only %v: %v descriptors are in flight", source, waitsOnly, n)
			}
		}
	}
}
