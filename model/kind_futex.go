package model

// FutexDetail is the detail of a futex.
type FutexDetail struct {
	Object         string     `json:"object,omitzero" ref:"object" doc:"shared memory that contains the futex word; missing for a private futex, or if no process shows that memory"`
	Offset         Opt[int64] `json:"offset,omitzero" unit:"bytes" doc:"offset in that memory"`
	Processes      []int      `json:"processes,omitzero" ref:"pid" doc:"of a word in private memory: the processes that share all their memory (CLONE_VM of clone(2), vfork(2)), where that is more than one"`
	Type           string     `json:"type,omitzero" doc:"what the futex belongs to, if the C library's layout was recognised: mutex, robust-mutex, pi-mutex, rwlock, cond, cond-notify (the notifier of a condition waits until those who waited before have left), barrier, sem or join; else unknown; missing where the word could not be read"`
	Libc           string     `json:"libc,omitzero" doc:"the C library whose layout it has: glibc or musl"`
	OwnerTID       Opt[int]   `json:"owner_tid,omitzero" ref:"pid" doc:"the thread that holds it, as the lock says (for join: the thread that is waited for)"`
	OwnerPID       Opt[int]   `json:"owner_pid,omitzero" ref:"pid" doc:"process of that thread"`
	OwnerAlive     Opt[bool]  `json:"owner_alive,omitzero" doc:"whether that thread still exists"`
	OwnerNumber    Opt[int]   `json:"owner_number,omitzero" doc:"instead of owner_tid: the thread id of an owner that has ended, in the pid namespace of the processes that map the futex"`
	PossibleOwners []int      `json:"possible_owners,omitzero" ref:"pid" doc:"instead of owner_tid: threads in several pid namespaces whose id there is the one in the lock; one of them holds it"`
	Inherited      bool       `json:"owner_before_fork,omitzero" doc:"the owner is a thread of the process that this one was forked from: the futex is a copy of a lock that was held at the fork, and nobody unlocks the copy"`
	OwnerDied      bool       `json:"owner_died,omitzero" doc:"the kernel has marked the word: its last owner ended without unlocking (robust futexes)"`
	Held           Opt[bool]  `json:"held,omitzero" doc:"it is in its owner's list of robust locks, so it is locked even if nobody waits; only ipctop show reads these lists"`
	Waiters        Opt[int]   `json:"waiters,omitzero" doc:"threads that are blocked on it, as far as could be seen"`
}

// OwnerGone reports whether the thread that holds the lock is known to have ended.
func (d *FutexDetail) OwnerGone() bool {
	alive, known := d.OwnerAlive.Get()
	return known && !alive
}

// Private reports whether the word is in no known shared memory.
func (d *FutexDetail) Private() bool { return d.Object == "" }

// DetailKind implements [Detail].
func (*FutexDetail) DetailKind() Kind { return Futex }

var futexInfo = KindInfo{
	Name:        Futex,
	Title:       "futex",
	Category:    "lock",
	Data:        "state",
	Direction:   "none",
	Persistence: "process",
	Calls: []string{
		"futex", "futex_wait", "futex_waitv", "pthread_mutex_lock", "pthread_rwlock_wrlock", "pthread_cond_wait", "pthread_barrier_wait", "pthread_join",
		"sem_wait",
	},
	Man: []string{"futex(7)", "futex(2)", "pthreads(7)", "get_robust_list(2)"},
	About: "A word in memory on which threads sleep and wake each other: what mutexes, read-write locks, condition variables, " +
		"barriers and semaphores are made of. In memory that processes share it locks between processes; else only between the " +
		"threads of one. The kernel knows of a futex only while a thread waits, so only then is there such an object; but ipctop " +
		"show also shows the robust locks that a process has, whose list the kernel is told. The holders are the threads that " +
		"wait (flag waiter) and the one that has locked it (flag owner).",
	Source: "/proc/PID/task/TID/syscall for the address; PROCMAP_QUERY or /proc/PID/maps for the memory it is in; the words " +
		"around it by process_vm_readv, only where /proc/PID/pagemap says that the page is present, recognised by the layouts of " +
		"glibc and musl; kcmp(2) KCMP_VM for processes that share all their memory; get_robust_list(2) for the locks held, in show",
	Privilege: "the right to attach to the process (ptrace(2)): CAP_SYS_PTRACE for other users' processes, and for all of one's " +
		"own, too, where kernel.yama.ptrace_scope is not 0",
	Unseen: "locks nobody waits for, but for robust ones in show; who holds a read-write lock for reading, or is to signal a condition; the owner of musl's " +
		"normal mutexes; locks of other languages and of 32-bit programs (type unknown); that a thread was moved to another word " +
		"(FUTEX_CMP_REQUEUE, as musl's conditions do): it is shown at the one that it began to wait at",
	NewDetail: func() Detail { return new(FutexDetail) },
}
