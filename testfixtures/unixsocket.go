package testfixtures

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func unixFixtures() []Fixture {
	pair := map[string]func(*role) error{"a": writeRole, "b": holdRole}
	listener := map[string]func(*role) error{"srv": unixListenRole, "c1": unixConnectRole, "c2": unixConnectRole}
	return []Fixture{{
		Name:  "unix",
		Makes: "a connected pair with 300 unread bytes at one end",
		explain: explanation{
			picture: "{1} → socket pair (300 bytes unread) → {2}",
			calls: []string{
				"ipctop: socketpair(AF_UNIX, SOCK_STREAM)",
				"{1}: write(3, …, 300) = 300",
				"{2}: has the other end, descriptor 3, and does not read",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/unix", "{id}"},
			},
		},
		make:  func(m *maker) (object, error) { return makeUnixPair(m, unix.SOCK_STREAM) },
		roles: pair,
	}, {
		Name:  "unix:seqpacket",
		short: "unix-seq",
		Makes: "a pair of type SOCK_SEQPACKET with one unread packet",
		explain: explanation{
			picture: "{1} → socket pair (1 packet unread) → {2}",
			calls: []string{
				"ipctop: socketpair(AF_UNIX, SOCK_SEQPACKET)",
				"{1}: write(3, …, 300) = 300",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/unix", "{id}"},
			},
		},
		make:  func(m *maker) (object, error) { return makeUnixPair(m, unix.SOCK_SEQPACKET) },
		roles: pair,
	}, {
		Name:  "unix:dgram",
		Makes: "a datagram socket with a path, a sender connected to it, 2 unread datagrams",
		explain: explanation{
			picture: "{1} → datagrams (2 unread) → {2}",
			calls: []string{
				"{2}: bind(3, \"dgram.sock\")",
				"{1}: connect(3, \"dgram.sock\"), then two write(3, …)",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/unix", "dgram.sock"},
			},
		},
		make:  makeUnixDgram,
		roles: map[string]func(*role) error{"a": holdRole, "b": holdRole},
	}, {
		Name:  "unix:listener",
		short: "unix-ls",
		Makes: "a listener with a path and 2 clients that it has not accepted",
		explain: explanation{
			picture: "{2}, {3} → connections not accepted → {1}",
			calls: []string{
				"{1}: bind(3, \"listener.sock\"), listen(3, 5); no accept(2)",
				"{2}, {3}: connect(3, \"listener.sock\") = 0",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/unix", "listener.sock"},
			},
		},
		make:  func(m *maker) (object, error) { return makeUnixListener(m, false) },
		roles: listener,
	}, {
		Name:  "unix:abstract",
		short: "unix-abs",
		Makes: "a listener with an abstract name and 2 clients that it has not accepted",
		explain: explanation{
			picture: "{2}, {3} → connections not accepted → {1}",
			calls: []string{
				"{1}: bind(3, \"\\0ipctop-fixtures/…\"), listen(3, 5); no accept(2)",
				"{2}, {3}: connect(3, …) = 0",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/unix", "@ipctop-fixtures/"},
			},
		},
		make:  func(m *maker) (object, error) { return makeUnixListener(m, true) },
		roles: listener,
	}, {
		Name:  "unix:in-flight",
		short: "unix-fl",
		Makes: "a pair with both ends of a pipe in flight in its queue (SCM_RIGHTS)",
		explain: explanation{
			picture: "{1} → [both ends of a pipe] → {2}",
			calls: []string{
				"ipctop: sendmsg(2) with SCM_RIGHTS and two descriptors, which it then closes",
				"{2}: does not receive them: nobody but the queue of its socket has the pipe",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "scm_fds: 2"},
				{"/proc/{2}/fd/3", "socket:[{id}]"},
			},
		},
		make:  makeUnixInFlight,
		roles: map[string]func(*role) error{"a": holdRole, "b": holdRole},
	}, {
		Name:  "unix:shutdown",
		short: "unix-shut",
		Makes: "a pair of which one end has shut down sending",
		explain: explanation{
			picture: "{1} –shut– {2}",
			calls: []string{
				"{1}: shutdown(3, SHUT_WR); it can read, and {2} reads an end of file",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/fd/3", "socket:["},
			},
		},
		make:  makeUnixShutdown,
		roles: map[string]func(*role) error{"a": unixShutdownRole, "b": holdRole},
	}, {
		Name:  "unix:namespace",
		short: "unix-ns",
		Makes: "a listener with an abstract name in another network namespace",
		explain: explanation{
			picture: "{1} listens in a network namespace of its own",
			calls: []string{
				"ipctop: clone(CLONE_NEWNET | CLONE_NEWIPC)",
				"{1}: bind(3, \"\\0ipctop-fixtures/…\"), listen(3, 5)",
			},
			proc: []procFile{
				{"/proc/{1}/ns/net", "net:["},
				{"/proc/{1}/net/unix", "@ipctop-fixtures/"},
			},
		},
		Needs: needsNamespaces,
		make:  makeUnixNamespace,
		roles: map[string]func(*role) error{"srv": unixListenRole},
	}}
}

