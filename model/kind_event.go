package model

// EventfdDetail is the detail of an event counter (eventfd(2)).
type EventfdDetail struct {
	Count     Opt[Big]  `json:"count,omitzero" doc:"the counter, a string of decimal digits; a read waits while it is 0"`
	Semaphore Opt[bool] `json:"semaphore,omitzero" doc:"a read takes 1 instead of everything (EFD_SEMAPHORE)"`
}

// DetailKind implements [Detail].
func (*EventfdDetail) DetailKind() Kind { return Eventfd }

// EpollDetail is the detail of an epoll instance (epoll(7)).
type EpollDetail struct {
	Watches []EpollWatch `json:"watches,omitzero" doc:"what it watches; missing if it could not be read"`
}

// EpollWatch is one entry of an epoll instance's interest list.
type EpollWatch struct {
	FD     Opt[int] `json:"fd,omitzero" doc:"descriptor number when it was added; by now it may be closed or refer to another file"`
	Events []string `json:"events" doc:"the events asked for, as epoll_ctl(2) names them"`
	Data   string   `json:"data,omitzero" doc:"the program's own number for it (user data), hexadecimal"`
	Object string   `json:"object,omitzero" ref:"object" doc:"id of the object watched, if it is known for certain"`
	Dev    string   `json:"dev,omitzero" doc:"device of the file watched, major:minor"`
	Ino    Big      `json:"ino,omitzero" doc:"inode number of the file watched; event descriptors all have the same one"`
}

// DetailKind implements [Detail].
func (*EpollDetail) DetailKind() Kind { return Epoll }

// SignalfdDetail is the detail of a signal descriptor (signalfd(2)).
type SignalfdDetail struct {
	Signals []string `json:"signals,omitzero" doc:"the signals that it accepts; missing if they could not be read"`
}

// DetailKind implements [Detail].
func (*SignalfdDetail) DetailKind() Kind { return Signalfd }

// TimerfdDetail is the detail of a timer descriptor (timerfd_create(2)).
type TimerfdDetail struct {
	Clock     string     `json:"clock,omitzero" doc:"the clock it runs by, as clock_gettime(2) names it"`
	Remaining Opt[int64] `json:"remaining_ns,omitzero" unit:"ns" doc:"time until it expires next; 0: it is not armed, has expired for good, or its last expiration has not been read"`
	Interval  Opt[int64] `json:"interval_ns,omitzero" unit:"ns" doc:"interval between expirations; 0: it expires once"`
	Ticks     Opt[int64] `json:"ticks,omitzero" doc:"expirations that have not been read, as far as the kernel has counted them: for a periodic timer it counts those after the first only when the timer is read or queried (timerfd_gettime)"`
	Flags     []string   `json:"flags,omitzero" doc:"how it was set, as timerfd_settime(2) names it"`
}

// DetailKind implements [Detail].
func (*TimerfdDetail) DetailKind() Kind { return Timerfd }

// InotifyDetail is the detail of an inotify instance (inotify(7)).
type InotifyDetail struct {
	Watches []InotifyWatch `json:"watches,omitzero" doc:"what it watches; missing if it could not be read"`
}

// InotifyWatch is one file or directory an inotify instance watches.
type InotifyWatch struct {
	WD     Opt[int] `json:"wd,omitzero" doc:"watch descriptor, the program's number for it"`
	Dev    string   `json:"dev,omitzero" doc:"device of the file, major:minor"`
	Ino    Big      `json:"ino,omitzero" doc:"inode number of the file, a string of decimal digits"`
	Path   string   `json:"path,omitzero" doc:"where it is, if that could be found without touching it"`
	Events []string `json:"events" doc:"the events asked for, as inotify(7) names them"`
}

// DetailKind implements [Detail].
func (*InotifyDetail) DetailKind() Kind { return Inotify }

// FanotifyDetail is the detail of a fanotify group (fanotify(7)).
type FanotifyDetail struct {
	Class   string          `json:"class,omitzero" doc:"notif, content or pre-content; the latter two can make other programs wait for permission"`
	Flags   []string        `json:"flags,omitzero" doc:"how it was made, as fanotify_init(2) names it"`
	Watches []FanotifyWatch `json:"watches,omitzero" doc:"what it watches; missing if it could not be read"`
}

