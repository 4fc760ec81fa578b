package testfixtures

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

func selfWaitFixtures() []Fixture {
	list := pair("self-wait", "self", "a process that reads from a pipe and is the only holder of the write end",
		"a process that reads from a pipe whose other end another one has", func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses(fds[:], "self 3,4: read 3")
			if err == nil {
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids, Objects: []string{id}, Severity: "critical"})
			}
			return aboutObject(id), err
		}, makeReader, explanation{
			picture: "{2} → pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return; it alone has the write end, descriptor 4",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/fd/4", "pipe:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
		}, explanation{
			picture: "{3} (idle) → pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
				"{3}: has the write end, descriptor 4",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
			},
			next: []string{"ipctop why {2}"},
		})
	return append(list, Fixture{
		Name: "self-wait:mutex", short: "self-m", Makes: "a process that waits for a mutex that it holds itself",
		explain: explanation{
			picture: "{2} → mutex of {2}",
			calls: []string{
				"ipctop: writes the words of a mutex that {2} has locked",
				"{2}: futex(…, FUTEX_WAIT, 2), as pthread_mutex_lock(3) does, and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{2}/syscall", ""},
			},
		},
		roles: helperRoles(),
		make: func(m *maker) (object, error) {
			fd, id, err := m.words(futexAt, 2, 0, 0, 1, mutexShared)
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses([]int{fd}, fmt.Sprintf("again 3: catch 10; futex 3 %d %d 2", futexAt, futexWait))
			if err != nil {
				return object{}, err
			}
			var b [4]byte
			binary.NativeEndian.PutUint32(b[:], uint32(pids[0]))
			if _, err := unix.Pwrite(fd, b[:], futexAt+mutexOwner); err != nil {
				return object{}, err
			}
			m.expectFinding(Diagnosis{Root: pids[0], Victims: pids, Objects: []string{id}, Severity: "critical"})
			return aboutObject(id), nil
		},
	}, Fixture{
		Name: "self-wait:control-signal", short: "self-s", Makes: "a process that reads from its own pipe, to which its signal handler may write",
		explain: explanation{
			picture: "{2} → pipe → {2}, and a handler may write",
			calls: []string{
				"{2}: rt_sigaction(SIGUSR1), read(3) and does not return; it has the write end, descriptor 4",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/fd/4", "pipe:[{id}]"},
			},
			next: []string{"ipctop why {2}"},
		},
		roles: helperRoles(),
		make: func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			_, err = m.helperProcesses(fds[:], "self 3,4: catch 10; read 3")
			return aboutObject(id), err
		},
	})
}
