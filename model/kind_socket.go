package model

// UnixDetail is the detail of a UNIX domain socket (unix(7)).
type UnixDetail struct {
	Type        string     `json:"type,omitzero" doc:"stream, dgram or seqpacket"`
	State       string     `json:"state,omitzero" doc:"listen, established, close; stale: no socket, but a socket's file that no socket is bound to"`
	Path        string     `json:"path,omitzero" doc:"file it is bound to"`
	Abstract    string     `json:"abstract,omitzero" doc:"abstract name it is bound to, without the leading NUL"`
	PathDev     string     `json:"path_dev,omitzero" doc:"device of the file it is bound to, major:minor; the path may lead to another file now"`
	PathIno     Big        `json:"path_ino,omitzero" doc:"inode number of the file it is bound to, a string of decimal digits"`
	PathState   string     `json:"path_state,omitzero" doc:"listener: what its path leads to now: own (this socket), other (another file) or nothing; missing if unknown"`
	PathNow     Big        `json:"path_now_ino,omitzero" doc:"inode number of the file that its path leads to now, where it is another one"`
	RecvQueue   Opt[int64] `json:"recv_queue,omitzero" unit:"bytes" doc:"waiting to be read; for a datagram socket the first datagram only"`
	SendQueue   Opt[int64] `json:"send_queue,omitzero" unit:"bytes" doc:"memory of what it sent and the other end has not read"`
	SendBuffer  Opt[int64] `json:"send_buffer,omitzero" unit:"bytes" doc:"limit of send_queue (SO_SNDBUF)"`
	Backlog     Opt[int64] `json:"backlog,omitzero" doc:"listener: connections waiting for accept"`
	BacklogMax  Opt[int64] `json:"backlog_max,omitzero" doc:"listener: maximum number of waiting connections"`
	InflightFDs Opt[int64] `json:"inflight_fds,omitzero" doc:"descriptors sent to it and not yet received (SCM_RIGHTS)"`
	Shutdown    string     `json:"shutdown,omitzero" doc:"directions shut down: r, w or rw"`
	Pending     []string   `json:"pending,omitzero" ref:"object" doc:"listener: ids of the sockets that wait to be accepted"`
}

// DetailKind implements [Detail].
func (*UnixDetail) DetailKind() Kind { return Unix }

// InetDetail is the detail of a TCP, UDP, raw or ICMP socket.
type InetDetail struct {
	State       string     `json:"state,omitzero" doc:"state as ss names it: ESTAB, LISTEN, CLOSE-WAIT …; a TCP socket that is bound and neither connected nor listening is CLOSE; missing: no table lists the socket"`
	Local       string     `json:"local,omitzero" doc:"local address and port"`
	Remote      string     `json:"remote,omitzero" doc:"address and port of the other end"`
	Protocol    string     `json:"protocol,omitzero" doc:"raw socket: the IP protocol; else mptcp or udplite, if the socket uses it"`
	RecvQueue   Opt[int64] `json:"recv_queue,omitzero" unit:"bytes" doc:"waiting to be read; missing if the kernel shows only the memory (mptcp)"`
	SendQueue   Opt[int64] `json:"send_queue,omitzero" unit:"bytes" doc:"sent and not acknowledged, or waiting to be sent; unlike in ss, a SYN or FIN does not count as a byte (also in recv_queue)"`
	RecvBuffer  Opt[int64] `json:"recv_buffer,omitzero" unit:"bytes" doc:"limit of memory for received data (SO_RCVBUF)"`
	SendBuffer  Opt[int64] `json:"send_buffer,omitzero" unit:"bytes" doc:"limit of memory for outgoing data (SO_SNDBUF)"`
	Drops       Opt[int64] `json:"drops,omitzero" doc:"packets that were lost because the socket had no room"`
	Backlog     Opt[int64] `json:"backlog,omitzero" doc:"listener: connections waiting for accept"`
	BacklogMax  Opt[int64] `json:"backlog_max,omitzero" doc:"listener: maximum number of waiting connections"`
	LastRecv    Opt[int64] `json:"last_recv_ns,omitzero" unit:"ns" doc:"time since data came (tcp_info); missing if none ever did"`
	LastSend    Opt[int64] `json:"last_send_ns,omitzero" unit:"ns" doc:"time since data was sent (tcp_info); missing if none ever was"`
	Retransmits Opt[int64] `json:"retransmits,omitzero" doc:"retransmissions of the segment now outstanding (tcp_info)"`
	Backoff     Opt[int64] `json:"backoff,omitzero" doc:"how often the retransmission timeout was doubled (tcp_info)"`
	RTO         Opt[int64] `json:"rto_ns,omitzero" unit:"ns" doc:"retransmission timeout (tcp_info)"`
	Timer       string     `json:"timer,omitzero" doc:"TCP: the running timer: retransmit, keepalive or persist (the other end has no room and is probed repeatedly)"`

	TimerExpires  Opt[int64] `json:"timer_expires_ns,omitzero" unit:"ns" doc:"time until the timer goes off"`
	BytesSent     Opt[int64] `json:"bytes_sent,omitzero" unit:"bytes" doc:"sent so far, retransmissions included (tcp_info)"`
	BytesAcked    Opt[int64] `json:"bytes_acked,omitzero" unit:"bytes" doc:"sent and acknowledged so far; a SYN or FIN counts as one (tcp_info)"`
	BytesReceived Opt[int64] `json:"bytes_received,omitzero" unit:"bytes" doc:"received so far; a FIN counts as one (tcp_info)"`
	BytesNotSent  Opt[int64] `json:"bytes_not_sent,omitzero" unit:"bytes" doc:"part of send_queue that has not been sent yet (tcp_info)"`
	WindowLimited Opt[int64] `json:"window_limited_ns,omitzero" unit:"ns" doc:"how long it was limited by the receive window of the other end (tcp_info)"`
	BufferLimited Opt[int64] `json:"buffer_limited_ns,omitzero" unit:"ns" doc:"how long it was limited by the size of its send buffer (tcp_info)"`
	Shutdown      string     `json:"shutdown,omitzero" doc:"directions shut down: r, w or rw"`
	Interface     Opt[int]   `json:"interface,omitzero" doc:"index of the network interface it is bound to"`
	UID           Opt[int]   `json:"uid,omitzero" doc:"user who created it"`
}

