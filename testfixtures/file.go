package testfixtures

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func fileFixtures() []Fixture {
	return []Fixture{{
		Name:  "file",
		Makes: "a file that one process writes and another reads",
		explain: explanation{
			picture: "{1} → file → {2}",
			calls: []string{
				"{1}: has {path} open for reading and writing, descriptor 3",
				"{2}: has it open for reading, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "{path}"},
				{"/proc/{2}/fd/3", "{path}"},
			},
		},
		make:  makeSharedFile,
		roles: map[string]func(*role) error{"w": holdRole, "r": holdRole},
	}, {
		Name:  "file:mapped",
		short: "file-map",
		Makes: "a file that a process has mapped, shared and writable, and has closed",
		explain: explanation{
			picture: "{1} ⇄ file",
			calls: []string{
				"{1}: mmap(MAP_SHARED, 3), close(3)",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "{path}"},
			},
		},
		make:  makeMappedFile,
		roles: map[string]func(*role) error{"map": mapOnlyRole},
	}}
}

func lockFixtures() []Fixture {
	locks := func(name, makes string, make func(*maker) (object, error), roles map[string]func(*role) error, explain explanation) Fixture {
		return Fixture{Name: "file:" + name, short: name, Makes: makes, make: make, roles: roles, explain: explain}
	}
	return []Fixture{
		locks("flock", "a lock that two processes inherited, and a process that waits for it", makeFlock,
			map[string]func(*role) error{"a": holdRole, "b": holdRole, "wait": waitFlockRole}, explanation{
				picture: "{3} waits → lock of {1} and {2}",
				calls: []string{
					"ipctop: flock(LOCK_EX), inherited by {1} and {2}: one open file description, one lock",
					"{3}: flock(3, LOCK_EX) and does not return",
				},
				proc: []procFile{
					{"/proc/locks", "FLOCK"},
					{"/proc/{1}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				},
				next: []string{"ipctop why {3}", "ipctop show {object}"},
			}),
		locks("posix", "a locked range, and a process that waits to lock the whole file", makePosixLock,
			map[string]func(*role) error{"lock": posixLockRole, "wait": waitPosixRole}, explanation{
				picture: "{2} waits → bytes 5–14, locked by {1}",
				calls: []string{
					"{1}: fcntl(3, F_SETLK, F_WRLCK, 5, 10)",
					"{2}: fcntl(3, F_SETLKW, F_WRLCK, 0, 0) and does not return",
				},
				proc: []procFile{
					{"/proc/locks", "POSIX"},
					{"/proc/{1}/fdinfo/3", "POSIX ADVISORY WRITE"},
				},
				next: []string{"ipctop why {2}", "ipctop show {object}"},
			}),
		locks("ofd", "a range that two open file descriptions have locked for reading, and a process that waits to lock it for writing", makeOFDLock,
			map[string]func(*role) error{"a": holdRole, "b": holdRole, "wait": waitOFDRole}, explanation{
				picture: "{3} waits → bytes 0–9, locked for reading by {1} and {2}",
				calls: []string{
					"{1}, {2}: fcntl(F_OFD_SETLK, F_RDLCK, 0, 10), each with a description of its own",
					"{3}: fcntl(3, F_OFD_SETLKW, F_WRLCK) and does not return",
				},
				proc: []procFile{
					{"/proc/locks", "OFDLCK"},
					{"/proc/{1}/fdinfo/3", "OFDLCK ADVISORY READ"},
				},
				next: []string{"ipctop why {3}", "ipctop show {object}"},
			}),
		locks("lease", "a lease", makeLease, map[string]func(*role) error{"hold": leaseRole}, explanation{
			picture: "{1} is told before others open the file for writing",
			calls: []string{
				"{1}: fcntl(3, F_SETLEASE, F_RDLCK)",
			},
			proc: []procFile{
				{"/proc/locks", "LEASE"},
				{"/proc/{1}/fdinfo/3", "LEASE"},
			},
		}),
	}
}

// makeFile makes a file in the run's directory.
func makeFile(m *maker, name string, size int64) (fd int, path string, err error) {
	if path, err = m.regularFile(name); err != nil {
		return -1, "", err
	}
	if fd, err = unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600); err != nil {
		return -1, "", fmt.Errorf("open %q: %w", path, err)
	}
	m.own(fd)
	if err := unix.Ftruncate(fd, size); err != nil {
		return -1, "", fmt.Errorf("truncate %q: %w", path, err)
	}
	return fd, path, nil
}

// describeFile asks the kernel about a file. If stat shows another device than the file
// system's, the id cannot be known from here.
func describeFile(fd int, path string) (object, error) {
	id, expect, err := describeMemory("file", fd)
	if err != nil {
		return object{}, err
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return object{}, os.NewSyscallError("fstatfs", err)
	}
	if t := uint32(fs.Type); t == unix.BTRFS_SUPER_MAGIC || t == unix.OVERLAYFS_SUPER_MAGIC {
		return object{}, &Unavailable{Reason: "needs a temporary directory on a file system whose stat tells its device: not overlay, as in a container (--tmpfs /tmp), not btrfs"}
	}
	expect["path"] = path
	expect["detail"] = tree{"type": "regular", "size": expect["detail"].(tree)["size"]}
	return object{id, expect}, nil
}

func (m *maker) reopen(path string, flags int) (int, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %q: %w", path, err)
	}
	m.own(fd)
	return fd, nil
}

