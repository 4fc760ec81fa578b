package testfixtures

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func fdInFlightFixtures() []Fixture {
	return []Fixture{{
		Name:  "fd-in-flight",
		short: "infl",
		Makes: "a pipe whose only write end is in the queue of a socket that nobody reads, and its reader",
		explain: explanation{
			picture: "{3} → pipe, whose write end is in the queue of {2}",
			calls: []string{
				"ipctop: sendmsg(2) with SCM_RIGHTS and the write end, to {2}",
				"{2}: does not receive it",
				"{3}: read(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "scm_fds: 1"},
				{"/proc/{3}/syscall", "0x3"},
			},
		},
		Needs: "Linux 5.17",
		make:  func(m *maker) (object, error) { return makeParked(m, "rcv") },
		roles: map[string]func(*role) error{"snd": holdRole, "rcv": holdRole, "rd": readForGoodRole},
	}, {
		Name:  "fd-in-flight:control",
		short: "infl-i",
		Makes: "a pipe whose write end was received",
		explain: explanation{
			picture: "{2} (idle) → pipe → {3}",
			calls: []string{
				"{2}: recvmsg(2) of the write end",
				"{3}: read(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{3}/syscall", "0x3"},
			},
			next: []string{"ipctop why {3}"},
		},
		make:  func(m *maker) (object, error) { return makeParked(m, "take") },
		roles: map[string]func(*role) error{"snd": holdRole, "take": receiveFDRole, "rd": readForGoodRole},
	}, {
		Name:  "fd-in-flight:lock",
		short: "infl-l",
		Makes: "a lock whose only descriptor is in the queue of a socket that nobody reads, and a process that waits for it",
		explain: explanation{
			picture: "{4} → lock, whose descriptor is in the queue of {2}",
			calls: []string{
				"{1}: flock(4, LOCK_EX) = 0, sendmsg(2) with SCM_RIGHTS, close(4)",
				"{2}: does not receive it",
				"{4}: flock(3, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "scm_fds: 1"},
				{"/proc/{4}/syscall", "0x3"},
			},
		},
		Needs: "Linux 5.17",
		make:  func(m *maker) (object, error) { return makeParkedLock(m, "rcv") },
		roles: map[string]func(*role) error{"lock": sendLockRole, "rcv": holdRole, "h": helperRole},
	}, {
		Name:  "fd-in-flight:control-lock",
		short: "infl-li",
		Makes: "a lock whose descriptor was received",
		explain: explanation{
			picture: "{4} → lock of {2}",
			calls: []string{
				"{2}: recvmsg(2) of the descriptor that has the lock",
				"{4}: flock(3, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{4}/syscall", "0x3"},
			},
			next: []string{"ipctop why {4}"},
		},
		make:  func(m *maker) (object, error) { return makeParkedLock(m, "take") },
		roles: map[string]func(*role) error{"lock": sendLockRole, "take": receiveFDRole, "h": helperRole},
	}}
}

// makeParked sends the write end of a pipe to a process with the given role.
func makeParked(m *maker, receiver string) (object, error) {
	fds, inos, err := socketpair(m, unix.SOCK_STREAM)
	if err != nil {
		return object{}, err
	}
	var cargo [2]int
	if err := unix.Pipe2(cargo[:], unix.O_CLOEXEC); err != nil {
		return object{}, fmt.Errorf("pipe: %w", err)
	}
	m.own(cargo[:]...)
	if err := unix.Sendmsg(fds[0], []byte("here"), unix.UnixRights(cargo[1]), nil, 0); err != nil {
		return object{}, fmt.Errorf("sendmsg SCM_RIGHTS: %w", err)
	}
	if _, err := m.start("snd", nil, part{fds: fds[:1]}); err != nil {
		return object{}, err
	}
	rcv, err := m.start(receiver, nil, part{fds: fds[1:]})
	if err != nil {
		return object{}, err
	}
	rd, err := m.start("rd", nil, part{fds: cargo[:1]})
	if err != nil {
		return object{}, err
	}
	ino, err := inode(cargo[0])
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{
		Root: rcv.pid, Victims: []int{rd.pid}, Objects: []string{"unix:" + inos[1], "pipe:" + ino}, Severity: "warning", Confidence: "possible",
	})
	return aboutObject("unix:" + inos[1]), m.blocked(rd)
}

// receiveFDRole receives a descriptor and keeps it.
func receiveFDRole(r *role) error {
	var text, control [64]byte
	if _, _, _, _, err := unix.Recvmsg(firstFD, text[:], control[:], unix.MSG_CMSG_CLOEXEC); err != nil {
		return os.NewSyscallError("recvmsg", err)
	}
	return r.readyAndHold(nil)
}

// makeParkedLock makes a process that locks a file and sends the descriptor to a process
// with the given role.
func makeParkedLock(m *maker, receiver string) (object, error) {
	fds, inos, err := socketpair(m, unix.SOCK_STREAM)
	if err != nil {
		return object{}, err
	}
	files, id, err := m.lockFile(strings.ReplaceAll(m.fixture.Name, ":", "-"), 2)
	if err != nil {
		return object{}, err
	}
	if _, err := m.start("lock", nil, part{fds: []int{fds[0], files[0]}}); err != nil {
		return object{}, err
	}
	rcv, err := m.start(receiver, nil, part{fds: fds[1:]})
	if err != nil {
		return object{}, err
	}
	pids, err := m.helperProcesses(files[1:], "wants 3: flock 3")
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: rcv.pid, Victims: pids, Objects: []string{"unix:" + inos[1], id}, Severity: "warning", Confidence: "possible"})
	return aboutObject("unix:" + inos[1]), nil
}

// sendLockRole locks a file, sends its descriptor and closes its own copies.
func sendLockRole(r *role) error {
	if err := unix.Flock(firstFD+1, unix.LOCK_EX); err != nil {
		return os.NewSyscallError("flock", err)
	}
	if err := unix.Sendmsg(firstFD, []byte("here"), unix.UnixRights(firstFD+1), nil, 0); err != nil {
		return fmt.Errorf("sendmsg SCM_RIGHTS: %w", err)
	}
	_ = unix.Close(firstFD + 1)
	return r.readyAndHold(nil)
}
