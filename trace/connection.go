package trace

import "net/netip"

// Connection describes an event on a connection of a UNIX or Internet socket. The event's
// sender connected or accepted; its target is the other process.
type Connection struct {
	Local      string `json:"local" doc:"of Internet sockets: the sender's address and port"`
	Remote     string `json:"remote" doc:"of Internet sockets: the target's address and port"`
	PeerObject string `json:"peer_object" doc:"the id of the socket at the other end, where that is known"`

	Network   uint64 `json:"-"` // network namespace, as an inode number
	Datagrams bool   `json:"-"` // a datagram socket: there is no accept
}

// maxConnections limits how many connections are remembered while only one end was seen.
const maxConnections = 4096

// connectionKey is the same for both ends of a connection.
type connectionKey struct {
	network        uint64 // set where the address is local to a network namespace (loopback)
	client, server string
}

// ends remembers connections of which only one end was seen so far.
type ends struct {
	seen  map[connectionKey]*Event
	order []connectionKey // the oldest first
}

// key is the key of the event's connection; false if the event neither made a connection
// nor may still make one.
func (e *Event) key() (k connectionKey, ok bool) {
	accepted := e.Event == AcceptEvent
	switch {
	case e.Datagrams, e.Error != "" && e.Error != InProgress:
		return k, false
	case e.Local == "" && accepted:
		return connectionKey{client: e.PeerObject}, e.PeerObject != ""
	case e.Local == "":
		return connectionKey{client: e.Object}, e.Object != "" && e.Remote == ""
	}
	k.client, k.server = e.Local, e.Remote
	if accepted {
		k.client, k.server = e.Remote, e.Local
	}
	if to, err := netip.ParseAddrPort(e.Remote); err == nil && to.Addr().IsLoopback() {
		k.network = e.Network
	}
	return k, true
}

// InProgress is the error of connect(2) on a non-blocking socket: the connection is still being made.
const InProgress = "EINPROGRESS"

// Connected adds an event of a connection. The other end is known once both events were
// seen, in either order.
func (j *Joiner) Connected(e *Event) {
	j.Add(e)
	k, ok := e.key()
	if !ok {
		return
	}
	other := j.ends.seen[k]
	if other == nil || other.Event == e.Event {
		e.pending = true
		j.ends.add(k, e)
		return
	}
	delete(j.ends.seen, k)
	e.Target, e.PeerObject = other.Sender, other.Object
	if other.pending { // not reported yet
		other.Target, other.PeerObject, other.pending = e.Sender, e.Object, false
	}
}

func (s *ends) add(k connectionKey, e *Event) {
	if s.seen == nil {
		s.seen = map[connectionKey]*Event{}
	}
	s.seen[k] = e
	s.order = append(s.order, k)
	if len(s.order) > maxConnections {
		if old := s.seen[s.order[0]]; old != nil && old != e {
			delete(s.seen, s.order[0])
		}
		s.order = s.order[1:]
	}
}
