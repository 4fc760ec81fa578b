// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Locks on files: the tracepoints flock_lock_inode and posix_lock_inode
// (include/trace/events/filelock.h), which tell of every attempt and of every release, and
// signal_deliver (signal.h there) of the threads that wait: a signal alone ends a wait otherwise.

#include "path.h"

KERNEL_TYPES

struct file_lock_core {
	struct file_lock_core *flc_blocker;
	void *flc_owner;
	unsigned int flc_flags;
	unsigned char flc_type;
	int flc_pid;
	struct file *flc_file;
};
struct file_lock { // Linux 6.9
	struct file_lock_core c;
	__s64 fl_start;
	__s64 fl_end;
};
struct file_lock___before_6_9 {
	struct file_lock *fl_blocker;
	void *fl_owner;
	unsigned int fl_flags;
	unsigned char fl_type;
	int fl_pid;
	struct file *fl_file;
};

struct sigaction___lock {
	void *sa_handler;
	unsigned long sa_flags;
};
struct k_sigaction___lock {
	struct sigaction___lock sa;
};

KERNEL_TYPES_END

// record is what the reader gets: lock.go reads it. No byte is padding.
struct record {
	__u64 time;
	__u32 kind;
	__s32 result; // 1: it waits; of a lease what happens to it
	struct party who;
	__u64 thread; // that asks; not for anyone to see
	__u64 owner, blocker; // who owns the lock, and the one that is in its way; not for anyone to see
	__s64 start, end;
	__u32 flags, type; // FL_*, F_*LCK
	__u32 blocker_pid; // of who took that, in the reader's namespace; 0: not known
	__u32 before; // of a lease: 1 and the type that it has until now; 0: there is none
	struct behind file;
	__u32 fd; // likewise
	struct parts path;
};

// left is that a thread waits for a lock no longer, and does not have it: lock.go reads it.
struct left {
	__u64 time;
	__u32 kind;
	__u32 signal; // by which
	struct party who;
	__u64 thread; // as in record
	__u32 dies; // with its process
	__u32 reserved;
};

// waiting are threads that wait for a lock, each with its start time: numbers are used again.
struct {
	__u32 (*type)[LRU_HASH];
	__u32 (*max_entries)[8192];
	__u64 *key;
	__u64 *value;
} waiting SEC(".maps");

INLINE void note_wait(struct task_struct *current, bool waits)
{
	__u64 thread = bpf_get_current_pid_tgid(), start;

	if (!waits) {
		bpf_map_delete_elem(&waiting, &thread);
		return;
	}
	start = get(current->start_boottime);
	bpf_map_update_elem(&waiting, &thread, &start, 0);
}

#define FILE_LOCK_DEFERRED 1
#define MAX_BLOCKERS 32

// blocker_of is the lock that is held, of those which wait for each other in its order.
INLINE void blocker_of(struct record *r, struct file_lock *lock, const struct settings *s)
{
	struct file_lock___before_6_9 *old = (void *)lock;
	__s32 pid = 0;

	if (field_exists(lock->c)) {
		struct file_lock_core *core = get(lock->c.flc_blocker);

		for (int i = 0; i < MAX_BLOCKERS && core; i++) {
			struct file_lock_core *next = get(core->flc_blocker);

			if (!next) {
				r->blocker = address_of(get(core->flc_owner));
				pid = get(core->flc_pid);
				break;
			}
			core = next;
		}
	} else {
		struct file_lock___before_6_9 *at = (void *)get(old->fl_blocker);

		for (int i = 0; i < MAX_BLOCKERS && at; i++) {
			struct file_lock___before_6_9 *next = (void *)get(at->fl_blocker);

			if (!next) {
				r->blocker = address_of(get(at->fl_owner));
				pid = get(at->fl_pid);
				break;
			}
			at = next;
		}
	}
	if (pid > 0 && s->view.level == 0) // it is the number in the initial namespace
		r->blocker_pid = pid;
}

INLINE int attempt(struct file_lock *lock, __s32 result)
{
	struct file_lock___before_6_9 *old = (void *)lock;
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	struct file *file;
	struct record *r;

	if (!s || is_reader(s, current))
		return 0;
	note_wait(current, result == FILE_LOCK_DEFERRED);
	r = record_of(sizeof(*r), sizeof(*r), LOCKED);
	if (!r)
		return 0;
	r->result = result;
	party_of(&r->who, current, s);
	r->thread = address_of(current);
	r->start = get(lock->fl_start);
	r->end = get(lock->fl_end);
	if (field_exists(lock->c)) {
		r->owner = address_of(get(lock->c.flc_owner));
		r->flags = get(lock->c.flc_flags);
		r->type = get(lock->c.flc_type);
		file = get(lock->c.flc_file);
	} else {
		r->owner = address_of(get(old->fl_owner));
		r->flags = get(old->fl_flags);
		r->type = get(old->fl_type);
		file = get(old->fl_file);
	}
	if (result == FILE_LOCK_DEFERRED)
		blocker_of(r, lock, s);
	look_behind(&r->file, file);
	path_of(&r->path, path_in(file));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

// The arguments are the inode, the lock and what became of it.
SEC("raw_tp/flock_lock_inode") int flock_attempt(__u64 *ctx)
{
	return attempt((struct file_lock *)ctx[1], ctx[2]);
}

SEC("raw_tp/posix_lock_inode") int posix_attempt(__u64 *ctx)
{
	return attempt((struct file_lock *)ctx[1], ctx[2]);
}

#include "lease.h"

#define SIG_DFL 0
#define SIG_IGN 1
#define SIGKILL 9
#define SIGSTOP 19
#define SA_RESTART 0x10000000
#define SIGNAL_UNKILLABLE 0x40 // the first process of a pid namespace

#define BIT(signal) (1ULL << ((signal) - 1))
// What does not end a process by default: SIGCHLD, SIGCONT, SIGSTOP to SIGTTOU, SIGURG, SIGWINCH.
#define HARMLESS (BIT(17) | BIT(18) | BIT(SIGSTOP) | BIT(20) | BIT(21) | BIT(22) | BIT(23) | BIT(28))

// A wait that a signal has interrupted goes on, unless a handler runs without SA_RESTART (then
// the call fails by EINTR) or the process ends.
SEC("raw_tp/signal_deliver") int wait_interrupted(__u64 *ctx)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	__u64 thread = bpf_get_current_pid_tgid(), *start = bpf_map_lookup_elem(&waiting, &thread), handler;
	struct sigaction___lock *action = &((struct k_sigaction___lock *)ctx[2])->sa;
	__u32 signal = ctx[0];
	struct left *r;
	bool dies;

	if (!s || !start || *start != get(current->start_boottime))
		return 0;
	handler = address_of(get(action->sa_handler));
	if (signal == SIGKILL) // also of a process that another signal ends, or a thread of it
		dies = 1;
	else if (handler == SIG_DFL)
		dies = (signal >= 32 || !(HARMLESS & BIT(signal))) && !(get(get(current->signal)->flags) & SIGNAL_UNKILLABLE);
	else
		dies = 0;
	if (!dies && handler <= SIG_IGN)
		return 0;
	bpf_map_delete_elem(&waiting, &thread); // after a handler it would ask again
	if (!dies && get(action->sa_flags) & SA_RESTART)
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), WAIT_LEFT);
	if (!r)
		return 0;
	r->signal = signal;
	party_of(&r->who, current, s);
	r->thread = address_of(current);
	r->dies = dies;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
