package testfixtures

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func inheritedListenerFixtures() []Fixture {
	roles := func(inheritor func(*role) error) map[string]func(*role) error {
		return map[string]func(*role) error{"top": subreaperRole, "srv": listenAndEndRole, "child": inheritor}
	}
	return []Fixture{{
		Name:  "inherited-listener",
		short: "lsn",
		Makes: "a child that inherited a listening socket from a server that has ended, and does not accept",
		explain: explanation{
			picture: "clients → listener → {2} (does not accept)",
			calls: []string{
				"a server: listen(2), fork(2) of {2}, exit(2)",
				"{2}: has the listener, descriptor 3: the address stays in use",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/tcp", "{id}"},
				{"/proc/{2}/status", "PPid: {1}"},
			},
		},
		make:  makeInherited,
		roles: roles(keepListenerRole),
	}, {
		Name:  "inherited-listener:control",
		short: "lsn-i",
		Makes: "an inherited listening socket whose holder accepts",
		explain: explanation{
			picture: "clients → listener → {2}",
			calls: []string{
				"{2}: accept(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeInherited,
		roles: roles(acceptListenerRole),
	}, {
		Name:  "inherited-listener:session",
		short: "lsn-s",
		Makes: "a child in the session of the process that started the server and still runs",
		explain: explanation{
			picture: "clients → listener → {2} (does not accept)",
			calls: []string{
				"a server: listen(2), fork(2) of {2}, exit(2); the leader of its session lives",
				"{2}: has the listener, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/tcp", "{id}"},
			},
		},
		make:  makeInherited,
		roles: session(sessionLeaderRole, listenAndEndRole),
	}, {
		Name:  "inherited-listener:control-session",
		short: "lsn-si",
		Makes: "a child whose server still runs and does something else",
		explain: explanation{
			picture: "clients → listener → its server, which lives, and {2}",
			calls: []string{
				"{2}: has the listener, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/tcp", "{id}"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeShared,
		roles: session(serverParentRole, listenAndHoldRole),
	}}
}

// session are the roles of a server that was started by a session leader.
func session(leader, server func(*role) error) map[string]func(*role) error {
	return map[string]func(*role) error{"top": leaderParentRole, "lead": leader, "srv": server, "child": keepListenerRole}
}

// inheritorReport is what the inheritor of a listener reports.
type inheritorReport struct {
	PID int
	Ino string
}

func makeInherited(m *maker) (object, error) {
	var h inheritorReport
	top, err := m.start("top", &h, part{})
	if err != nil {
		return object{}, err
	}
	m.children = []int{h.PID}
	if err := m.until("its server has ended", func() (bool, error) { return parentOf(h.PID) == top.pid, nil }); err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: h.PID, Objects: []string{"tcp:" + h.Ino}, Severity: "warning"})
	return aboutObject("tcp:" + h.Ino), m.blocked(&process{pid: h.PID})
}

// makeShared makes a server and a child that both keep a listening socket.
func makeShared(m *maker) (object, error) {
	var h inheritorReport
	if _, err := m.start("top", &h, part{}); err != nil {
		return object{}, err
	}
	m.children = []int{h.PID}
	return aboutObject("tcp:" + h.Ino), m.blocked(&process{pid: h.PID})
}

// parentOf reads the parent of a process from its status file; 0 if the process is gone.
func parentOf(pid int) int {
	n, _ := strconv.Atoi(statusOf(pid, "PPid"))
	return n
}

// statusOf is a field of a process's status file; "" if the process is gone.
func statusOf(pid int, field string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(text), "\n"+field+":\t")
	line, _, _ := strings.Cut(after, "\n")
	return line
}

// subreaperRole starts a server in a process group of its own and waits for its end. It
// becomes the parent of the server's child, which reports that all is ready.
func subreaperRole(r *role) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_CHILD_SUBREAPER", err)
	}
	server, err := r.child("srv", &syscall.SysProcAttr{Setpgid: true})
	if err != nil {
		return err
	}
	collect(server)
	r.children = []int{-1} // the child that the server has left
	r.hold()
	return nil
}

// leaderParentRole starts a child that leads a session, and becomes the parent of the processes
// that the leader's children leave behind.
func leaderParentRole(r *role) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_CHILD_SUBREAPER", err)
	}
	if _, err := r.child("lead", &syscall.SysProcAttr{Setsid: true}); err != nil {
		return err
	}
	r.children = append(r.children, -1)
	r.hold()
	return nil
}

// sessionLeaderRole starts a server that ends, and goes on itself.
func sessionLeaderRole(r *role) error {
	server, err := r.child("srv", nil)
	if err != nil {
		return err
	}
	collect(server)
	r.children = nil
	r.hold()
	return nil
}

// serverParentRole starts a server that goes on.
func serverParentRole(r *role) error {
	if _, err := r.child("srv", nil); err != nil {
		return err
	}
	r.hold()
	return nil
}

// listenAndHoldRole listens, passes its socket to a child, and never accepts.
func listenAndHoldRole(r *role) error {
	fd, err := tcpListen("127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := r.child("child", nil, fd); err != nil {
		return err
	}
	r.hold()
	return nil
}

// listenAndEndRole listens, leaves its socket to a child, and ends.
func listenAndEndRole(r *role) error {
	fd, err := tcpListen("127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := r.child("child", nil, fd); err != nil {
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
	return r.readyAndHold(inheritorReport{os.Getpid(), ino})
}

func acceptListenerRole(r *role) error {
	ino, err := inode(firstFD)
	if err != nil {
		return err
	}
	if err := r.ready(inheritorReport{os.Getpid(), ino}); err != nil {
		return err
	}
	go r.hold()
	_, _, err = unix.Accept4(firstFD, unix.SOCK_CLOEXEC)
	return fmt.Errorf("the wait is over: %w", err)
}
