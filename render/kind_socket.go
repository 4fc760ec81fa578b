package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

type optInt = model.Opt[int64]

// accepts shows a listener's queue of connections.
func accepts(used, limit func(*model.Object) optInt) Column[model.Object] {
	return fillPair("BACKLOG", "listener: connections waiting for accept, of how many may", used, limit, count, "FULL")
}

// queue is a column of a socket's queue. For a listener it shows the same as ss: the
// connections that wait to be accepted, or the largest allowed number.
func queue(c Column[model.Object], ofListener func(*model.Object) optInt) Column[model.Object] {
	key, text := c.Key, c.Text
	c.Key = func(v *View, o *model.Object) Key {
		if listens(o) {
			return OptKey(ofListener(o))
		}
		return key(v, o)
	}
	c.Text = func(v *View, o *model.Object) Cell {
		if listens(o) {
			return v.cell(OptKey(ofListener(o)))
		}
		return text(v, o)
	}
	return c
}

// waiting and maximum return the number of connections that wait to be accepted, and the
// largest allowed number.
func waiting(o *model.Object) optInt {
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		return d.Backlog
	case *model.InetDetail:
		return d.Backlog
	}
	return optInt{}
}

func maximum(o *model.Object) optInt {
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		return d.BacklogMax
	case *model.InetDetail:
		return d.BacklogMax
	}
	return optInt{}
}

// listens reports whether a socket is a listener.
func listens(o *model.Object) bool {
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		return d.State == "listen"
	case *model.InetDetail:
		return d.State == "LISTEN"
	}
	return false
}

// packetInterface returns the interface to which the socket is bound.
func packetInterface(d *model.PacketDetail) string {
	if n, ok := d.Interface.Get(); ok && d.IfName == "" {
		return strconv.Itoa(n)
	}
	return d.IfName
}

// connected reports whether a socket has a TCP connection.
func connected(o *model.Object) bool { return o.Kind == model.TCP && !listens(o) }

func count(n int64) string { s, _ := IntKey(n).raw(); return s }

// ago shows a time since, given in nanoseconds.
func ago(name, doc string, get func(*model.Object) optInt) Column[model.Object] {
	return Column[model.Object]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, o *model.Object) Key { return OptKey(get(o)) },
		Text: func(_ *View, o *model.Object) Cell {
			if n, ok := get(o).Get(); ok {
				return Cell{Text: Duration(time.Duration(n))}
			}
			return Cell{Unknown, Dim}
		},
	}
}

// shut shows which directions were shut down, in words.
func shut(get func(*model.Object) string) Column[model.Object] {
	return Column[model.Object]{
		Name: "SHUT", Doc: "directions shut down",
		Key: func(_ *View, o *model.Object) Key { return TextKey(get(o)) },
		Text: func(v *View, o *model.Object) Cell {
			s := get(o)
			if s == "" {
				return Cell{}
			}
			return Cell{"CLOSED " + v.escape(s), Notice}
		},
	}
}

