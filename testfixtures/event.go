package testfixtures

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func eventFixtures() []Fixture {
	pair := map[string]func(*role) error{"a": holdRole, "b": holdRole}
	return []Fixture{{
		Name:  "eventfd",
		Makes: "an event counter of value 23, shared by two processes",
		explain: explanation{
			picture: "{1} ⇄ counter (23) ⇄ {2}",
			calls: []string{
				"ipctop: eventfd2(23, EFD_CLOEXEC), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:[eventfd]"},
				{"/proc/{1}/fdinfo/3", "eventfd-count: 17"},
			},
		},
		make:  makeEventfd,
		roles: pair,
	}, {
		Name:  "epoll",
		Makes: "an epoll instance that watches a pipe and an event counter",
		explain: explanation{
			picture: "pipe, event counter → epoll → {1}",
			calls: []string{
				"{1}: epoll_create1(2), epoll_ctl(EPOLL_CTL_ADD) for descriptors 3 and 4",
			},
			proc: []procFile{
				{"/proc/{1}/fd/5", "anon_inode:[eventpoll]"},
				{"/proc/{1}/fdinfo/5", "tfd: 3"},
			},
		},
		make:  makeEpoll,
		roles: map[string]func(*role) error{"h": epollRole},
	}, {
		Name:  "epoll:shared",
		short: "epoll-sh",
		Makes: "an epoll instance that two processes share",
		explain: explanation{
			picture: "{1}, {2}: one epoll instance",
			calls: []string{
				"ipctop: epoll_create1(2), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:[eventpoll]"},
				{"/proc/{2}/fd/3", "anon_inode:[eventpoll]"},
			},
		},
		make: func(m *maker) (object, error) {
			fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
			return shareEvent(m, "epoll", "", fd, err, tree{"watches": []tree{}})
		},
		roles: pair,
	}, {
		Name:  "signalfd",
		Makes: "a descriptor for two signals, shared by two processes",
		explain: explanation{
			picture: "signals → descriptor 3 of {1} and {2}",
			calls: []string{
				"ipctop: signalfd4(-1, [SIGUSR2, SIGRTMIN+1]), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:[signalfd]"},
				{"/proc/{1}/fdinfo/3", "sigmask: 0000000400000800"},
			},
		},
		make:  makeSignalfd,
		roles: pair,
	}, {
		Name:  "timerfd",
		Makes: "a timer that expires every minute, shared by two processes",
		explain: explanation{
			picture: "clock → every minute → {1}, {2}",
			calls: []string{
				"ipctop: timerfd_create(CLOCK_MONOTONIC), timerfd_settime(2), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:[timerfd]"},
				{"/proc/{1}/fdinfo/3", "clockid: 1"},
			},
		},
		make:  makeTimerfd,
		roles: pair,
	}, {
		Name:  "inotify",
		Makes: "a watch for files made in a directory, shared by two processes",
		explain: explanation{
			picture: "files made in / → {1}, {2}",
			calls: []string{
				"ipctop: inotify_init1(2), inotify_add_watch(\"/\", IN_CREATE), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:inotify"},
				{"/proc/{1}/fdinfo/3", "inotify wd:"},
			},
		},
		make:  makeInotify,
		roles: pair,
	}, {
		Name:  "fanotify",
		Makes: "a watch for files opened, shared by two processes",
		explain: explanation{
			picture: "files opened in / → {1}, {2}",
			calls: []string{
				"ipctop: fanotify_init(2), fanotify_mark(\"/\", FAN_OPEN), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:[fanotify]"},
				{"/proc/{1}/fdinfo/3", "fanotify ino:"},
			},
		},
		Needs: "Linux 5.13, or CAP_SYS_ADMIN",
		make:  makeFanotify,
		roles: pair,
	}, {
		Name:  "pidfd",
		Makes: "a pidfd of one process, shared by two others",
		explain: explanation{
			picture: "{2}, {3} → {1}",
			calls: []string{
				"ipctop: pidfd_open({1}), inherited by {2} and {3}",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "Pid: {1}"},
				{"/proc/{3}/fdinfo/3", "Pid: {1}"},
			},
		},
		make:  makePidfd,
		roles: map[string]func(*role) error{"a": holdRole, "b": holdRole, "of": holdRole},
	}, {
		Name:  "io_uring",
		short: "uring",
		Makes: "an io_uring that is the only holder of a read end of a pipe",
		explain: explanation{
			picture: "{1} → pipe → a ring of {2} and {3}",
			calls: []string{
				"ipctop: io_uring_setup(8), io_uring_register(IORING_REGISTER_FILES, [read end]); the read end is closed then",
				"{1}: has the write end, descriptor 3; {2} and {3} have the ring",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "anon_inode:[io_uring]"},
				{"/proc/{2}/fdinfo/3", "UserFiles"},
			},
		},
		Needs: "io_uring allowed (kernel.io_uring_disabled)",
		make:  makeIOUring,
		roles: map[string]func(*role) error{"a": holdRole, "b": holdRole, "w": holdRole},
	}, {
		Name:  "userfaultfd",
		short: "uffd",
		Makes: "a page fault handler, shared by two processes",
		explain: explanation{
			picture: "page faults → {1}, {2}",
			calls: []string{
				"ipctop: userfaultfd(UFFD_USER_MODE_ONLY), inherited by both",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "anon_inode:[userfaultfd]"},
				{"/proc/{1}/fdinfo/3", "pending: 0"},
			},
		},
		Needs: "Linux 5.11, or CAP_SYS_PTRACE",
		make:  makeUserfaultfd,
		roles: pair,
	}}
}

