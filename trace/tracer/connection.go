package tracer

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// connected makes an event of a connection.
func (n *names) connected(c *bpf.Connection) *trace.Event {
	e := &trace.Event{Type: "event", Time: c.Time, Event: trace.ConnectEvent, Sender: n.party(&c.Who), Object: objectOf(&c.Socket)}
	e.Connection = &trace.Connection{Local: endpoint(c.Local), Remote: endpoint(c.Remote), Network: c.Network, Datagrams: c.Socket.Type == unix.SOCK_DGRAM}
	if c.Accepted {
		e.Event = trace.AcceptEvent
	}
	e.Path, e.Error = socketPath(c.Path), errorName(c.Errno)
	if c.HasPeer {
		e.Target = n.party(&c.Peer)
	}
	if c.PeerInode != 0 {
		e.PeerObject = fmt.Sprintf("%s:%d", model.Unix, c.PeerInode)
	}
	return e
}

func endpoint(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// socketPath writes the name of an abstract socket as everywhere in ipctop: with @ in place
// of its leading zero byte.
func socketPath(path string) string {
	if name, abstract := strings.CutPrefix(path, "\x00"); abstract {
		return "@" + name
	}
	return path
}

// errorName is the name of an error number, "" of 0.
func errorName(number int) string {
	if number == 0 {
		return ""
	}
	if name := unix.ErrnoName(unix.Errno(number)); name != "" {
		return name
	}
	return fmt.Sprintf("error %d", number)
}
