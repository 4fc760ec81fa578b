// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Leases on files (F_SETLEASE in fcntl(2)), as far as the kernel has tracepoints: who asks for
// one, gives it up or is made to, and who wants to open the file meanwhile. That a lease is given up
// as its descriptor is closed the kernel does not tell.

KERNEL_TYPES

struct list_head {
	struct list_head *next;
};
struct file_lock_core___lease {
	struct list_head flc_list;
};
struct file_lease { // Linux 6.9
	struct file_lock_core c;
	unsigned long fl_downgrade_time;
	unsigned long fl_break_time;
};
struct file_lock___lease {
	struct list_head fl_list;
	unsigned long fl_downgrade_time;
	unsigned long fl_break_time;
};
struct file_lock_context {
	struct list_head flc_lease;
};
struct inode___locks {
	struct file_lock_context *i_flctx;
};

KERNEL_TYPES_END

static __u64 (*const bpf_jiffies64)(void) = (void *)118;

// What happens to a lease: lease.go has the same.
#define ASKED 1 // for one that it may not get
#define GIVEN_UP 2
#define IN_THE_WAY 3 // of somebody who waits to open the file
#define REFUSES 4 // of somebody who does not wait
#define CLEARED 5 // it is in nobody's way any more
#define OVERDUE 6 // the kernel takes it away: there was time enough to give it up

struct lease {
	struct file *file; // whose lease it is
	__u32 type;
	__u32 pid; // of who took it, in the initial namespace
	__u64 downgrade_time, break_time; // until when it has to be given up, in jiffies; 0: for ever
};

INLINE void lease_at(struct lease *l, void *at)
{
	struct file_lease *lease = at;
	struct file_lock___before_6_9 *old = at;
	struct file_lock___lease *times = at;

	if (field_exists(lease->c)) {
		l->file = get(lease->c.flc_file);
		l->type = get(lease->c.flc_type);
		l->pid = get(lease->c.flc_pid);
		l->downgrade_time = get(lease->fl_downgrade_time);
		l->break_time = get(lease->fl_break_time);
		return;
	}
	l->file = get(old->fl_file);
	l->type = get(old->fl_type);
	l->pid = get(old->fl_pid);
	l->downgrade_time = get(times->fl_downgrade_time);
	l->break_time = get(times->fl_break_time);
}

// leases_of is where a file's leases begin; each leads to the next and the last to the first.
INLINE struct list_head *leases_of(struct inode *inode)
{
	struct file_lock_context *context = get(((struct inode___locks *)inode)->i_flctx);

	return context ? &context->flc_lease : NULL;
}

INLINE void *in_list(struct list_head *node)
{
	struct file_lock_core___lease *core = NULL;
	struct file_lock___lease *old = NULL;

	if (field_exists(core->flc_list))
		return (void *)(address_of(node) - __builtin_preserve_field_info(core->flc_list, 0));
	return (void *)(address_of(node) - __builtin_preserve_field_info(old->fl_list, 0));
}

// first_of is the first lease on a file, the one that others wait for.
INLINE void first_of(struct lease *l, struct inode *inode)
{
	struct list_head *list = leases_of(inode), *node = get(list->next);

	if (list && node && node != list)
		lease_at(l, in_list(node));
}

#define MAX_LEASES 32

// type_before is 1 and the type of the lease that an open file has, 0 if it has none.
INLINE __u32 type_before(struct inode *inode, struct file *file)
{
	struct list_head *list = leases_of(inode), *node = get(list->next);
	struct lease l = {};

	for (int i = 0; i < MAX_LEASES && list && node && node != list; i++) {
		lease_at(&l, in_list(node));
		if (l.file == file)
			return 1 + l.type;
		node = get(node->next);
	}
	return 0;
}

// lease_told tells what happens to the lease of an open file, struct file, that a process of that
// number took; type is what is asked for, and before as in record.
VERIFIED_ONCE int lease_told(__u32 what, __u64 lease_file, __u32 type, __u32 before, __u32 pid)
{
	struct file *file = (struct file *)lease_file;
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	struct record *r;
	struct call c;

	if (!s || is_reader(s, current))
		return 0;
	if (what == IN_THE_WAY || what == CLEARED)
		note_wait(current, what == IN_THE_WAY);
	r = record_of(sizeof(*r), sizeof(*r), LEASED);
	if (!r)
		return 0;
	r->result = what;
	party_of(&r->who, current, s);
	r->thread = address_of(current);
	r->owner = lease_file;
	r->type = type;
	if (s->view.level == 0)
		r->blocker_pid = pid;
	r->before = before;
	if (what == ASKED) {
		call_of(&c, current);
		r->fd = c.args[0];
	}
	look_behind(&r->file, file);
	path_of(&r->path, path_in(file));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

INLINE int tell(__u32 what, const struct lease *l, __u32 type)
{
	return lease_told(what, address_of(l->file), type, l->file ? 1 + l->type : 0, l->pid);
}

// The arguments are the inode and the lease; where others open the file it is what they want.
SEC("raw_tp/generic_add_lease") int lease_asked(__u64 *ctx)
{
	struct lease l = {};

	lease_at(&l, (void *)ctx[1]);
	return lease_told(ASKED, address_of(l.file), l.type, type_before((struct inode *)ctx[0], l.file), l.pid);
}

SEC("raw_tp/generic_delete_lease") int lease_given_up(__u64 *ctx)
{
	struct lease l = {};

	if (!ctx[1]) // there is none
		return 0;
	lease_at(&l, (void *)ctx[1]);
	return tell(GIVEN_UP, &l, l.type);
}

SEC("raw_tp/break_lease_block") int lease_in_the_way(__u64 *ctx)
{
	struct lease l = {}, wanted = {};

	first_of(&l, (struct inode *)ctx[0]);
	lease_at(&wanted, (void *)ctx[1]);
	return tell(IN_THE_WAY, &l, wanted.type);
}

SEC("raw_tp/break_lease_noblock") int lease_refuses(__u64 *ctx)
{
	struct lease l = {}, wanted = {};

	first_of(&l, (struct inode *)ctx[0]);
	lease_at(&wanted, (void *)ctx[1]);
	return tell(REFUSES, &l, wanted.type);
}

// The wait for a lease ends as nothing is in the way any more, as the time is over, or by a signal.
SEC("raw_tp/break_lease_unblock") int lease_wait_over(__u64 *ctx)
{
	struct file_lock *waits = (struct file_lock *)ctx[1];
	struct file_lock___before_6_9 *old = (void *)waits;
	struct lease l = {}, wanted = {};
	void *blocker;

	blocker = field_exists(waits->c) ? (void *)get(waits->c.flc_blocker) : (void *)get(old->fl_blocker);
	if (blocker) {
		lease_at(&l, blocker);
		if (!l.break_time || bpf_jiffies64() < l.break_time)
			return 0; // a signal: it is asked again, unless wait_interrupted tells otherwise
	}
	lease_at(&wanted, (void *)ctx[1]);
	return tell(CLEARED, &l, wanted.type);
}

SEC("raw_tp/time_out_leases") int lease_overdue(__u64 *ctx)
{
	__u64 now = bpf_jiffies64();
	struct lease l = {};

	lease_at(&l, (void *)ctx[1]);
	if (!(l.break_time && now > l.break_time) && !(l.downgrade_time && now > l.downgrade_time))
		return 0;
	return tell(OVERDUE, &l, l.type);
}
