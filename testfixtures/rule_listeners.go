package testfixtures

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func backlogFullFixtures() []Fixture {
	roles := map[string]func(*role) error{"srv": unixListenRole, "in": unixConnectManyRole, "out": unixConnectManyRole}
	return []Fixture{{
		Name:  "backlog-full",
		short: "blog",
		Makes: "a listener that does not accept and takes no more connections, and a client blocked in connect",
		make:  func(m *maker) (object, error) { return makeBacklog(m, listenBacklog+1, true) },
		roles: roles,
	}, {
		Name:  "backlog-full:innocent",
		short: "blog-i",
		Makes: "one with room for more",
		make:  func(m *maker) (object, error) { return makeBacklog(m, listenBacklog-1, false) },
		roles: roles,
	}}
}

func makeBacklog(m *maker, pending int, full bool) (object, error) {
	name := "@" + abstractName(m) + "/" + m.fixture.Name
	var s unixSocket
	server, err := m.start("srv", &s, part{args: []string{name}})
	if err != nil {
		return object{}, err
	}
	if _, err := m.start("in", nil, part{args: []string{name, strconv.Itoa(pending)}}); err != nil {
		return object{}, err
	}
	id := "unix:" + s.Ino
	if !full {
		return aboutObject(id), nil
	}
	late, err := m.start("out", nil, part{args: []string{name, "0"}})
	if err != nil {
		return object{}, err
	}
	m.finds(Diagnosis{Root: server.pid, Victims: []int{late.pid}, Objects: []string{id}, Confidence: "certain"})
	return aboutObject(id), m.blocked(late)
}

// unixConnectManyRole makes as many connections as its argument says; with 0 it
// says that it is ready and waits for one that is never taken.
func unixConnectManyRole(r *role) error {
	n, err := strconv.Atoi(r.args[1])
	if err != nil {
		return err
	}
	if n == 0 {
		if err := r.ready(nil); err != nil {
			return err
		}
		go r.hold()
		n = 1
	}
	for range n {
		fd, err := unixStream()
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: r.args[0]}); err != nil {
			return fmt.Errorf("connect to %s: %w", r.args[0], err)
		}
	}
	return r.readyAndHold(nil)
}

func inheritedListenerFixtures() []Fixture {
	roles := func(heir func(*role) error) map[string]func(*role) error {
		return map[string]func(*role) error{"top": guardianRole, "srv": testatorRole, "heir": heir}
	}
	return []Fixture{{
		Name:  "inherited-listener",
		short: "heir",
		Makes: "a child that inherited a listening socket from a server that has ended, and does not accept",
		make:  makeInherited,
		roles: roles(keepListenerRole),
	}, {
		Name:  "inherited-listener:innocent",
		short: "heir-i",
		Makes: "one that accepts",
		make:  makeInherited,
		roles: roles(acceptListenerRole),
	}}
}

// heirReport is what the heir of a listener tells.
type heirReport struct {
	PID int
	Ino string
}

func makeInherited(m *maker) (object, error) {
	var h heirReport
	top, err := m.start("top", &h, part{})
	if err != nil {
		return object{}, err
	}
	m.children = []int{h.PID}
	if err := m.until("its server has ended", func() (bool, error) { return parentOf(h.PID) == top.pid, nil }); err != nil {
		return object{}, err
	}
	m.finds(Diagnosis{Root: h.PID, Objects: []string{"tcp:" + h.Ino}, Severity: "warning"})
	return aboutObject("tcp:" + h.Ino), m.blocked(&process{pid: h.PID})
}

// parentOf reads a process's parent from its status file; 0 if it is gone.
func parentOf(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(text), "\nPPid:\t")
	line, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.Atoi(line)
	return n
}

// guardianRole starts a server in a group of its own, outlives it, and becomes the
// parent of the server's child, which says that all is ready.
func guardianRole(r *role) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_CHILD_SUBREAPER", err)
	}
	server, err := r.child("srv", &syscall.SysProcAttr{Setpgid: true})
	if err != nil {
		return err
	}
	collect(server)
	r.children = []int{-1} // the one it has left
	r.hold()
	return nil
}

// testatorRole listens, leaves its socket to a child, and ends.
func testatorRole(r *role) error {
	fd, err := tcpListen("127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := r.child("heir", nil, fd); err != nil {
		return err
	}
	unix.Exit(0)
	return nil
}

func keepListenerRole(r *role) error {
	ino, err := inode(firstFD)
	if err != nil {
		return err
	}
	return r.readyAndHold(heirReport{os.Getpid(), ino})
}

func acceptListenerRole(r *role) error {
	ino, err := inode(firstFD)
	if err != nil {
		return err
	}
	if err := r.ready(heirReport{os.Getpid(), ino}); err != nil {
		return err
	}
	go r.hold()
	_, _, err = unix.Accept4(firstFD, unix.SOCK_CLOEXEC)
	return fmt.Errorf("the wait is over: %w", err)
}

func closeWaitFixtures() []Fixture {
	roles := map[string]func(*role) error{"srv": acceptManyRole, "cli": connectManyRole}
	return []Fixture{{
		Name:  "close-wait",
		short: "clw",
		Makes: "a server with 12 connections that its client has closed and it has not",
		make:  func(m *maker) (object, error) { return makeCloseWait(m, "close") },
		roles: roles,
	}, {
		Name:  "close-wait:innocent",
		short: "clw-i",
		Makes: "one with 12 connections that are open at both ends",
		make:  func(m *maker) (object, error) { return makeCloseWait(m, "keep") },
		roles: roles,
	}}
}

const manyConnections = 12

func makeCloseWait(m *maker, client string) (object, error) {
	server, err := m.spawn("srv", part{args: []string{client}})
	if err != nil {
		return object{}, err
	}
	var listening inetSocket
	if err := server.receive(&listening); err != nil {
		return object{}, err
	}
	if _, err := m.start("cli", nil, part{args: []string{listening.Local, client}}); err != nil {
		return object{}, err
	}
	var objects []string
	if err := server.await(&objects); err != nil {
		return object{}, err
	}
	m.looks = objects
	m.finds(Diagnosis{Root: server.pid, Objects: objects, Severity: "warning"})
	return aboutObject(objects[0]), m.blocked(server)
}

// acceptManyRole accepts connections, keeps them, and waits until the client has
// closed them, if it is to.
func acceptManyRole(r *role) error {
	listener, err := tcpListen("127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := describeInet(listener)
	if err != nil {
		return err
	}
	if err := r.tell(s); err != nil {
		return err
	}
	var objects []string
	for range manyConnections {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return os.NewSyscallError("accept", err)
		}
		ino, err := inode(fd)
		if err != nil {
			return err
		}
		objects = append(objects, "tcp:"+ino)
		if r.args[0] != "close" {
			continue
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}, int(readyWithin.Milliseconds())); err != nil && err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
	}
	if err := unix.Close(listener); err != nil {
		return err
	}
	return r.readyAndHold(objects)
}

// connectManyRole makes connections and closes them, if it is to.
func connectManyRole(r *role) error {
	sa, family, err := sockaddr(r.args[0])
	if err != nil {
		return err
	}
	for range manyConnections {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := unix.Connect(fd, sa); err != nil {
			return fmt.Errorf("connect to %s: %w", r.args[0], err)
		}
		if r.args[1] == "close" {
			_ = unix.Close(fd)
		}
	}
	return r.readyAndHold(nil)
}
