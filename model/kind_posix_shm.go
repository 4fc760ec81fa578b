package model

import "time"

// MemoryDetail is the detail of POSIX shared memory, memfds and shared anonymous
// mappings (shm_overview(7), memfd_create(2), mmap(2)).
type MemoryDetail struct {
	Size      Opt[int64] `json:"size,omitzero" unit:"bytes" doc:"size of the object"`
	Allocated Opt[int64] `json:"allocated,omitzero" unit:"bytes" doc:"memory and swap space it takes; pages that were never touched take none"`
	Modified  time.Time  `json:"modify_time,omitzero" doc:"when it was made, last written to or changed in size (mtime); writing through a mapping leaves no trace"`
	Seals     []string   `json:"seals,omitzero" doc:"memfd: seals, by name; missing where they cannot be read without duplicating the descriptor"`
	Locks     []Lock     `json:"locks,omitzero" doc:"file locks on it, held and waited for"`
}

// DetailKind implements [Detail].
func (*MemoryDetail) DetailKind() Kind { return PosixShm }

func newMemoryDetail() Detail { return new(MemoryDetail) }

// PosixSemDetail is the detail of a named POSIX semaphore (sem_overview(7)).
type PosixSemDetail struct {
	Value   Opt[int64] `json:"value,omitzero" doc:"its value; at 0 sem_wait blocks"`
	Waiters Opt[int64] `json:"waiters,omitzero" doc:"threads blocked in sem_wait, as the C library counts them; one that was killed meanwhile stays counted"`
	Libc    string     `json:"libc,omitzero" doc:"the C library whose layout it has: glibc or musl"`

	Modified time.Time `json:"modify_time,omitzero" doc:"when its file was made or last written to (mtime); sem_post and sem_wait leave no trace"`
}

// DetailKind implements [Detail].
func (*PosixSemDetail) DetailKind() Kind { return PosixSem }

var (
	posixShmInfo = KindInfo{
		Name:        PosixShm,
		Title:       "POSIX shared memory object",
		Category:    "memory",
		Data:        "state",
		Direction:   "both ways",
		Persistence: "kernel",
		Calls:       []string{"shm_open", "shm_unlink", "ftruncate", "mmap", "munmap"},
		Man:         []string{"shm_overview(7)", "shm_open(3)", "mmap(2)"},
		About: "Memory with a name, in fact a file on the tmpfs at /dev/shm, that processes open and map. It stays until " +
			"it is unlinked, also when its creator is gone, and takes memory all that time; unlinked, it lives on while " +
			"some process has it open or mapped. Every file there is shown, whatever made it.",
		Source: "the directory /dev/shm of every mount namespace that processes live in (getdents, statx); descriptors from " +
			"/proc/PID/fd and mappings from PROCMAP_QUERY or /proc/PID/maps, matched by device and inode",
		Privilege: "who has it open or mapped: CAP_SYS_PTRACE for other users' processes; /dev/shm of other mount " +
			"namespaces: CAP_SYS_PTRACE",
		Unseen: "files in directories below /dev/shm that nobody holds; what is in the memory; who wrote it. The names of " +
			"what is unlinked are those its holders know, which for its creator may be a temporary one. Where ipctop may not " +
			"ask for O_NOATIME, listing /dev/shm may set that directory's access time",
		NewDetail: newMemoryDetail,
	}
	posixSemInfo = KindInfo{
		Name:        PosixSem,
		Title:       "POSIX named semaphore",
		Category:    "lock",
		Data:        "counter",
		Direction:   "none",
		Persistence: "kernel",
		Calls:       []string{"sem_open", "sem_wait", "sem_timedwait", "sem_post", "sem_getvalue", "sem_close", "sem_unlink"},
		Man:         []string{"sem_overview(7)", "sem_open(3)", "sem_wait(3)", "sem_post(3)"},
		About: "A counter in a small file on /dev/shm that processes map. A process that ends between sem_wait and " +
			"sem_post leaves it taken for good: nothing gives it back. glibc calls the file sem.NAME; musl calls it NAME, " +
			"so it is told from other shared memory only by its size, its layout, and a holder that uses musl.",
		Source: "as for POSIX shared memory; value and waiters from the file itself, which is opened for reading with " +
			"O_NOATIME only after mountinfo says that it is on a tmpfs and /proc/locks that nobody has locked or leased it",
		Privilege: "value: to own the semaphore, or CAP_FOWNER and CAP_DAC_READ_SEARCH; of one that was unlinked: " +
			"CAP_CHECKPOINT_RESTORE; mappers: CAP_SYS_PTRACE for other users' processes",
		Unseen: "who has taken it: the semaphore does not say. Semaphores of musl that no process maps, and those of static " +
			"musl programs whose creator is gone, are shown as POSIX shared memory. Reading the value makes inotify events " +
			"(open, access, close) for anyone who watches /dev/shm",
		NewDetail: func() Detail { return new(PosixSemDetail) },
	}
	shmAnonInfo = KindInfo{
		Name:        ShmAnon,
		Title:       "shared anonymous mapping",
		Category:    "memory",
		Data:        "state",
		Direction:   "both ways",
		Persistence: "process",
		Related:     true,
		Calls:       []string{"mmap", "fork", "munmap"},
		Man:         []string{"mmap(2)", "fork(2)"},
		About: "Memory mapped MAP_SHARED|MAP_ANONYMOUS (or from /dev/zero) before a fork: parent and children share it. " +
			"Servers that fork workers keep their common state in it. It has no name and goes away with its last mapping.",
		Source: "mappings called /dev/zero or /anon_hugepage on the kernel's own file system (PROCMAP_QUERY, " +
			"/proc/PID/maps), with the same inode in all processes that share one",
		Privilege: "CAP_SYS_PTRACE for other users' processes; size and memory taken: CAP_CHECKPOINT_RESTORE",
		Unseen:    "what is in it; who wrote it",
		NewDetail: newMemoryDetail,
	}
	memfdInfo = KindInfo{
		Name:        Memfd,
		Title:       "memfd",
		Category:    "memory",
		Data:        "state",
		Direction:   "both ways",
		Persistence: "process",
		Related:     true,
		Calls:       []string{"memfd_create", "ftruncate", "mmap", "fcntl"},
		Man:         []string{"memfd_create(2)", "fcntl(2)", "mmap(2)"},
		About: "A file in memory without a path, shared by handing over its descriptor (SCM_RIGHTS) or by inheriting it; " +
			"seals can forbid to change it. Its name is only for people: any number of them may have the same one.",
		Source: "the links /proc/PID/fd/N and mappings called /memfd:NAME on a file system that is mounted nowhere",
		Privilege: "CAP_SYS_PTRACE for other users' processes; size of one that is only mapped: " +
			"CAP_CHECKPOINT_RESTORE",
		Unseen: "its seals: the kernel tells them only to those who have it open (F_GET_SEALS), and ipctop neither " +
			"duplicates nor opens it; what is in it",
		NewDetail: newMemoryDetail,
	}
)