var (
	unixColumns = append(objectColumns{
		idColumn, nameColumn,
		spare(narrow(textColumn("TYPE", "stream, dgram or seqpacket", detail(func(d *model.UnixDetail) string { return d.Type })))),
		unsure(narrow(textColumn("STATE", "listen, established or close", detail(func(d *model.UnixDetail) string { return d.State })))),
		talkColumn,
		spare(queue(sizeColumn("RECVQ", "bytes waiting to be read; of a listener, connections waiting for accept",
			detail(func(d *model.UnixDetail) optInt { return d.RecvQueue })), waiting)),
		queue(fillPair("SENDQ", "memory of what it sent and the other end has not read; of a listener, how many connections may wait",
			detail(func(d *model.UnixDetail) optInt { return d.SendQueue }),
			detail(func(d *model.UnixDetail) optInt { return d.SendBuffer }), Size, "FULL"), maximum),
		wide(onlyFor(listens, accepts(waiting, maximum))),
		wide(intColumn("INFLIGHT", "descriptors sent to it and not yet received",
			detail(func(d *model.UnixDetail) optInt { return d.InflightFDs }))),
		wide(shut(detail(func(d *model.UnixDetail) string { return d.Shutdown }))),
		wide(peersColumn), wide(uidColumn),
	}, commonWide...)

	inetColumns = append(objectColumns{
		idColumn,
		unsure(narrow(textColumn("STATE", "state as ss names it", detail(func(d *model.InetDetail) string { return d.State })))),
		unsure(textColumn("LOCAL", "local address and port", detail(func(d *model.InetDetail) string { return d.Local }))),
		textColumn("REMOTE", "address and port of the other end", detail(func(d *model.InetDetail) string { return d.Remote })),
		talkColumn,
		spare(queue(sizeColumn("RECVQ", "bytes waiting to be read; of a listener, connections waiting for accept",
			detail(func(d *model.InetDetail) optInt { return d.RecvQueue })), waiting)),
		spare(queue(sizeColumn("SENDQ", "bytes sent and not acknowledged; of a listener, how many connections may wait",
			detail(func(d *model.InetDetail) optInt { return d.SendQueue })), maximum)),
		wide(onlyFor(listens, accepts(waiting, maximum))),
		wide(onlyFor(connected, ago("RECVD", "time since data came", detail(func(d *model.InetDetail) optInt { return d.LastRecv })))),
		wide(onlyFor(connected, ago("SENT", "time since data was sent", detail(func(d *model.InetDetail) optInt { return d.LastSend })))),
		wide(onlyFor(connected, intColumn("RETRANS", "retransmissions of the segment now outstanding",
			detail(func(d *model.InetDetail) optInt { return d.Retransmits })))),
		wide(textColumn("PROTOCOL", "raw socket: the IP protocol", detail(func(d *model.InetDetail) string { return d.Protocol }))),
		wide(peersColumn), wide(uidColumn),
	}, commonWide...)

	packetColumns = append(objectColumns{
		idColumn,
		narrow(textColumn("TYPE", "raw or dgram", detail(func(d *model.PacketDetail) string { return d.Type }))),
		narrow(textColumn("PROTOCOL", "Ethernet protocol", detail(func(d *model.PacketDetail) string { return d.Protocol }))),
		narrow(textColumn("IFACE", "network interface: its name, or its index; 0 is all", detail(packetInterface))),
		talkColumn,
		sizeColumn("RECVQ", "memory of packets waiting to be read", detail(func(d *model.PacketDetail) optInt { return d.RecvQueue })),
		wide(uidColumn),
	}, commonWide...)

	netlinkColumns = append(objectColumns{
		idColumn,
		narrow(textColumn("PROTOCOL", "family", detail(func(d *model.NetlinkDetail) string { return d.Protocol }))),
		intColumn("PORTID", "its address, usually a pid", detail(func(d *model.NetlinkDetail) optInt { return d.PortID })),
		talkColumn,
		sizeColumn("RECVQ", "memory of messages waiting to be read", detail(func(d *model.NetlinkDetail) optInt { return d.RecvQueue })),
		intColumn("DROPS", "messages lost because the queue was full", detail(func(d *model.NetlinkDetail) optInt { return d.Drops })),
		wide(textColumn("GROUPS", "multicast groups subscribed to", detail(netlinkGroups))),
	}, commonWide...)

	vsockColumns = append(objectColumns{
		idColumn,
		unsure(narrow(textColumn("STATE", "state as ss names it", detail(func(d *model.VsockDetail) string { return d.State })))),
		narrow(textColumn("TYPE", "stream, dgram or seqpacket", detail(func(d *model.VsockDetail) string { return d.Type }))),
		unsure(textColumn("LOCAL", "context id and port", detail(func(d *model.VsockDetail) string { return d.Local }))),
		textColumn("REMOTE", "context id and port of the other end", detail(func(d *model.VsockDetail) string { return d.Remote })),
		talkColumn,
		wide(shut(detail(func(d *model.VsockDetail) string { return d.Shutdown }))),
	}, commonWide...)

	socketColumns = append(objectColumns{
		idColumn,
		textColumn("PROTOCOL", "protocol name", detail(func(d *model.SocketDetail) string { return d.Protocol })),
		talkColumn,
	}, commonWide...)
)

func widen(o model.Opt[int]) optInt {
	if n, ok := o.Get(); ok {
		return model.Some(int64(n))
	}
	return optInt{}
}

// netlinkGroups lists the groups of a socket; "" if they are not known.
func netlinkGroups(d *model.NetlinkDetail) string {
	if d.Groups != nil && len(d.Groups) == 0 {
		return "none"
	}
	numbers := make([]string, len(d.Groups))
	for i, n := range d.Groups {
		numbers[i] = strconv.Itoa(n)
	}
	return strings.Join(numbers, ",")
}