func makeSharedFile(m *maker) (object, error) {
	fd, path, err := makeFile(m, "shared", 4242)
	if err != nil {
		return object{}, err
	}
	reader, err := m.reopen(path, unix.O_RDONLY)
	if err != nil {
		return object{}, err
	}
	w, err := m.start("w", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	r, err := m.start("r", nil, part{fds: []int{reader}})
	if err != nil {
		return object{}, err
	}
	o, err := describeFile(fd, path)
	if err == nil {
		o.expect["holders"] = []tree{w.fd(firstFD, "rw"), r.fd(firstFD, "r")}
	}
	return o, err
}

func makeMappedFile(m *maker) (object, error) {
	fd, path, err := makeFile(m, "mapped", 5000)
	if err != nil {
		return object{}, err
	}
	var a mapping
	p, err := m.start("map", &a, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	o, err := describeFile(fd, path)
	if err == nil {
		o.expect["holders"] = []tree{p.mapped(a, "rw")}
	}
	return o, err
}

// waiter starts a process that waits for a lock on the file, and returns once it waits.
func waiter(m *maker, fd int, path string) (*process, error) {
	p, err := m.start("wait", nil, part{args: []string{path}})
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	inode := fmt.Appendf(nil, ":%d ", st.Ino)
	return p, m.until(p.who()+" waits for the lock", func() (bool, error) {
		text, err := os.ReadFile("/proc/locks")
		for line := range bytes.Lines(text) {
			if bytes.Contains(line, []byte(" -> ")) && bytes.Contains(line, inode) {
				return true, nil
			}
		}
		return false, err
	})
}

func makeFlock(m *maker) (object, error) {
	fd, path, err := makeFile(m, "flock", 0)
	if err != nil {
		return object{}, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		return object{}, os.NewSyscallError("flock", err)
	}
	var inheritors [2]*process
	for i, role := range []string{"a", "b"} {
		if inheritors[i], err = m.start(role, nil, part{fds: []int{fd}}); err != nil {
			return object{}, err
		}
	}
	w, err := waiter(m, fd, path)
	if err != nil {
		return object{}, err
	}
	pids := []int{inheritors[0].pid, inheritors[1].pid}
	o, err := describeFile(fd, path)
	if err != nil {
		return o, err
	}
	o.expect["holders"] = []tree{
		inheritors[0].lock(firstFD, "WRITE", "0-EOF"), inheritors[1].lock(firstFD, "WRITE", "0-EOF"), inheritors[0].fd(firstFD, "rw"),
	}
	o.expect["detail"].(tree)["locks"] = []tree{
		{"type": "flock", "mode": "WRITE", "start": 0, "blocked": false, "holders": pids},
		{"type": "flock", "mode": "WRITE", "start": 0, "blocked": true, "pid": w.pid, "blocked_by": pids},
	}
	return o, nil
}

// lock is the lock of this holder in the form that a dump has.
func (p *process) lock(fd int, mode, span string) tree {
	return tree{"pid": p.pid, "comm": p.comm, "via": "lock", "fd": fd, "lock_mode": mode, "range": span}
}

func makePosixLock(m *maker) (object, error) {
	fd, path, err := makeFile(m, "posix", 100)
	if err != nil {
		return object{}, err
	}
	h, err := m.start("lock", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	w, err := waiter(m, fd, path)
	if err != nil {
		return object{}, err
	}
	o, err := describeFile(fd, path)
	if err != nil {
		return o, err
	}
	o.expect["holders"] = []tree{h.lock(firstFD, "WRITE", "5-14")}
	o.expect["detail"].(tree)["locks"] = []tree{
		{"type": "posix", "mode": "WRITE", "start": 5, "end": 14, "blocked": false, "pid": h.pid, "holders": []int{h.pid}},
		{"type": "posix", "mode": "WRITE", "start": 0, "blocked": true, "pid": w.pid, "blocked_by": []int{h.pid}},
	}
	return o, nil
}

func makeOFDLock(m *maker) (object, error) {
	fd, path, err := makeFile(m, "ofd", 100)
	if err != nil {
		return object{}, err
	}
	var pids []int
	var holders, locks []tree
	for _, role := range []string{"a", "b"} {
		own, err := m.reopen(path, unix.O_RDWR)
		if err != nil {
			return object{}, err
		}
		if err := unix.FcntlFlock(uintptr(own), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Len: 10}); err != nil {
			return object{}, os.NewSyscallError("fcntl F_OFD_SETLK", err)
		}
		p, err := m.start(role, nil, part{fds: []int{own}})
		if err != nil {
			return object{}, err
		}
		pids = append(pids, p.pid)
		holders = append(holders, p.lock(firstFD, "READ", "0-9"))
		locks = append(locks, tree{"type": "ofd", "mode": "READ", "start": 0, "end": 9, "blocked": false, "holders": []int{p.pid}})
	}
	if _, err := waiter(m, fd, path); err != nil {
		return object{}, err
	}
	o, err := describeFile(fd, path)
	if err != nil {
		return o, err
	}
	o.expect["holders"] = holders
	o.expect["detail"].(tree)["locks"] = append(locks, tree{"type": "ofd", "mode": "WRITE", "start": 0, "blocked": true, "blocked_by": pids})
	return o, nil
}

// makeLease has no waiter: after /proc/sys/fs/lease-break-time the kernel would take the lease away.
func makeLease(m *maker) (object, error) {
	fd, path, err := makeFile(m, "lease", 0)
	if err != nil {
		return object{}, err
	}
	own, err := m.reopen(path, unix.O_RDONLY)
	if err != nil {
		return object{}, err
	}
	o, err := describeFile(fd, path)
	if err != nil {
		return o, err
	}
	// A read lease is granted only while nobody has the file open for writing.
	if err := unix.Dup3(own, fd, unix.O_CLOEXEC); err != nil {
		return object{}, os.NewSyscallError("dup3", err)
	}
	h, err := m.start("hold", nil, part{fds: []int{own}})
	if err != nil {
		return object{}, err
	}
	o.expect["holders"] = []tree{h.lock(firstFD, "READ", "0-EOF")}
	o.expect["detail"].(tree)["locks"] = []tree{
		{"type": "lease", "mode": "READ", "start": 0, "blocked": false, "pid": h.pid, "holders": []int{h.pid}},
	}
	return o, nil
}

func posixLockRole(r *role) error {
	if err := unix.FcntlFlock(firstFD, unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 5, Len: 10}); err != nil {
		return os.NewSyscallError("fcntl F_SETLK", err)
	}
	return r.readyAndHold(nil)
}

func leaseRole(r *role) error {
	if _, err := unix.FcntlInt(firstFD, unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return needing("a file system that grants leases", os.NewSyscallError("fcntl F_SETLEASE", err))
	}
	return r.readyAndHold(nil)
}

func waitFlockRole(r *role) error {
	return r.waitForLock(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX) })
}

func waitPosixRole(r *role) error {
	return r.waitForLock(func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK})
	})
}

func waitOFDRole(r *role) error {
	return r.waitForLock(func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK})
	})
}

// waitForLock opens the file of its argument and waits for a lock, which it gets when the holders end.
func (r *role) waitForLock(lock func(fd int) error) error {
	fd, err := unix.Open(r.args[0], unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %q: %w", r.args[0], err)
	}
	if err := r.ready(nil); err != nil {
		return err
	}
	for lock(fd) == unix.EINTR {
	}
	r.hold()
	return nil
}