// FanotifyWatch is one mark of a fanotify group.
type FanotifyWatch struct {
	Type    string   `json:"type" doc:"inode, mount, filesystem or mount-namespace"`
	Dev     string   `json:"dev,omitzero" doc:"device of the file or file system, major:minor"`
	Ino     Big      `json:"ino,omitzero" doc:"inode number of the file, a string of decimal digits"`
	MountID Opt[int] `json:"mount_id,omitzero" doc:"the mount, as in /proc/PID/mountinfo"`
	Path    string   `json:"path,omitzero" doc:"where it is, if that could be found without touching it"`
	Events  []string `json:"events" doc:"the events asked for, as fanotify_mark(2) names them"`
	Ignored []string `json:"ignored,omitzero" doc:"the events left out"`
}

// DetailKind implements [Detail].
func (*FanotifyDetail) DetailKind() Kind { return Fanotify }

// PidfdDetail is the detail of a process descriptor (pidfd_open(2)).
type PidfdDetail struct {
	PID    Opt[int]  `json:"pid,omitzero" ref:"pid" doc:"the process that it refers to (or the process of that thread); missing after it was waited for, or outside this pid namespace"`
	TID    Opt[int]  `json:"tid,omitzero" ref:"pid" doc:"the thread, if it refers to a thread (PIDFD_THREAD)"`
	NSPIDs []int     `json:"ns_pids,omitzero" doc:"its pids in nested pid namespaces, outermost first, if any"`
	Comm   string    `json:"comm,omitzero" ref:"name" doc:"command name of that process or thread"`
	Ended  Opt[bool] `json:"ended,omitzero" doc:"the process or thread has ended and was reaped"`
}

// DetailKind implements [Detail].
func (*PidfdDetail) DetailKind() Kind { return Pidfd }

// IOUringDetail is the detail of an io_uring instance (io_uring(7)).
type IOUringDetail struct {
	SQEntries         Opt[int64]       `json:"sq_entries,omitzero" doc:"size of the submission queue"`
	SQPending         Opt[int64]       `json:"sq_pending,omitzero" doc:"submitted and not yet taken by the kernel"`
	CQEntries         Opt[int64]       `json:"cq_entries,omitzero" doc:"size of the completion queue"`
	CQPending         Opt[int64]       `json:"cq_pending,omitzero" doc:"completed and not yet reaped by the program"`
	CQOverflow        Opt[int64]       `json:"cq_overflow,omitzero" doc:"completions that wait because the queue is full"`
	SQThread          Opt[int]         `json:"sq_thread,omitzero" ref:"pid" doc:"the kernel thread that polls for submissions; missing if the ring has none"`
	RegisteredFiles   Opt[int64]       `json:"registered_files,omitzero" doc:"size of the table of registered files, empty slots included"`
	RegisteredBuffers Opt[int64]       `json:"registered_buffers,omitzero" doc:"size of the table of registered buffers"`
	Files             []RegisteredFile `json:"files,omitzero" doc:"the registered files"`
}

// RegisteredFile is a file that an io_uring holds without a descriptor.
type RegisteredFile struct {
	Slot   int    `json:"slot" doc:"its index in the table"`
	Name   string `json:"name,omitzero" doc:"what it is, as the kernel tells it"`
	Object string `json:"object,omitzero" ref:"object" doc:"id of the object, if the name identifies it for certain"`
}

// DetailKind implements [Detail].
func (*IOUringDetail) DetailKind() Kind { return IOUring }

// UserfaultfdDetail is the detail of a page fault handler (userfaultfd(2)).
type UserfaultfdDetail struct {
	Pending  Opt[int64] `json:"pending,omitzero" doc:"page faults that have not been read: as many threads wait for a handler that has not seen them"`
	Total    Opt[int64] `json:"total,omitzero" doc:"page faults that wait to be resolved, including the pending ones"`
	API      string     `json:"api,omitzero" doc:"version of the interface, hexadecimal"`
	Features []string   `json:"features,omitzero" doc:"features in use, as ioctl_userfaultfd(2) names them"`
}

// DetailKind implements [Detail].
func (*UserfaultfdDetail) DetailKind() Kind { return Userfaultfd }

// Texts that several kinds of descriptors without a name share.
const (
	fdinfoPrivilege = "processes of other users need CAP_SYS_PTRACE"
	kcmpPrivilege   = fdinfoPrivilege + "; which descriptors are the same one is asked with kcmp(2), which a container's seccomp " +
		"filter may refuse: then each descriptor is shown as an object of its own"
)

