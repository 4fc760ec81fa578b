package testfixtures

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Files on /dev/shm have random names, so that they cannot be confused with others, and are
// recorded in the manifest before they are made.
const (
	shmDir    = "/dev/shm/"
	shmPrefix = "ipctop-fixture-"
)

func posixShmFixtures() []Fixture {
	roles := map[string]func(*role) error{"map": mapRole, "fd": holdRole}
	return []Fixture{{
		Name:  "posix-shm",
		short: "pshm",
		Makes: "a shared memory object that one process maps and another has open",
		explain: explanation{
			picture: "{1} ⇄ {path} ⇄ {2}",
			calls: []string{
				"ipctop: open(\"{path}\", O_CREAT), which is what shm_open(3) does",
				"{1}: mmap(MAP_SHARED, 3)",
				"{2}: has it open, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "{path}"},
				{"/proc/{2}/fd/3", "{path}"},
			},
		},
		make:  func(m *maker) (object, error) { return makeShm(m, false) },
		roles: roles,
	}, {
		Name:  "posix-shm:deleted",
		short: "pshm-del",
		Makes: "a shared memory object that is in use although it was unlinked",
		explain: explanation{
			picture: "{1} ⇄ memory without a name ⇄ {2}",
			calls: []string{
				"{1}: mmap(MAP_SHARED, 3)",
				"ipctop: unlink(\"{path}\"), which is what shm_unlink(3) does",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "(deleted)"},
				{"/proc/{2}/fd/3", "(deleted)"},
			},
		},
		make:  func(m *maker) (object, error) { return makeShm(m, true) },
		roles: roles,
	}}
}

func posixSemFixtures() []Fixture {
	roles := map[string]func(*role) error{"map": mapOnlyRole}
	return []Fixture{{
		Name:  "posix-sem",
		short: "psem",
		Makes: "a named semaphore of value 3, with the layout of glibc",
		explain: explanation{
			picture: "{1} ⇄ semaphore (3)",
			calls: []string{
				"{1}: sem_open(3) as glibc does it: mmap(MAP_SHARED) of {path}",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "{path}"},
			},
		},
		make:  func(m *maker) (object, error) { return makeSem(m, "sem.", semWords(3, 0, 0x80), "glibc") },
		roles: roles,
	}, {
		Name:  "posix-sem:taken",
		short: "psem-tkn",
		Makes: "a semaphore of value 0 whose counter says that two threads wait",
		explain: explanation{
			picture: "{1} ⇄ semaphore (0, two counted as waiting)",
			calls: []string{
				"{1}: sem_open(3) as glibc does it: mmap(MAP_SHARED) of {path}",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "{path}"},
			},
		},
		make:  func(m *maker) (object, error) { return makeSem(m, "sem.", semWords(0, 2, 0x80), "glibc") },
		roles: roles,
	}, {
		Name:  "posix-sem:musl",
		short: "psem-msl",
		Makes: "a semaphore of value 4, with the layout and mapping of musl",
		explain: explanation{
			picture: "{1} ⇄ semaphore (4)",
			calls: []string{
				"{1}: sem_open(3) as musl does it: mmap(MAP_SHARED) of a temporary name, unlinked since",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/dev/shm/tmp-"},
			},
		},
		make:  func(m *maker) (object, error) { return makeSem(m, "", semWords(4, 0, 0), "musl") },
		roles: roles,
	}}
}

// semWords is a sem_t: value, waiters, flag, and zeros.
func semWords(value, waiters, flag uint32) []byte {
	b := make([]byte, 32)
	for i, w := range []uint32{value, waiters, flag} {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	return b
}

// makeShmFile makes a file on /dev/shm.
func makeShmFile(m *maker, prefix string, content []byte) (fd int, name string, err error) {
	name = prefix + shmPrefix + strings.ToLower(rand.Text())
	if err := m.run.manifest.append(record{Shm: name}, true); err != nil {
		return -1, "", err
	}
	fd, err = unix.Open(shmDir+name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err == unix.ENOENT {
		err = unix.ENOSYS
	}
	if err != nil {
		return -1, "", needing("a /dev/shm to write to", fmt.Errorf("open %s: %w", shmDir+name, err))
	}
	m.own(fd)
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
		return -1, "", &Unavailable{Reason: "needs a tmpfs at /dev/shm", Err: err}
	}
	if _, err := unix.Pwrite(fd, content, 0); err != nil {
		return -1, "", fmt.Errorf("write %s: %w", shmDir+name, err)
	}
	return fd, name, nil
}

func makeShm(m *maker, deleted bool) (object, error) {
	fd, name, err := makeShmFile(m, "", make([]byte, 5000))
	if err != nil {
		return object{}, err
	}
	holders, err := mapAndHold(m, fd)
	if err != nil {
		return object{}, err
	}
	id, expect, err := describeMemory("posix-shm", fd)
	if err != nil {
		return object{}, err
	}
	expect["holders"], expect["name"], expect["path"] = holders, "/"+name, shmDir+name
	if deleted {
		if err := unix.Unlink(shmDir + name); err != nil {
			return object{}, fmt.Errorf("unlink %s: %w", shmDir+name, err)
		}
		expect["deleted"] = true
	}
	return object{id, expect}, nil
}

// makeSem makes the file of a semaphore and starts a process that maps it. musl makes the
// file under a temporary name, and the creator's mapping keeps this name.
func makeSem(m *maker, prefix string, content []byte, libc string) (object, error) {
	fd, name, err := makeShmFile(m, prefix, content)
	if err != nil {
		return object{}, err
	}
	path := shmDir + name
	if libc == "musl" {
		// Random digits as musl uses them. The name exists only for a moment, and the file
		// has its other name as well, so it is not recorded.
		var digits [4]byte
		_, _ = rand.Read(digits[:])
		temporary := fmt.Sprintf("%stmp-%d", shmDir, binary.NativeEndian.Uint32(digits[:]))
		if err := unix.Link(path, temporary); err != nil {
			return object{}, needing("the right to link", fmt.Errorf("link %s: %w", temporary, err))
		}
		defer unix.Unlink(temporary)
		path = temporary
	}
	own, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return object{}, fmt.Errorf("open %s: %w", path, err)
	}
	m.own(own)
	var a mapping
	p, err := m.start("map", &a, part{fds: []int{own}})
	if err != nil {
		return object{}, err
	}
	id, expect, err := describeMemory("posix-sem", fd)
	if err != nil {
		return object{}, err
	}
	expect["name"], expect["path"] = "/"+strings.TrimPrefix(name, "sem."), shmDir+name
	expect["detail"] = tree{
		"value": binary.NativeEndian.Uint32(content), "waiters": binary.NativeEndian.Uint32(content[4:]), "libc": libc,
	}
	expect["holders"] = []tree{p.mapped(a, "rw")}
	return object{id, expect}, nil
}
