// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// System calls by which processes come to communicate, when they return: who connects to
// whom, who passes descriptors to whom, who makes and removes what they share. Which calls that are the loader fills in, so that all others cost a look into a
// table. What is sent is never read.

#include "connecting.h"
#include "passing.h"

#define CALLS 512
volatile const __u8 calls[CALLS]; // of 64-bit callers
volatile const __u8 calls32[CALLS]; // of 32-bit callers
volatile const __u32 asked; // a bit for each of the above

#define ERESTARTSYS 512 // from here on the caller does not see it: the call is begun again, or ends with EINTR

// demultiplex makes of socketcall(2) the call that it is.
INLINE __u32 demultiplex(struct call *c)
{
	__u32 what = 0, args[3], flags;

	switch ((__u32)c->args[0]) { // include/uapi/linux/net.h
	case 3:
		what = CONNECT;
		break;
	case 5:
	case 18:
		what = ACCEPT;
		break;
	case 16:
		what = SEND;
		break;
	case 17:
		what = RECEIVE;
		break;
	case 19:
		what = RECEIVE_MESSAGES;
		break;
	case 20:
		what = SEND_MESSAGES;
		break;
	}
	if (!(asked >> what & 1) || !read_user(args, c->args[1]))
		return 0;
	c->args[0] = args[0];
	c->args[1] = args[1];
	c->args[2] = args[2];
	if (what == RECEIVE_MESSAGES && read_user(flags, c->args[1] + 3 * sizeof(flags)))
		c->args[2] = flags;
	return what;
}

// fourth is the fourth argument of a call.
INLINE __u64 fourth(const struct call *c)
{
	void *saved = bpf_task_pt_regs(bpf_get_current_task_btf());
	struct pt_regs___amd64 *amd64 = saved;
	struct pt_regs___arm64 *arm64 = saved;

	if (field_exists(amd64->orig_ax))
		return c->number & CALL32 ? (__u32)get(amd64->si) : get(amd64->r10);
	return get(arm64->regs[3]);
}

// demultiplex_ipc makes of ipc(2) the call that it is.
INLINE __u32 demultiplex_ipc(struct call *c)
{
	__u32 what = 0;

	switch (c->args[0] & 0xffff) { // include/uapi/linux/ipc.h
	case 2:
		what = SEMGET;
		break;
	case 3:
		what = SEMCTL;
		break;
	case 13:
		what = MSGGET;
		break;
	case 14:
		what = MSGCTL;
		break;
	case 23:
		what = SHMGET;
		break;
	case 24:
		what = SHMCTL;
		break;
	}
	c->args[0] = c->args[1];
	c->args[1] = c->args[2];
	c->args[2] = fourth(c);
	return what;
}

// entered is what there was when a thread began a call that may make something.
struct entered {
	__u64 state;
};

struct {
	__u32 (*type)[HASH];
	__u32 (*max_entries)[4096];
	__u64 *key;
	struct entered *value;
} entered SEC(".maps");

// gets reports whether a call may make an object that is there already.
INLINE bool gets(const struct call *c, __u32 what)
{
	__u32 flags = what == MSGGET || what == MQ_OPEN ? c->args[1] : c->args[2];

	if (what == MQ_OPEN)
		return (flags & O_CREAT) && !(flags & O_EXCL);
	if (what < SHMGET || what > MSGGET)
		return 0;
	return (flags & IPC_CREAT) && !(flags & IPC_EXCL) && (__u32)c->args[0] != IPC_PRIVATE;
}

// state_for is what changes when an object is made.
INLINE __u64 state_for(__u32 what)
{
	struct ipc_namespace___ids *ns = (void *)get(get(bpf_get_current_task_btf()->nsproxy)->ipc_ns);
	__u32 type = what == SEMGET ? 0 : what == MSGGET ? 1 : 2; // IPC_SEM_IDS …
	struct ipc_ids *ids = (struct ipc_ids *)(address_of(&ns->ids[0]) + type * size_of(struct ipc_ids));

	if (what == MQ_OPEN)
		return get(ns->mq_queues_count);
	return (__u64)get(ids->seq) << 32 | (__u32)get(ids->last_idx);
}

// was_made reports whether a call made what it returned.
INLINE bool was_made(const struct call *c, __u32 what, __s64 result)
{
	__u32 flags = what == MSGGET || what == MQ_OPEN ? c->args[1] : c->args[2], last;
	__u64 thread = bpf_get_current_pid_tgid(), state;
	struct entered *before;

	if (!gets(c, what)) {
		if (what == MQ_OPEN)
			return flags & O_CREAT;
		return (flags & IPC_CREAT) || (__u32)c->args[0] == IPC_PRIVATE;
	}
	before = bpf_map_lookup_elem(&entered, &thread);
	if (!before)
		return 0;
	state = state_for(what);
	if (what == MQ_OPEN)
		return state > before->state;
	last = state;
	// The object that was made last, and one was since the call began.
	return state != before->state && ((result & 0x7fff) == last || (result & 0xffffff) == last); // IPCMNI, and extended
}