// call makes a system call that has no wrapper and returns a descriptor.
func call(nr uintptr, a, b, c, d uintptr) (int, error) {
	r, _, errno := unix.Syscall6(nr, a, b, c, d, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// shareEvent passes a descriptor to two processes, which then share its open file
// description. If id is "", the id is made from the lowest holder.
func shareEvent(m *maker, kind, id string, fd int, err error, detail tree) (object, error) {
	if err != nil {
		return object{}, needing("what the kernel refuses", fmt.Errorf("%s: %w", kind, err))
	}
	m.own(fd)
	var p [2]*process
	for i, role := range []string{"a", "b"} {
		if p[i], err = m.start(role, nil, part{fds: []int{fd}}); err != nil {
			return object{}, err
		}
	}
	ofd := fmt.Sprintf("%d.%d", min(p[0].pid, p[1].pid), firstFD)
	if id == "" {
		id = kind + ":" + ofd
	}
	a, b := p[0].fd(firstFD, "rw"), p[1].fd(firstFD, "rw")
	if kind == "inotify" || kind == "userfaultfd" { // these cannot be written to
		a["access"], b["access"] = "r", "r"
	}
	a["ofd"], b["ofd"] = ofd, ofd
	return object{id, tree{"holders": []tree{a, b}, "detail": detail}}, nil
}

// ownInode is the object's id if each instance of the kind has its own inode; "" if the
// kernel gives all of them the same one.
func ownInode(kind string, fd int) (string, error) {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(event)
	var all, own unix.Stat_t
	if err := unix.Fstat(event, &all); err != nil {
		return "", err
	}
	if err := unix.Fstat(fd, &own); err != nil {
		return "", err
	}
	if all.Dev == own.Dev && all.Ino == own.Ino {
		return "", nil
	}
	return fmt.Sprintf("%s:%d", kind, own.Ino), nil
}

// ownInfo is a line from the fdinfo of one of this process's descriptors.
func ownInfo(fd int, key string) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && k == key {
			return strings.TrimSpace(v), nil
		}
	}
	return "", nil
}

// eventfdID is the id of an event counter; "" before Linux 5.2.
func eventfdID(fd int) (string, error) {
	id, err := ownInfo(fd, "eventfd-id")
	if id != "" {
		id = "eventfd:" + id
	}
	return id, err
}

func makeEventfd(m *maker) (object, error) {
	fd, err := unix.Eventfd(23, unix.EFD_CLOEXEC)
	id := ""
	if err == nil {
		id, err = eventfdID(fd)
	}
	return shareEvent(m, "eventfd", id, fd, err, tree{"count": "23"})
}

// makeEpoll lets the holder make the instance: the kernel reports a watched descriptor by
// its number in the process that added it.
func makeEpoll(m *maker) (object, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return object{}, fmt.Errorf("pipe: %w", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		m.own(fds[:]...)
		return object{}, fmt.Errorf("eventfd: %w", err)
	}
	m.own(fds[0], fds[1], event)
	pipe, err := inode(fds[0])
	if err != nil {
		return object{}, err
	}
	counter, err := eventfdID(event)
	if err != nil {
		return object{}, err
	}
	var fd int
	p, err := m.start("h", &fd, part{fds: []int{fds[0], event}})
	if err != nil {
		return object{}, err
	}
	watches := []tree{
		{"fd": firstFD, "object": "pipe:" + pipe, "ino": pipe, "events": []string{"EPOLLIN", "EPOLLET"}},
		{"fd": firstFD + 1, "events": []string{"EPOLLIN"}},
	}
	if counter != "" {
		watches[1]["object"] = counter
	}
	return object{fmt.Sprintf("epoll:%d.%d", p.pid, fd), tree{
		"holders": []tree{p.fd(fd, "rw")}, "detail": tree{"watches": watches},
	}}, nil
}