// eventKind fills in the fields that are the same for all kinds of event descriptors.
func eventKind(k KindInfo) KindInfo {
	k.Category, k.Persistence, k.Related = "event", "process", true
	if k.Direction == "" {
		k.Direction = "none"
	}
	if k.Privilege == "" {
		k.Privilege = kcmpPrivilege
	}
	return k
}

var (
	eventfdInfo = eventKind(KindInfo{
		Name:      Eventfd,
		Title:     "event counter",
		Data:      "counter",
		Direction: "both ways",
		Buffered:  true,
		Calls:     []string{"eventfd", "eventfd2", "read", "write"},
		Man:       []string{"eventfd(2)"},
		About: "A 64-bit counter in the kernel that one side adds to and the other reads and resets: the cheapest way to wake " +
			"another thread or process, used by event loops, virtual machine monitors and graphics drivers. A reader waits while " +
			"it is 0, a writer while it would overflow. With EFD_SEMAPHORE a read takes 1 at a time.",
		Source: "the links /proc/PID/fd/N and eventfd-count, eventfd-id (5.2) and eventfd-semaphore (6.5) in " +
			"/proc/PID/fdinfo/N. Before 5.2 the kernel gives it no number; then the id is that of its lowest descriptor",
		Privilege: fdinfoPrivilege,
		Unseen:    "who added what; a kernel subsystem (KVM, VFIO, AIO, io_uring, cgroup) that was told to signal it and holds it without a descriptor",
		NewDetail: func() Detail { return new(EventfdDetail) },
	})
	epollInfo = eventKind(KindInfo{
		Name:  Epoll,
		Title: "epoll instance",
		Data:  "state",
		Calls: []string{"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2"},
		Man:   []string{"epoll(7)", "epoll_ctl(2)", "epoll_wait(2)"},
		About: "A set of descriptors that a program waits on together; the heart of every event loop. Nothing passes through it, " +
			"but it tells what a process that sits in epoll_wait could be woken by.",
		Source: "the links /proc/PID/fd/N and the tfd: lines of /proc/PID/fdinfo/N, with the inode of what is watched (4.13). " +
			"What has no inode of its own is recognised by comparing descriptors (kcmp(2) KCMP_EPOLL_TFD)",
		Unseen: "which of the events are ready; what it watches, while the server of a FUSE file in it does not answer; a watched file whose last descriptor in the process is closed while a copy elsewhere " +
			"keeps it open, if it has no inode of its own",
		NewDetail: func() Detail { return new(EpollDetail) },
	})
	signalfdInfo = eventKind(KindInfo{
		Name:  Signalfd,
		Title: "signal descriptor",
		Data:  "message",
		Calls: []string{"signalfd", "signalfd4", "read"},
		Man:   []string{"signalfd(2)"},
		About: "Takes signals by read instead of by handler, so that an event loop can wait for them with everything else. It " +
			"delivers the signals of the process that reads it, not of the one that made it; they should be blocked there.",
		Source:    "the links /proc/PID/fd/N and sigmask in /proc/PID/fdinfo/N (3.8)",
		Unseen:    "nothing of it; what is pending is shown with the process",
		NewDetail: func() Detail { return new(SignalfdDetail) },
	})
	timerfdInfo = eventKind(KindInfo{
		Name:  Timerfd,
		Title: "timer descriptor",
		Data:  "counter",
		Calls: []string{"timerfd_create", "timerfd_settime", "timerfd_gettime", "read"},
		Man:   []string{"timerfd_create(2)"},
		About: "A timer that becomes readable when it expires. Anyone who polls it is certain to be woken by it if it is armed; one " +
			"that has expired and stays unread shows a program that does not come round to it.",
		Source:    "the links /proc/PID/fd/N and clockid, ticks, it_value and it_interval in /proc/PID/fdinfo/N (3.17)",
		Unseen:    "when it was set, and by whom; how often it has expired since it was read last",
		NewDetail: func() Detail { return new(TimerfdDetail) },
	})
	inotifyInfo = eventKind(KindInfo{
		Name:     Inotify,
		Title:    "file watch",
		Data:     "message",
		Buffered: true,
		Calls:    []string{"inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "read"},
		Man:      []string{"inotify(7)", "inotify_add_watch(2)"},
		About: "Tells a program what happens to files and directories: editors, build tools, daemons that reload their " +
			"configuration. Each user may have so many instances and watches (fs.inotify).",
		Source: "the links /proc/PID/fd/N and the inotify lines of /proc/PID/fdinfo/N (3.8). A watch has a path where some process " +
			"has the file open or mapped, or where it is a mount point, or the root, directory or program of a process that has the " +
			"instance: device and inode are compared",
		Unseen: "the path a watch was added with: the kernel keeps the inode only, so the path of what no process shows is missing; " +
			"the events nobody has read yet; who caused them. Masks and watches of a bind-mounted or layered file name the " +
			"layer's inode",
		NewDetail: func() Detail { return new(InotifyDetail) },
	})
	fanotifyInfo = eventKind(KindInfo{
		Name:     Fanotify,
		Title:    "file system watch",
		Data:     "message",
		Buffered: true,
		Calls:    []string{"fanotify_init", "fanotify_mark", "read", "write"},
		Man:      []string{"fanotify(7)", "fanotify_init(2)", "fanotify_mark(2)"},
		About: "Tells a program what happens on whole mounts and file systems, and can be asked for permission: virus scanners, " +
			"audit tools, hierarchical storage. With permission events every program that opens such a file waits for the answer: a " +
			"scanner that is stuck stops the machine.",
		Source: "the links /proc/PID/fd/N and the fanotify lines of /proc/PID/fdinfo/N (3.8); paths of mounts from " +
			"/proc/PID/mountinfo, those of files as for inotify",
		Unseen:    "who waits for permission (a thread in fanotify_handle_event); paths of files that no process shows; events nobody has read yet",
		NewDetail: func() Detail { return new(FanotifyDetail) },
	})
	pidfdInfo = eventKind(KindInfo{
		Name:  Pidfd,
		Title: "process descriptor",
		Data:  "state",
		Calls: []string{"pidfd_open", "clone3", "pidfd_send_signal", "pidfd_getfd", "waitid"},
		Man:   []string{"pidfd_open(2)", "pidfd_send_signal(2)", "pidfd_getfd(2)"},
		About: "Stands for one process, whatever becomes of its pid: it becomes readable when the process ends, and signals sent " +
			"through it cannot hit another. Service managers and container runtimes hold one for each child.",
		Source: "the links /proc/PID/fd/N and Pid and NSpid in /proc/PID/fdinfo/N (5.3). Since 6.9 all descriptors of one process " +
			"have its own inode number (pidfs), which is the id; before, the id is that of the lowest descriptor",
		Unseen:    "the exit status",
		NewDetail: func() Detail { return new(PidfdDetail) },
	})
	ioUringInfo = eventKind(KindInfo{
		Name:     IOUring,
		Title:    "submission and completion rings",
		Data:     "message",
		Buffered: true,
		Calls:    []string{"io_uring_setup", "io_uring_enter", "io_uring_register"},
		Man:      []string{"io_uring(7)", "io_uring_setup(2)", "io_uring_register(2)"},
		About: "Two queues that a program and the kernel share: operations go in, results come out. What a program waits for is in " +
			"there instead of in a system call. Files registered with it stay open without a descriptor: the ring is shown as " +
			"their holder.",
		Source: "the links /proc/PID/fd/N and SqMask … UserFiles in /proc/PID/fdinfo/N (5.10; queues 6.0)",
		Privilege: kcmpPrivilege + ". While a thread is submitting, the kernel shows nothing of it: then the detail is missing for " +
			"that moment",
		Unseen: "what the operations in flight are about, but for their number; which file is registered, where its name is not " +
			"that of a pipe or socket nor the path of a FIFO; the access it is registered with",
		NewDetail: func() Detail { return new(IOUringDetail) },
	})
	userfaultfdInfo = eventKind(KindInfo{
		Name:     Userfaultfd,
		Title:    "page fault handler",
		Data:     "message",
		Buffered: true,
		Calls:    []string{"userfaultfd", "ioctl UFFDIO_REGISTER", "ioctl UFFDIO_COPY", "read"},
		Man:      []string{"userfaultfd(2)", "ioctl_userfaultfd(2)"},
		About: "Lets a program supply the pages of another's (or its own) memory: live migration, snapshots, garbage collectors. A " +
			"thread that touches a missing page waits, also in the middle of a system call, until the handler has filled it in.",
		Source:    "the links /proc/PID/fd/N and pending, total and API in /proc/PID/fdinfo/N (4.3); an inode of its own since 5.12",
		Unseen:    "whose memory it is about, and which addresses",
		NewDetail: func() Detail { return new(UserfaultfdDetail) },
	})
)
