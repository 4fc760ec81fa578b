package sockets

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Packet reads packet sockets (packet(7)).
func Packet() probe.Probe {
	return probe.Probe{
		Name:    "packet",
		Scope:   "net",
		FD:      socketFD,
		Mapping: socketMapping,
		Table: func(_ context.Context, ns probe.NS, out *probe.Collector) error {
			if usageOf(ns).none("PACKET") {
				return nil
			}
			text, err := readNet(ns.Scan, "packet")
			switch {
			case missingTable(err):
				return nil // a kernel without packet sockets
			case err != nil:
				return err
			}
			readPacket(text, ns, out)
			return nil
		},
		Complete: completeFamily(model.Packet, map[string]string{"PACKET": ""},
			func(string) model.Detail { return new(model.PacketDetail) }),
	}
}

// packetLine is a line of /proc/net/packet.
type packetLine struct {
	kind, protocol, iface, running, recv, uid, ino uint64
}

// parsePacketLine parses a line of /proc/net/packet (net/packet/af_packet.c):
//
//	sk               RefCnt Type Proto  Iface R Rmem   User   Inode
//	00000000c8c0b5a6 3      3    0003   0     1 0      0      4711
func parsePacketLine(line []byte) (packetLine, error) {
	var (
		l   packetLine
		err error
		c   = columns{line}
	)
	c.number(16, &err, "address")
	c.next() // reference count
	l.kind = c.number(10, &err, "type")
	l.protocol = c.number(16, &err, "protocol")
	l.iface = c.number(10, &err, "interface")
	l.running = c.number(10, &err, "running")
	l.recv = c.number(10, &err, "receive memory")
	l.uid = c.number(10, &err, "user")
	l.ino = c.number(10, &err, "inode")
	if err == nil && (l.recv > 1<<62 || l.uid > 1<<32-1 || l.iface > 1<<31-1) {
		err = fmt.Errorf("%w: a number is too large", proc.ErrMalformed)
	}
	return l, err
}

// interfaceNames returns the names of the interfaces of the calling thread's
// network namespace, by index. It is empty if they cannot be read.
func interfaceNames() map[int]string {
	names := map[int]string{}
	list, _ := net.Interfaces()
	for i := range list {
		names[list[i].Index] = list[i].Name
	}
	return names
}

func readPacket(text []byte, ns probe.NS, out *probe.Collector) {
	var names map[int]string
	eachLine(text, out, "packet", func(line []byte) error {
		l, err := parsePacketLine(line)
		if err != nil {
			return err
		}
		if l.ino == 0 {
			return nil
		}
		d := &model.PacketDetail{
			Type: socketTypes[l.kind], Protocol: fmt.Sprintf("%04x", l.protocol), Interface: model.Some(int(l.iface)),
			RecvQueue: model.Some(int64(l.recv)), Running: model.Some(l.running != 0),
		}
		if l.iface != 0 && names == nil {
			names = interfaceNames()
		}
		d.IfName = names[int(l.iface)]
		out.Object(Key(l.ino), &model.Object{
			ID: ns.ID(model.Packet, l.ino), Kind: model.Packet, Name: strings.Join([]string{d.Type, d.Protocol}, ":"),
			Ino: model.Big(l.ino), UID: model.Some(int(l.uid)), Namespace: ns.Model(), Detail: d,
		})
		return nil
	})
}
