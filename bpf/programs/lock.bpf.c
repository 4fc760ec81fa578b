// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Locks on files: the tracepoints flock_lock_inode and posix_lock_inode
// (include/trace/events/filelock.h), which tell of every attempt and of every release.

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

KERNEL_TYPES_END

// record is what the reader gets: lock.go reads it. No byte is padding.
struct record {
	__u64 time;
	__u32 kind;
	__s32 result; // 1: it waits
	struct party who;
	__u64 owner, blocker; // who owns the lock, and the one that is in its way; not for anyone to see
	__s64 start, end;
	__u32 flags, type; // FL_*, F_*LCK
	__u32 blocker_pid; // of who took that, in the reader's namespace; 0: not known
	__u32 reserved;
	struct behind file;
	__u32 reserved2;
	struct parts path;
};

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
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count(LOST);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->time = bpf_ktime_get_ns();
	r->kind = LOCKED;
	r->result = result;
	party_of(&r->who, current, s);
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