var unixTypes = map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "dgram", unix.SOCK_SEQPACKET: "seqpacket"}

func socketpair(m *maker, typ int) (fds [2]int, inos [2]string, err error) {
	if fds, err = unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0); err != nil {
		return fds, inos, fmt.Errorf("socketpair: %w", err)
	}
	m.own(fds[:]...)
	for i, fd := range fds {
		if inos[i], err = inode(fd); err != nil {
			return fds, inos, err
		}
	}
	return fds, inos, nil
}

// startPair passes the ends of a socket pair to two holders.
func startPair(m *maker, fds [2]int, a part) (p [2]*process, err error) {
	a.fds = fds[:1]
	if p[0], err = m.start("a", nil, a); err != nil {
		return p, err
	}
	p[1], err = m.start("b", nil, part{fds: fds[1:]})
	return p, err
}

func makeUnixPair(m *maker, typ int) (object, error) {
	fds, inos, err := socketpair(m, typ)
	if err != nil {
		return object{}, err
	}
	p, err := startPair(m, fds, part{args: []string{"300"}})
	if err != nil {
		return object{}, err
	}
	n, err := queued(fds[1])
	return object{"unix:" + inos[1], tree{
		"ino": inos[1], "holders": []tree{p[1].fd(firstFD, "")}, "peers": []tree{{"id": "unix:" + inos[0]}},
		"detail": tree{"type": unixTypes[typ], "state": "established", "recv_queue": n},
	}}, err
}

func makeUnixDgram(m *maker) (object, error) {
	var fds [2]int
	for i := range fds {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return object{}, fmt.Errorf("socket: %w", err)
		}
		m.own(fd)
		fds[i] = fd
	}
	path, err := socketPath(m, "dgram.sock")
	if err != nil {
		return object{}, err
	}
	addr := &unix.SockaddrUnix{Name: path}
	if err := unix.Bind(fds[1], addr); err != nil {
		return object{}, fmt.Errorf("bind %s: %w", path, err)
	}
	if err := unix.Connect(fds[0], addr); err != nil {
		return object{}, fmt.Errorf("connect %s: %w", path, err)
	}
	for _, n := range []int{120, 80} {
		if _, err := unix.Write(fds[0], make([]byte, n)); err != nil {
			return object{}, fmt.Errorf("send to %s: %w", path, err)
		}
	}
	p, err := startPair(m, fds, part{})
	if err != nil {
		return object{}, err
	}
	ino, err := inode(fds[1])
	if err != nil {
		return object{}, err
	}
	// Of the queue the kernel reports only the size of the first message. The socket's
	// state cannot be asked for, so it is not compared.
	n, err := queued(fds[1])
	return object{"unix:" + ino, tree{
		"ino": ino, "holders": []tree{p[1].fd(firstFD, "")},
		"detail": tree{"type": "dgram", "path": path, "recv_queue": n},
	}}, err
}

// socketPath is a path in the run's directory; an error if it is too long for an address.
func socketPath(m *maker, name string) (string, error) {
	path, err := m.run.manifest.path(name)
	if limit := len(unix.RawSockaddrUnix{}.Path) - 1; err == nil && len(path) > limit {
		err = &Unavailable{Reason: fmt.Sprintf("needs a shorter temporary directory: %s is longer than %d bytes", path, limit)}
	}
	return path, err
}

// unixSocket is what the holder of a UNIX socket reports about it.
type unixSocket struct {
	Ino       string `json:"ino"`
	Name      string `json:"name"` // getsockname
	FD        int    `json:"fd"`
	Namespace uint64 `json:"namespace"`
}

const listenBacklog = 5

func makeUnixListener(m *maker, abstract bool) (object, error) {
	name, key := "@"+abstractName(m), "abstract"
	if !abstract {
		path, err := socketPath(m, "listener.sock")
		if err != nil {
			return object{}, err
		}
		name, key = path, "path"
	}
	var s unixSocket
	server, err := m.start("srv", &s, part{args: []string{name}})
	if err != nil {
		return object{}, err
	}
	var pending []string
	for _, role := range []string{"c1", "c2"} {
		var c unixSocket
		if _, err := m.start(role, &c, part{args: []string{name}}); err != nil {
			return object{}, err
		}
		pending = append(pending, "unix:"+c.Ino)
	}
	return object{"unix:" + s.Ino, tree{
		"ino": s.Ino, "holders": []tree{server.fd(s.FD, "")},
		"detail": tree{
			"type": "stream", "state": "listen", key: strings.TrimPrefix(s.Name, "@"), "backlog": len(pending),
			"backlog_max": listenBacklog, "pending": pending,
		},
	}}, nil
}

