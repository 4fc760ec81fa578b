package testfixtures

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func mqFixtures() []Fixture {
	return []Fixture{{
		Name:  "posix-mq",
		short: "mq",
		Makes: "a message queue with 2 messages of 300 bytes, and a process registered for a signal",
		explain: explanation{
			picture: "{1} → queue (2 messages) → signal to {2}",
			calls: []string{
				"{1}: mq_send(3, …) of 100 and 200 bytes",
				"{2}: mq_notify(3, SIGRTMIN+2)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "/ipctop-fixture-"},
				{"/proc/{2}/fd/3", "/ipctop-fixture-"},
			},
		},
		make:  makeMq,
		roles: map[string]func(*role) error{"snd": mqSendRole, "ntf": mqNotifyRole},
	}, {
		Name:  "posix-mq:empty",
		short: "mq-empty",
		Makes: "an empty message queue with a receiver that waits for a message",
		explain: explanation{
			picture: "empty queue → {1} waits",
			calls: []string{
				"{1}: mq_receive(3, …) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "/ipctop-fixture-"},
				{"/proc/{1}/syscall", ""},
			},
			next: []string{"ipctop why {1}", "ipctop show {object}"},
		},
		make:  makeMqEmpty,
		roles: map[string]func(*role) error{"rcv": mqReceiveRole},
	}, {
		Name:  "posix-mq:deleted",
		short: "mq-del",
		Makes: "a message queue that is open although its name was removed",
		explain: explanation{
			picture: "{1} ⇄ queue without a name",
			calls: []string{
				"ipctop: mq_open(3), mq_unlink(3)",
				"{1}: has it open, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "(deleted)"},
			},
		},
		make:  makeMqDeleted,
		roles: map[string]func(*role) error{"h": holdRole},
	}, {
		Name:  "posix-mq:namespace",
		short: "mq-ns",
		Makes: "a message queue in another IPC namespace",
		explain: explanation{
			picture: "{1} ⇄ a queue in an IPC namespace of its own",
			calls: []string{
				"ipctop: clone(CLONE_NEWNET | CLONE_NEWIPC)",
				"{1}: mq_open(3), mq_send(3)",
			},
			proc: []procFile{
				{"/proc/{1}/ns/ipc", "ipc:["},
				{"/proc/{1}/fd/3", "/ipctop-fixture-"},
			},
		},
		Needs: needsNamespaces,
		make:  makeMqNamespace,
		roles: map[string]func(*role) error{"h": mqNamespaceRole},
	}}
}

// mqPrefix begins the names of the queues of all runs.
const mqPrefix = "ipctop-fixture-"

// The limits of the queues, and the signal of their notification.
const (
	mqMessages    = 4
	mqMessageSize = 512
	mqSignal      = unix.Signal(36) // SIGRTMIN+2
)

// newMq makes a queue. Its name, which contains a random token, is in the manifest before
// the queue exists.
func (m *maker) newMq() (name string, fd int, err error) { return m.newMqOf(mqMessages, mqMessageSize) }

// newMqOf makes a queue for a number of messages of a size.
func (m *maker) newMqOf(messages, size int) (name string, fd int, err error) {
	name = fmt.Sprintf("%s%d-%016x", mqPrefix, os.Geteuid(), rand.Uint64())
	if err := m.run.manifest.noteMq(name); err != nil {
		return "", -1, err
	}
	fd, err = mqMake(name, messages, size)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EMFILE):
		return "", -1, &Unavailable{Reason: "the limit on POSIX message queues is reached", Err: err}
	case err != nil:
		return "", -1, needing("POSIX message queues", err)
	}
	m.own(fd)
	return name, fd, nil
}

// describeMq is a queue in the form that a dump has, from its descriptor.
func describeMq(fd int, name string) (object, error) {
	st, err := mqStat(fd)
	if err != nil {
		return object{}, err
	}
	attr, err := mqGetAttr(fd)
	if err != nil {
		return object{}, err
	}
	dev := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	expect := tree{
		"name": "/" + name, "dev": dev, "ino": fmt.Sprint(st.Ino), "uid": st.Uid, "gid": st.Gid, "mode": fmt.Sprintf("%04o", st.Mode&0o7777),
	}
	if stateSeen() {
		expect["fill"] = float64(attr.Messages) / float64(attr.MaxMessages)
		expect["detail"] = tree{"messages": attr.Messages, "max_messages": attr.MaxMessages, "message_size": attr.MessageSize}
	}
	return object{fmt.Sprintf("posix-mq:%s:%d", dev, st.Ino), expect}, nil
}

