package sockets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Vsock reads VM sockets (vsock(7)). Without vsock_diag, which many kernels
// lack, only their existence is known.
func Vsock() probe.Probe {
	return probe.Probe{
		Name:  "vsock",
		Scope: "net",
		FD:    socketFD,
		Table: readVsock,
		Complete: completeFamily(model.Vsock, map[string]string{"AF_VSOCK": ""},
			func(string) model.Detail { return new(model.VsockDetail) }),
	}
}

func readVsock(ctx context.Context, ns probe.NS, out *probe.Collector) error {
	d, err := openDiag()
	if err != nil {
		if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EAFNOSUPPORT) {
			return nil
		}
		return err
	}
	defer d.close()
	var (
		found []vsockSock
		bad   failures
	)
	err = d.dump(ctx, vsockDiagRequest(), func() { found, bad = found[:0], failures{what: "vsock_diag message"} }, func(b []byte) {
		s, err := parseVsockDiag(b)
		if err != nil {
			bad.add(err)
			return
		}
		found = append(found, s)
	})
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		out.Backend("vsock", "sockprotoname")
		return nil
	case err == errInterrupted:
		out.Gap(model.Gap{Reason: model.Truncated, Op: "read table", Detail: err.Error()})
	case err != nil:
		return err
	}
	bad.report(out, "")
	out.Backend("vsock", "vsock_diag")
	for i := range found {
		s := &found[i]
		if s.ino != 0 {
			out.Object(Key(uint64(s.ino)), s.object(ns))
		}
	}
	return nil
}

// vsockDiagRequest makes a struct vsock_diag_req: family u8, protocol u8, pad
// u16, states u32, ino u32, show u32, cookie u32[2].
func vsockDiagRequest() []byte {
	b := make([]byte, 24)
	b[0] = unix.AF_VSOCK
	binary.NativeEndian.PutUint32(b[4:], ^uint32(0))
	return b
}

// vsockStates are the states as ss prints them.
var vsockStates = [16]string{1: "ESTAB", 2: "SYN-SENT", 7: "UNCONN", tcpListen: "LISTEN", 11: "CLOSING"}

// vsockSock is a message of vsock_diag.
type vsockSock struct {
	kind, state, shutdown uint8
	local, remote         vsockAddr
	ino                   uint32
	cookie                uint64
}

type vsockAddr struct{ cid, port uint32 }

// String is the address as ss prints it; VMADDR_CID_ANY and VMADDR_PORT_ANY
// are *.
func (a vsockAddr) String() string {
	number := func(n uint32) string {
		if n == ^uint32(0) {
			return "*"
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	return number(a.cid) + ":" + number(a.port)
}

// parseVsockDiag parses struct vsock_diag_msg (linux/vm_sockets_diag.h, Linux
// 4.15): family u8, type u8, state u8, shutdown u8, source cid and port,
// destination cid and port, ino u32, cookie u32[2].
func parseVsockDiag(b []byte) (vsockSock, error) {
	const size = 32
	if len(b) < size || b[0] != unix.AF_VSOCK {
		return vsockSock{}, fmt.Errorf("%w: %d bytes", proc.ErrMalformed, len(b))
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	return vsockSock{
		kind: b[1], state: b[2], shutdown: b[3], local: vsockAddr{word(4), word(8)}, remote: vsockAddr{word(12), word(16)},
		ino: word(20), cookie: cookieOf(b[24:]),
	}, nil
}

func (s *vsockSock) object(ns probe.NS) *model.Object {
	d := &model.VsockDetail{
		State: vsockStates[s.state&15], Type: socketTypes[uint64(s.kind)], Local: s.local.String(), Remote: s.remote.String(),
		Shutdown: shutdownNames[s.shutdown&3],
	}
	return &model.Object{
		ID: ns.ID(model.Vsock, uint64(s.ino)), Gen: socketCookie(s.cookie), Kind: model.Vsock, Name: d.Local + "->" + d.Remote,
		Ino: model.Big(s.ino), Namespace: ns.Model(), Detail: d,
	}
}