// abstractName is a name that no other run has.
func abstractName(m *maker) string {
	return fmt.Sprintf("ipctop-fixtures/%s", m.run.manifest.dir[strings.LastIndexByte(m.run.manifest.dir, '-')+1:])
}

func makeUnixNamespace(m *maker) (object, error) {
	var s unixSocket
	p, err := m.start("srv", &s, part{args: []string{"@" + abstractName(m)}, namespaces: unix.CLONE_NEWNET | unix.CLONE_NEWIPC})
	if err != nil {
		return object{}, err
	}
	return object{inNamespace("unix:"+s.Ino, s.Namespace), tree{
		"ino": s.Ino, "namespace": tree{"type": "net", "inode": s.Namespace}, "holders": []tree{p.fd(s.FD, "")},
		"detail": tree{
			"type": "stream", "state": "listen", "abstract": strings.TrimPrefix(s.Name, "@"), "backlog": 0, "backlog_max": listenBacklog,
		},
	}}, nil
}

// unixListenRole listens on the name in its argument; @ begins an abstract name.
func unixListenRole(r *role) error {
	fd, err := unixStream()
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: r.args[0]}); err != nil {
		return fmt.Errorf("bind %s: %w", r.args[0], err)
	}
	if err := unix.Listen(fd, listenBacklog); err != nil {
		return fmt.Errorf("listen on %s: %w", r.args[0], err)
	}
	return readyWithUnix(r, fd)
}

func unixConnectRole(r *role) error {
	fd, err := unixStream()
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: r.args[0]}); err != nil {
		return fmt.Errorf("connect to %s: %w", r.args[0], err)
	}
	return readyWithUnix(r, fd)
}

func unixStream() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

func readyWithUnix(r *role, fd int) error {
	ino, err := inode(fd)
	if err != nil {
		return err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	ns, err := namespaceInode("net")
	if err != nil {
		return err
	}
	return r.readyAndHold(unixSocket{Ino: ino, Name: sa.(*unix.SockaddrUnix).Name, FD: fd, Namespace: ns})
}

func makeUnixInFlight(m *maker) (object, error) {
	fds, inos, err := socketpair(m, unix.SOCK_STREAM)
	if err != nil {
		return object{}, err
	}
	var cargo [2]int
	if err := unix.Pipe2(cargo[:], unix.O_CLOEXEC); err != nil {
		return object{}, fmt.Errorf("pipe: %w", err)
	}
	m.own(cargo[:]...)
	if err := unix.Sendmsg(fds[0], []byte("here"), unix.UnixRights(cargo[:]...), nil, 0); err != nil {
		return object{}, fmt.Errorf("sendmsg SCM_RIGHTS: %w", err)
	}
	// The kernel has reported this since 5.17; there is no other way to see it.
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fds[1]))
	if err != nil {
		return object{}, err
	}
	_, after, ok := strings.Cut(string(info), "scm_fds:")
	if !ok {
		return object{}, &Unavailable{Reason: "this kernel does not tell about descriptors in flight (scm_fds in fdinfo)"}
	}
	line, _, _ := strings.Cut(after, "\n")
	inflight, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return object{}, fmt.Errorf("scm_fds: %w", err)
	}
	p, err := startPair(m, fds, part{})
	if err != nil {
		return object{}, err
	}
	n, err := queued(fds[1])
	return object{"unix:" + inos[1], tree{
		"ino": inos[1], "holders": []tree{p[1].fd(firstFD, "")}, "peers": []tree{{"id": "unix:" + inos[0]}},
		"detail": tree{"type": "stream", "state": "established", "recv_queue": n, "inflight_fds": inflight},
	}}, err
}

func makeUnixShutdown(m *maker) (object, error) {
	fds, inos, err := socketpair(m, unix.SOCK_STREAM)
	if err != nil {
		return object{}, err
	}
	p, err := startPair(m, fds, part{})
	if err != nil {
		return object{}, err
	}
	return object{"unix:" + inos[0], tree{
		"ino": inos[0], "holders": []tree{p[0].fd(firstFD, "")}, "peers": []tree{{"id": "unix:" + inos[1]}},
		"detail": tree{"type": "stream", "state": "established", "shutdown": "w"},
	}}, nil
}

// unixShutdownRole shuts down sending on its socket.
func unixShutdownRole(r *role) error {
	if err := unix.Shutdown(firstFD, unix.SHUT_WR); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	return r.readyAndHold(nil)
}