// stateSeen reports whether a scan can see what a queue contains, not only who has it open.
// That needs an mqueue file system: one that is mounted already, or CAP_SYS_ADMIN to mount one.
func stateSeen() bool {
	if fd, err := unix.Fsopen("mqueue", unix.FSOPEN_CLOEXEC); err == nil {
		_ = unix.Close(fd)
		return true
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	return err == nil && strings.Contains(string(mounts), " mqueue ")
}

func makeMq(m *maker) (object, error) {
	name, fd, err := m.newMq()
	if err != nil {
		return object{}, err
	}
	var holders []tree
	for _, role := range []string{"snd", "ntf"} {
		p, err := m.start(role, nil, part{fds: []int{fd}})
		if err != nil {
			return object{}, err
		}
		holders = append(holders, p.fd(firstFD, "rw"))
	}
	o, err := describeMq(fd, name)
	if err != nil {
		return object{}, err
	}
	o.expect["holders"] = holders
	if !stateSeen() {
		return o, nil
	}
	registered := m.processes[1]
	o.expect["holders"] = append(holders, tree{"pid": registered.pid, "comm": registered.comm, "via": "notify"})
	detail := o.expect["detail"].(tree)
	detail["bytes"] = 300
	detail["notify"] = tree{"pid": registered.pid, "method": "signal", "signal": "SIGRTMIN+2"}
	return o, nil
}

func makeMqEmpty(m *maker) (object, error) {
	name, fd, err := m.newMq()
	if err != nil {
		return object{}, err
	}
	p, err := m.start("rcv", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	// The holder reports that it is ready before it waits, as it cannot do so afterwards.
	if err := m.until("the receiver waits", func() (bool, error) { return inReceive(p.pid) }); err != nil {
		return object{}, err
	}
	o, err := describeMq(fd, name)
	if err != nil {
		return object{}, err
	}
	o.expect["holders"] = []tree{p.fd(firstFD, "rw")}
	return o, nil
}

func makeMqDeleted(m *maker) (object, error) {
	name, fd, err := m.newMq()
	if err != nil {
		return object{}, err
	}
	p, err := m.start("h", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	o, err := describeMq(fd, name)
	if err != nil {
		return object{}, err
	}
	if err := mqUnlink(name); err != nil {
		return object{}, err
	}
	o.expect["deleted"] = true
	o.expect["holders"] = []tree{p.fd(firstFD, "rw")}
	return o, nil
}

// mqInNamespace is what a holder in a namespace of its own reports about its queue.
type mqInNamespace struct {
	ID        string `json:"id"`
	Expect    tree   `json:"expect"`
	FD        int    `json:"fd"`
	Namespace uint64 `json:"namespace"`
}

func makeMqNamespace(m *maker) (object, error) {
	var q mqInNamespace
	p, err := m.start("h", &q, part{namespaces: unix.CLONE_NEWNET | unix.CLONE_NEWIPC})
	if err != nil {
		return object{}, err
	}
	q.Expect["namespace"] = tree{"type": "ipc", "inode": q.Namespace}
	q.Expect["holders"] = []tree{p.fd(q.FD, "rw")}
	// The id needs no namespace: the device of the queue's file system identifies it.
	return object{q.ID, q.Expect}, nil
}

// mqNamespaceRole makes a queue in its own IPC namespace. Both end with the process.
func mqNamespaceRole(r *role) error {
	const name = mqPrefix + "inner"
	fd, err := mqMake(name, mqMessages, mqMessageSize)
	if err != nil {
		return needing("POSIX message queues", err)
	}
	if err := mqSend(fd, 10); err != nil {
		return err
	}
	o, err := describeMq(fd, name)
	if err != nil {
		return err
	}
	ns, err := namespaceInode("ipc")
	if err != nil {
		return err
	}
	return r.readyAndHold(mqInNamespace{o.id, o.expect, fd, ns})
}

func mqSendRole(r *role) error {
	for _, size := range []int{100, 200} {
		if err := mqSend(firstFD, size); err != nil {
			return err
		}
	}
	return r.readyAndHold(nil)
}

func mqNotifyRole(r *role) error {
	if err := mqNotify(firstFD, mqSignal); err != nil {
		return err
	}
	return r.readyAndHold(nil)
}

// mqReceiveRole waits for a message that never comes.
func mqReceiveRole(r *role) error {
	if err := r.ready(nil); err != nil {
		return err
	}
	go r.hold()
	_, err := mqReceive(firstFD, mqMessageSize)
	return fmt.Errorf("the wait is over: %w", err)
}

// inReceive reports whether a process is in mq_receive(3), by the number of the system call
// that its main thread is in.
func inReceive(pid int) (bool, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
		return true, nil // the number is not shown here: do not wait for it
	}
	call, _, _ := strings.Cut(string(text), " ")
	return call == strconv.Itoa(unix.SYS_MQ_TIMEDRECEIVE), err
}
