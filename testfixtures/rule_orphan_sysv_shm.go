package testfixtures

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func orphanSysvShmFixtures() []Fixture {
	return []Fixture{{
		Name:  "orphan-sysv-shm",
		short: "oshm",
		Makes: "a System V segment whose creator has ended; nobody has it attached",
		explain: explanation{
			picture: "segment {id}: nobody",
			calls: []string{
				"a process: shmget(…, 12288, IPC_CREAT), exit(2)",
			},
			proc: []procFile{
				{"/proc/sysvipc/shm", "{id}"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make:  makeOrphanShm,
		roles: map[string]func(*role) error{"mk": ending(shmCreateRole)},
	}, {
		Name:  "orphan-sysv-shm:control",
		short: "oshm-i",
		Makes: "a segment that nobody has attached and whose creator still runs",
		explain: explanation{
			picture: "{1} made segment {id}, and lives",
			calls: []string{
				"{1}: shmget(…, 12288, IPC_CREAT); no shmat(2)",
			},
			proc: []procFile{
				{"/proc/sysvipc/shm", "{id}"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeOwnedShm,
		roles: map[string]func(*role) error{"mk": shmCreateRole},
	}, {
		Name:  "orphan-sysv-shm:control-attached",
		short: "oshm-a",
		Makes: "a segment whose creator has ended and which another process has attached",
		explain: explanation{
			picture: "{1} ⇄ segment {id}",
			calls: []string{
				"a process: shmget(…, 12288, IPC_CREAT), exit(2)",
				"{1}: shmat({id})",
			},
			proc: []procFile{
				{"/proc/sysvipc/shm", "{id}"},
				{"/proc/{1}/maps", "/SYSV"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  makeInheritedShm,
		roles: map[string]func(*role) error{"mk": ending(shmCreateRole), "rw": shmRole},
	}}
}

// createShm lets a holder make a segment, so that the holder is its creator.
func createShm(m *maker) (p *process, id int, err error) {
	key := int32('i'<<24 | rand.Uint32N(1<<24))
	if _, err := sysvFind(sysvShm, key); !errors.Is(err, unix.ENOENT) {
		return nil, 0, needing("System V IPC", err)
	}
	var start [2]int
	if err := unix.Pipe2(start[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, os.NewSyscallError("pipe2", err)
	}
	m.own(start[0])
	if p, err = m.spawn("mk", part{fds: start[:1], args: []string{strconv.Itoa(int(key))}}); err != nil {
		_ = unix.Close(start[1])
		return nil, 0, err
	}
	r := sysvRecord{Type: sysvShm, Key: key, ID: -1, UID: uint32(os.Geteuid()), CPID: int32(p.pid), Changed: now()}
	err = m.run.manifest.noteSysV(r)
	_ = unix.Close(start[1]) // let the holder make it
	if err == nil {
		err = p.await(&id)
	}
	if err == nil {
		r.ID = id
		err = m.run.manifest.noteSysV(r)
	}
	return p, id, err
}

// shmCreateRole makes a segment with the key in its argument, once the key is recorded.
func shmCreateRole(r *role) error {
	key, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	var b [1]byte
	for {
		if _, err := unix.Read(firstFD, b[:]); err != unix.EINTR {
			break
		}
	}
	id, err := sysvGet(sysvShm, int32(key), shmBytes, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	if err != nil {
		return fmt.Errorf("key %#x: %w", key, err)
	}
	return r.readyAndHold(id)
}

func makeOrphanShm(m *maker) (object, error) {
	id, err := m.endedCreator()
	m.expectFinding(Diagnosis{Objects: []string{sysvShm.id(id)}, Severity: "info", Confidence: "likely"})
	return aboutObject(sysvShm.id(id)), err
}

// endedCreator makes a segment whose creator has ended.
func (m *maker) endedCreator() (int, error) {
	p, id, err := createShm(m)
	if err == nil {
		p.wait(time.Now().Add(readyWithin))
	}
	return id, err
}

func makeOwnedShm(m *maker) (object, error) {
	_, id, err := createShm(m)
	return aboutObject(sysvShm.id(id)), err
}

func makeInheritedShm(m *maker) (object, error) {
	id, err := m.endedCreator()
	if err != nil {
		return object{}, err
	}
	_, err = m.start("rw", nil, part{args: []string{strconv.Itoa(id), "rw"}})
	return aboutObject(sysvShm.id(id)), err
}
