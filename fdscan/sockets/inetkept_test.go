package sockets

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// TestInetKept: for an idle connection the next snapshot has the same detail object, and a
// new one when data was sent. Its holder, the test, runs all the time.
func TestInetKept(t *testing.T) {
	l, at := listen(t, unix.AF_INET, v4(0), 1)
	client := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, unix.Connect(client, v4(at)))
	server, _, err := unix.Accept(l)
	must(t, err)
	defer unix.Close(server)
	scanner := probe.NewScanner(probe.Options{Probes: []probe.Probe{TCP()}, Repeated: true})
	defer scanner.Close()
	scan := func() *model.InetDetail {
		snap, err := scanner.Scan(t.Context())
		must(t, err)
		return inetDetail(t, object(t, snap, model.TCP, server))
	}
	first := scan()
	until(t, "the same detail", func() bool {
		second := scan()
		same := first == second
		first = second
		return same
	})
	_, err = unix.Write(client, []byte("x"))
	must(t, err)
	until(t, "the byte to come", func() bool { return scan().RecvQueue == model.Some[int64](1) })
	if first == scan() {
		t.Error("it is still the same detail")
	}
}
