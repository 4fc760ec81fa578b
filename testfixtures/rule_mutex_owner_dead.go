package testfixtures

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func mutexOwnerDeadFixtures() []Fixture {
	mutex := func(m *maker, owner int) (pids []int, id string, err error) {
		fd, id, err := m.words(futexAt, 2, 0, uint32(owner), 1, mutexShared)
		if err == nil {
			pids, err = m.helperProcesses([]int{fd}, fmt.Sprintf("wants 3: futex 3 %d %d 2", futexAt, futexWait))
		}
		return pids, id, err
	}
	list := pair("mutex-owner-dead", "mdead", "a process that waits for a mutex whose owner has ended", "a process that waits for a mutex whose owner lives",
		func(m *maker) (object, error) {
			gone, err := m.ended("gone", nil, part{})
			if err != nil {
				return object{}, err
			}
			pids, id, err := mutex(m, gone)
			m.expectFinding(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "critical", Confidence: "certain"})
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			fd, id, err := m.words(futexAt, 2, 0, 0, 1, mutexShared)
			if err != nil {
				return object{}, err
			}
			// The mutex names its owner, which must have the memory mapped.
			owner, err := m.start("own", nil, part{fds: []int{fd}})
			if err != nil {
				return object{}, err
			}
			var b [4]byte
			binary.NativeEndian.PutUint32(b[:], uint32(owner.pid))
			if _, err := unix.Pwrite(fd, b[:], futexAt+mutexOwner); err != nil {
				return object{}, err
			}
			_, err = m.helperProcesses([]int{fd}, fmt.Sprintf("wants 3: futex 3 %d %d 2", futexAt, futexWait))
			return aboutObject(id), err
		}, explanation{
			picture: "{2} → mutex of a process that has ended",
			calls: []string{
				"ipctop: writes the words of a mutex that a process had which has ended",
				"{2}: futex(…, FUTEX_WAIT, 2) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{2}/syscall", ""},
			},
		}, explanation{
			picture: "{3} → mutex of {1}",
			calls: []string{
				"{1}: owns the mutex, and lives",
				"{3}: futex(…, FUTEX_WAIT, 2) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{3}/syscall", ""},
			},
			next: []string{"ipctop why {3}"},
		})
	list = append(list, Fixture{
		Name: "mutex-owner-dead:forked", short: "mfork", Makes: "a process that was forked while another thread held a mutex, and waits for that mutex",
		explain: explanation{
			picture: "{2} → copy of a mutex whose owner is no thread of it",
			calls: []string{
				"{1}: fork(2) with the words of a mutex that a thread of {1} has",
				"{2}: futex(…, FUTEX_WAIT_PRIVATE, 2) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/syscall", ""},
				{"/proc/{2}/status", "PPid: {1}"},
			},
		},
		roles: helperRoles(),
		make: func(m *maker) (object, error) {
			pids, err := m.helperProcesses(nil, "forked -: catch 15; forked")
			if err != nil {
				return object{}, err
			}
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pids[0]))
			var number, address uint64
			if err == nil {
				_, err = fmt.Sscanf(string(line), "%d 0x%x", &number, &address)
			}
			if err != nil {
				return object{}, fmt.Errorf("where it waits: %w", err)
			}
			id := fmt.Sprintf("futex:%d:0x%x", pids[0], address)
			m.expectFinding(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "critical", Confidence: "certain"})
			return aboutObject(id), nil
		},
	})
	list[0].roles["gone"] = ending(holdRole)
	list[1].roles["own"] = func(r *role) error {
		if _, err := unix.Mmap(firstFD, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return err
		}
		return r.readyAndHold(nil)
	}
	return list
}