// existence tells of an object that was made or removed.
static __attribute__((noinline)) int existence(const struct call *c, __u32 what, __s64 result)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	__u64 name = c->args[0], other = 0, thread = bpf_get_current_pid_tgid();
	struct path___mount *base = NULL;
	struct file *file = NULL;
	struct made *r;
	bool told = 0;

	if (!s || is_reader(s, current))
		return 0;
	switch (what) {
	case SHMGET:
	case SEMGET:
	case MSGGET:
	case MQ_OPEN:
		told = result >= 0 && was_made(c, what, result);
		bpf_map_delete_elem(&entered, &thread);
		if (what == MQ_OPEN)
			file = file_at(current, result);
		break;
	case SHMCTL:
	case MSGCTL:
		told = !result && !(c->args[1] & ~IPC_64);
		break;
	case SEMCTL:
		told = !result && !(c->args[2] & ~IPC_64);
		break;
	case MQ_UNLINK:
		told = !result;
		break;
	case OPEN:
		if (result < 0)
			return 0;
		file = file_at(current, result);
		told = get(file->f_mode) & FMODE_CREATED && is_at_shm(path_in(file));
		name = 0;
		base = path_in(file);
		break;
	case LINK:
		name = c->args[1];
		other = c->args[0];
		told = !result && names_shm(name, 0, AT_FDCWD, &base);
		break;
	case LINKAT:
		name = fourth(c);
		other = c->args[1];
		told = !result && names_shm(name, 1, c->args[2], &base);
		break;
	case UNLINK:
		told = !result && names_shm(name, 0, AT_FDCWD, &base);
		break;
	case UNLINKAT:
		name = c->args[1];
		told = !result && !(c->args[2] & AT_REMOVEDIR) && names_shm(name, 1, c->args[0], &base);
		break;
	case MKNOD:
		told = !result && (c->args[1] & S_IFMT) == S_IFIFO;
		break;
	case MKNODAT:
		name = c->args[1];
		told = !result && (c->args[2] & S_IFMT) == S_IFIFO;
		break;
	}
	if (!told)
		return 0;
	r = record_of(sizeof(*r), __builtin_offsetof(struct made, name), MADE); // all of it would be too much to fill at a time
	if (!r)
		return 0;
	r->name[0] = r->other[0] = 0;
	r->base.length = 0;
	r->what = what;
	party_of(&r->who, current, s);
	r->ipc = get(get(get(current->nsproxy)->ipc_ns)->ns.inum);
	if (what >= SHMGET && what <= MSGCTL) {
		r->id = what <= MSGGET ? result : c->args[0];
		r->key = what <= MSGGET ? c->args[0] : 0;
	} else {
		if (name)
			bpf_probe_read_user_str(r->name, sizeof(r->name), (void *)name);
		if (other)
			bpf_probe_read_user_str(r->other, sizeof(r->other), (void *)other);
		if (file)
			look_behind(&r->file, file);
		if (base)
			path_of(&r->base, base);
	}
	bpf_ringbuf_submit(r, 0);
	return 0;
}

INLINE __u32 what_is(__u64 number, bool compat)
{
	if (number >= CALLS)
		return 0;
	return compat ? calls32[number] : calls[number];
}

// what_by is what the call of a thread does, by its registers.
INLINE __u32 what_by(__u64 *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct pt_regs___amd64 *amd64 = (void *)ctx[0];
	struct pt_regs___arm64 *arm64 = (void *)ctx[0];

	if (field_exists(amd64->orig_ax))
		return what_is(amd64->orig_ax, ((struct task_struct___trace_amd64 *)current)->thread_info.status & TS_COMPAT);
	if (field_exists(arm64->orig_x0))
		return what_is(arm64->syscallno, ((struct task_struct___trace_arm64 *)current)->thread_info.flags & TIF_32BIT);
	return 0;
}

// Attached only where what is made is asked for.
SEC("tp_btf/sys_enter") int call_begins(__u64 *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 what = what_by(ctx);
	struct entered e;
	struct call c;

	if (what < SHMGET || (what > MSGGET && what != MQ_OPEN && what != MULTIPLEXED_IPC))
		return 0;
	call_of(&c, bpf_get_current_task_btf());
	if (what == MULTIPLEXED_IPC)
		what = demultiplex_ipc(&c);
	if (!gets(&c, what))
		return 0;
	e.state = state_for(what);
	bpf_map_update_elem(&entered, &thread, &e, 0);
	return 0;
}

SEC("tp_btf/sys_exit") int call_returned(__u64 *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	__s64 result = ctx[1];
	__u32 what = what_by(ctx);
	struct call c;

	if (!what || (result <= -ERESTARTSYS && result > -4096))
		return 0;
	call_of(&c, current);
	if (what == RECEIVE_MESSAGES)
		c.args[2] = fourth(&c);
	if (what == MULTIPLEXED)
		what = demultiplex(&c);
	if (what == CONNECT || what == ACCEPT)
		return connection(file_at(current, what == ACCEPT && result >= 0 ? result : c.args[0]), what, result, c.args[1], c.args[2], 1);
	if (what == SEND || what == RECEIVE || what == TAKE || what == SEND_MESSAGES || what == RECEIVE_MESSAGES)
		return passing(&c, what, result);
	if (what == MULTIPLEXED_IPC)
		what = demultiplex_ipc(&c);
	return what ? existence(&c, what, result) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