// epollRole watches the two descriptors it inherited.
func epollRole(r *role) error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	for i, events := range []uint32{unix.EPOLLIN | unix.EPOLLET, unix.EPOLLIN} {
		e := unix.EpollEvent{Events: events, Fd: int32(firstFD + i)}
		if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, firstFD+i, &e); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return r.readyAndHold(fd)
}

func makeSignalfd(m *maker) (object, error) {
	set := uint64(1)<<(unix.SIGUSR2-1) | 1<<(35-1)
	fd, err := call(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&set)), unsafe.Sizeof(set), unix.SFD_CLOEXEC)
	return shareEvent(m, "signalfd", "", fd, err, tree{"signals": []string{"SIGUSR2", "SIGRTMIN+1"}})
}

func makeTimerfd(m *maker) (object, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err == nil {
		minute := unix.Timespec{Sec: 60}
		err = unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: minute, Value: minute}, nil)
	}
	return shareEvent(m, "timerfd", "", fd, err, tree{"clock": "CLOCK_MONOTONIC", "interval_ns": int64(60e9)})
}

func makeInotify(m *maker) (object, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	wd := 0
	if err == nil {
		wd, err = unix.InotifyAddWatch(fd, "/", unix.IN_CREATE)
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat("/", &st)
	}
	return shareEvent(m, "inotify", "", fd, err, tree{"watches": []tree{
		{"wd": wd, "ino": fmt.Sprint(st.Ino), "path": "/", "events": []string{"IN_CREATE"}},
	}})
}

func makeFanotify(m *maker) (object, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLOEXEC|unix.FAN_REPORT_FID, 0)
	if err == nil {
		err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN|unix.FAN_ONDIR, unix.AT_FDCWD, "/")
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat("/", &st)
	}
	return shareEvent(m, "fanotify", "", fd, err, tree{"class": "notif", "watches": []tree{
		{"type": "inode", "ino": fmt.Sprint(st.Ino), "path": "/", "events": []string{"FAN_OPEN", "FAN_ONDIR"}},
	}})
}

func makePidfd(m *maker) (object, error) {
	of, err := m.start("of", nil, part{})
	if err != nil {
		return object{}, err
	}
	fd, err := unix.PidfdOpen(of.pid, 0)
	id := ""
	if err == nil {
		id, err = ownInode("pidfd", fd)
	}
	return shareEvent(m, "pidfd", id, fd, err, tree{"pid": of.pid, "comm": of.comm, "ended": false})
}

func makeIOUring(m *maker) (object, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return object{}, fmt.Errorf("pipe: %w", err)
	}
	m.own(fds[:]...)
	pipe, err := inode(fds[0])
	if err != nil {
		return object{}, err
	}
	var params [120]byte // struct io_uring_params; the descriptor is closed on exec anyway
	fd, err := call(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0, 0)
	id := ""
	if err == nil {
		file := int32(fds[0])
		const registerFiles = 2
		if _, err = call(unix.SYS_IO_URING_REGISTER, uintptr(fd), registerFiles, uintptr(unsafe.Pointer(&file)), 1); err == nil {
			id, err = ownInode("io_uring", fd)
		}
	}
	if err == nil {
		_, err = m.start("w", nil, part{fds: fds[1:]})
	}
	return shareEvent(m, "io_uring", id, fd, err, tree{
		"sq_entries": 8, "cq_entries": 16, "registered_files": 1,
		"files": []tree{{"slot": 0, "name": "pipe:[" + pipe + "]", "object": "pipe:" + pipe}},
	})
}

func makeUserfaultfd(m *maker) (object, error) {
	const userModeOnly = 1
	fd, err := call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly, 0, 0, 0)
	id := ""
	if err == nil {
		id, err = ownInode("userfaultfd", fd)
	}
	return shareEvent(m, "userfaultfd", id, fd, err, tree{"pending": 0, "total": 0})
}