// DetailKind implements [Detail].
func (*InetDetail) DetailKind() Kind { return TCP }

// NetlinkDetail is the detail of a netlink socket (netlink(7)).
type NetlinkDetail struct {
	Protocol  string     `json:"protocol,omitzero" doc:"family: route, audit, kobject_uevent, generic …"`
	PortID    Opt[int64] `json:"port_id,omitzero" doc:"its address, usually a pid; 0 in the kernel's own"`
	Groups    []int      `json:"groups,omitzero" doc:"numbers of the multicast groups it is in, from 1; missing where the kernel has no netlink_diag: it shows the first 32 only"`
	RecvQueue Opt[int64] `json:"recv_queue,omitzero" unit:"bytes" doc:"memory of messages waiting to be read"`
	SendQueue Opt[int64] `json:"send_queue,omitzero" unit:"bytes" doc:"memory of messages that were sent and not received"`
	Drops     Opt[int64] `json:"drops,omitzero" doc:"messages lost because the queue was full"`
}

// DetailKind implements [Detail].
func (*NetlinkDetail) DetailKind() Kind { return Netlink }

// PacketDetail is the detail of a packet socket (packet(7)).
type PacketDetail struct {
	Type      string     `json:"type,omitzero" doc:"raw or dgram"`
	Protocol  string     `json:"protocol,omitzero" doc:"Ethernet protocol, hexadecimal; 0003 is all"`
	Interface Opt[int]   `json:"interface,omitzero" doc:"index of the network interface; 0 is all"`
	IfName    string     `json:"interface_name,omitzero" doc:"name of the network interface, in its network namespace"`
	RecvQueue Opt[int64] `json:"recv_queue,omitzero" unit:"bytes" doc:"memory of packets waiting to be read"`
	Running   Opt[bool]  `json:"running,omitzero" doc:"it is attached and receives"`
}

// DetailKind implements [Detail].
func (*PacketDetail) DetailKind() Kind { return Packet }

// VsockDetail is the detail of a VM socket (vsock(7)).
type VsockDetail struct {
	State    string `json:"state,omitzero" doc:"state as ss names it"`
	Type     string `json:"type,omitzero" doc:"stream, dgram or seqpacket"`
	Local    string `json:"local,omitzero" doc:"context id and port"`
	Remote   string `json:"remote,omitzero" doc:"context id and port of the other end"`
	Shutdown string `json:"shutdown,omitzero" doc:"directions shut down: r, w or rw"`
}

// DetailKind implements [Detail].
func (*VsockDetail) DetailKind() Kind { return Vsock }

// SocketDetail is the detail of a socket of a family for which ipctop has no reader.
type SocketDetail struct {
	Protocol string `json:"protocol,omitzero" doc:"protocol name (the attribute system.sockprotoname)"`
}

// DetailKind implements [Detail].
func (*SocketDetail) DetailKind() Kind { return Socket }

