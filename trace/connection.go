package trace

import "net/netip"

// Connection is what an event tells of a connection of a UNIX or Internet socket. Its sender
// connected or accepted; its target is the other one.
type Connection struct {
	Local      string `json:"local" doc:"of Internet sockets: the sender's address and port"`
	Remote     string `json:"remote" doc:"of Internet sockets: the target's address and port"`
	PeerObject string `json:"peer_object" doc:"the id of the socket at the other end, where that is known"`

	Network   uint64 `json:"-"` // namespace, an inode number
	Datagrams bool   `json:"-"` // nobody accepts it
}

// maxConnections is how many connections are remembered of which one end alone was seen.
const maxConnections = 4096

// connectionKey is the same for both ends of a connection.
type connectionKey struct {
	network        uint64 // of addresses that every network namespace has for itself
	client, server string
}

// ends remembers connections of which one end alone was seen.
type ends struct {
	seen  map[connectionKey]*Event
	order []connectionKey // the oldest first
}

// key is the key of an event's connection, if it made or may make one.
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

// InProgress is the error of a connection that a socket which does not wait goes on to make.
const InProgress = "EINPROGRESS"

// Connected takes an event of a connection. Who is at the other end is known when that
// end has been seen, too, in whichever order.
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
	if other.pending { // it has not been told of yet
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
