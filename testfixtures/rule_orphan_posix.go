package testfixtures

// orphanPosixFixtures are the fixtures of the three rules about named POSIX objects that no
// process holds.
func orphanPosixFixtures() []Fixture {
	mapper := map[string]func(*role) error{"map": mapOnlyRole}
	return []Fixture{{
		Name:  "orphan-posix-shm",
		Makes: "a POSIX shared memory object that nobody has open or mapped",
		explain: explanation{
			picture: "memory with a name: nobody",
			calls: []string{
				"ipctop: shm_open(3), which opens a file in /dev/shm; close(2) without shm_unlink(3)",
			},
			proc: []procFile{
				{"/proc/self/mountinfo", "/dev/shm"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make: func(m *maker) (object, error) { return makeOrphanShmFile(m, "posix-shm", "", make([]byte, 5000), "") },
	}, {
		Name:  "orphan-posix-shm:control",
		short: "opshm-i",
		Makes: "a shared memory object that a process maps and does not have open",
		explain: explanation{
			picture: "{1} ⇄ memory with a name",
			calls: []string{
				"{1}: mmap(MAP_SHARED), close(2)",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/dev/shm/ipctop-fixture-"},
			},
			next: []string{"ipctop show {object}"},
		},
		make: func(m *maker) (object, error) {
			return makeOrphanShmFile(m, "posix-shm", "", make([]byte, 5000), "map")
		},
		roles: mapper,
	}, {
		Name:  "orphan-posix-sem",
		Makes: "a named POSIX semaphore that nobody has mapped",
		explain: explanation{
			picture: "semaphore with a name: nobody",
			calls: []string{
				"ipctop: sem_open(3), which makes a file in /dev/shm; sem_close(3) without sem_unlink(3)",
			},
			proc: []procFile{
				{"/proc/self/mountinfo", "/dev/shm"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make: func(m *maker) (object, error) {
			return makeOrphanShmFile(m, "posix-sem", "sem.", semWords(0, 0, 0x80), "")
		},
	}, {
		Name:  "orphan-posix-sem:control",
		short: "opsem-i",
		Makes: "a semaphore that a process has mapped",
		explain: explanation{
			picture: "{1} ⇄ semaphore with a name",
			calls: []string{
				"{1}: sem_open(3): mmap(MAP_SHARED)",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/dev/shm/sem.ipctop-fixture-"},
			},
			next: []string{"ipctop show {object}"},
		},
		make: func(m *maker) (object, error) {
			return makeOrphanShmFile(m, "posix-sem", "sem.", semWords(0, 0, 0x80), "map")
		},
		roles: mapper,
	}, {
		Name:  "orphan-posix-mq",
		Makes: "a POSIX message queue with a message in it that nobody has open",
		explain: explanation{
			picture: "queue with a name (1 message): nobody",
			calls: []string{
				"ipctop: mq_open(3), mq_send(3), mq_close(3) without mq_unlink(3)",
			},
			proc: []procFile{
				{"/proc/sys/fs/mqueue/queues_max", ""},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		Needs: "CAP_SYS_ADMIN, or a mounted mqueue file system",
		make:  func(m *maker) (object, error) { return makeOrphanMq(m, "") },
	}, {
		Name:  "orphan-posix-mq:control",
		short: "opmq-i",
		Makes: "a message queue that a process has open",
		explain: explanation{
			picture: "queue with a name (1 message) → {1}",
			calls: []string{
				"{1}: has it open, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "/ipctop-fixture-"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeOrphanMq(m, "h") },
		roles: map[string]func(*role) error{"h": holdRole},
	}}
}

// makeOrphanShmFile makes a file on /dev/shm, and a process with the given role that holds
// it, unless the role is "".
func makeOrphanShmFile(m *maker, kind, prefix string, content []byte, role string) (object, error) {
	fd, _, err := makeShmFile(m, prefix, content)
	if err != nil {
		return object{}, err
	}
	return m.orphan(fd, role, func() (string, error) {
		id, _, err := describeMemory(kind, fd)
		return id, err
	})
}

func makeOrphanMq(m *maker, role string) (object, error) {
	if !stateSeen() {
		return object{}, &Unavailable{Reason: "needs CAP_SYS_ADMIN or a mounted mqueue file system, to see queues that nobody has open"}
	}
	name, fd, err := m.newMq()
	if err != nil {
		return object{}, err
	}
	if err := mqSend(fd, 10); err != nil {
		return object{}, err
	}
	return m.orphan(fd, role, func() (string, error) {
		o, err := describeMq(fd, name)
		return o.id, err
	})
}

func (m *maker) orphan(fd int, role string, id func() (string, error)) (object, error) {
	if role != "" {
		if _, err := m.start(role, nil, part{fds: []int{fd}}); err != nil {
			return object{}, err
		}
	}
	name, err := id()
	m.expectFinding(Diagnosis{Objects: []string{name}, Severity: "info"})
	return aboutObject(name), err
}