var (
	unixInfo = KindInfo{
		Name:        Unix,
		Title:       "UNIX domain socket",
		Category:    "socket",
		Data:        "stream or message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socketpair", "socket", "bind", "listen", "connect", "accept", "sendmsg", "recvmsg"},
		Man:         []string{"unix(7)", "socket(7)", "cmsg(3)"},
		About: "Local sockets: streams, datagrams or sequenced packets between processes of one machine, also for handing " +
			"over descriptors and credentials. Named by a path, an abstract name, or not at all (socketpair).",
		Source: "unix_diag over netlink, else /proc/net/unix; fdinfo for descriptors in flight; what the paths of listeners " +
			"lead to; for ipctop check also the directories of bound sockets, /run and /tmp, for socket files that no socket is bound to (state stale)",
		Privilege: "sockets and peers: none; who holds them: CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH; other network namespaces: CAP_SYS_ADMIN",
		Unseen: "what is queued; all but the first datagram's size; socket files in other directories, in those that may not be listed without changing " +
			"their access time, and on overlay and btrfs",
		NewDetail: func() Detail { return new(UnixDetail) },
	}
	tcpInfo = KindInfo{
		Name:        TCP,
		Title:       "TCP socket",
		Category:    "socket",
		Data:        "stream",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "bind", "listen", "connect", "accept", "send", "recv"},
		Man:         []string{"tcp(7)", "ip(7)"},
		About: "A byte stream between processes of this machine (loopback, containers) or of two. The two ends of a local " +
			"connection are matched by their addresses.",
		Source:    "inet_diag over netlink with tcp_info, mptcp_diag for MPTCP, else /proc/net/tcp and tcp6",
		Privilege: "sockets: none; who holds them: CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH; other network namespaces: CAP_SYS_ADMIN",
		Unseen:    "the process at the other end when it is on another host",
		NewDetail: newInetDetail,
	}
	udpInfo = KindInfo{
		Name:        UDP,
		Title:       "UDP socket",
		Category:    "socket",
		Data:        "message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "bind", "connect", "sendto", "recvfrom"},
		Man:         []string{"udp(7)", "ip(7)"},
		About:       "Datagrams that may be lost, of UDP and UDP-Lite. Only a connected socket has a peer.",
		Source:      "inet_diag over netlink, else /proc/net/udp, udp6, udplite and udplite6",
		Privilege:   "as for tcp",
		Unseen:      "who sends to a socket that is not connected",
		NewDetail:   newInetDetail,
	}
	rawInfo = KindInfo{
		Name:        Raw,
		Title:       "raw IP socket",
		Category:    "socket",
		Data:        "message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "sendto", "recvfrom"},
		Man:         []string{"raw(7)"},
		About:       "IP packets of one protocol, as ping and routing daemons use them.",
		Source:      "inet_diag over netlink, else /proc/net/raw and raw6",
		Privilege:   "as for tcp",
		NewDetail:   newInetDetail,
	}
	icmpInfo = KindInfo{
		Name:        ICMP,
		Title:       "ping socket",
		Category:    "socket",
		Data:        "message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "sendto", "recvfrom"},
		Man:         []string{"icmp(7)"},
		About:       "ICMP echo without privilege (net.ipv4.ping_group_range).",
		Source:      "/proc/net/icmp and icmp6",
		Privilege:   "as for tcp",
		NewDetail:   newInetDetail,
	}
	packetInfo = KindInfo{
		Name:        Packet,
		Title:       "packet socket",
		Category:    "socket",
		Data:        "message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "bind", "sendto", "recvfrom"},
		Man:         []string{"packet(7)"},
		About:       "Frames as the network device sees them: tcpdump, DHCP clients.",
		Source:      "/proc/net/packet",
		Privilege:   "as for tcp",
		NewDetail:   func() Detail { return new(PacketDetail) },
	}
	netlinkInfo = KindInfo{
		Name:        Netlink,
		Title:       "netlink socket",
		Category:    "socket",
		Data:        "message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "bind", "sendmsg", "recvmsg"},
		Man:         []string{"netlink(7)", "rtnetlink(7)"},
		About:       "Messages between a process and the kernel: routes, audit, device events.",
		Source:      "/proc/net/netlink; netlink_diag over netlink for the groups",
		Privilege:   "as for tcp",
		NewDetail:   func() Detail { return new(NetlinkDetail) },
	}
	vsockInfo = KindInfo{
		Name:        Vsock,
		Title:       "VM socket",
		Category:    "socket",
		Data:        "stream or message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket", "bind", "connect", "send", "recv"},
		Man:         []string{"vsock(7)"},
		About:       "Between a virtual machine and its host.",
		Source:      "vsock_diag over netlink; without it the socket's family alone (system.sockprotoname)",
		Privilege:   "as for tcp",
		Unseen:      "addresses, where the kernel has no vsock_diag",
		NewDetail:   func() Detail { return new(VsockDetail) },
	}
	socketInfo = KindInfo{
		Name:        Socket,
		Title:       "socket of another family",
		Category:    "socket",
		Data:        "stream or message",
		Direction:   "both ways",
		Persistence: "process",
		Buffered:    true,
		Calls:       []string{"socket"},
		Man:         []string{"socket(2)"},
		About: "A socket of a family that ipctop has no reader for, such as AF_ALG; also one of a family whose reader is " +
			"switched off, or whose protocol could not be asked for.",
		Source:    "the links /proc/PID/fd/N; the attribute system.sockprotoname",
		Privilege: "CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH for other users' processes",
		Unseen:    "addresses and queues",
		NewDetail: func() Detail { return new(SocketDetail) },
	}
)

func newInetDetail() Detail { return new(InetDetail) }
