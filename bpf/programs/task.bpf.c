// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Every thread of the reader's pid namespace, with what stat, status, schedstat,
// syscall and ns/* of the proc file system say of it.

#include "pidns.h"

// Flags of a record.
#define TASK_CALL 1 // it left user mode with the registers in the record
#define TASK_SIGNALS 2 // what becomes of signals is in the record
#define TASK_TIMERS 4 // its process may have POSIX timers

#define INNER_PIDS 7

#define RLIMIT_NOFILE 7 // include/uapi/asm-generic/resource.h
#define RLIMIT_SIGPENDING 11

// record is what the reader gets: task.go reads it. No byte is padding, and none is
// another as long as the thread does not run and nobody changes something of it.
struct record {
	__u32 tid, pid, ppid, pgid, sid, tracer;
	__u32 state, exit_state;
	__u32 flags, task_flags, group_flags;
	__u32 core; // its process writes a core
	__u32 threads;
	__u32 tty;
	__u32 uid, real_uid;
	__u32 exit_code;
	__u32 cpu;
	__u32 uts, ipc, mnt, net, pidns, user, cgroupns, time;
	__u32 depth; // how many pid namespaces below the reader's it is in
	__u32 inner[INNER_PIDS];
	__u64 start; // after boot as the reader's time namespace has it, ns
	__u64 runs, exec_start;
	__u64 pending, shared_pending, blocked, ignored, caught;
	__u64 files, queue; // soft limits: RLIMIT_NOFILE, RLIMIT_SIGPENDING
	__u64 cgroup, cgroups;
	__u64 call, args[6], sp, ip;
	char comm[16];
};

// What this program alone reads: the loader leaves out what follows ___ in a name.
KERNEL_TYPES

struct sched_avg {
	__u64 last_update_time;
};
struct sched_entity___task {
	struct sched_avg avg; // not in a kernel for one processor
};
struct task_struct___task {
	unsigned int policy;
};
struct thread_info___amd64 {
	unsigned int status;
};
struct cred___real {
	kuid_t uid;
};
struct timers { // list_head, or hlist_head since Linux 6.10
};
struct signal_struct___timers {
	struct timers posix_timers; // with CONFIG_POSIX_TIMERS
};

KERNEL_TYPES_END

#define namespace_of(pointer) load(get(pointer), ns.inum)

INLINE void namespaces(struct record *r, struct task_struct *task)
{
	struct nsproxy *ns = get(task->nsproxy);

	r->uts = namespace_of(ns->uts_ns);
	r->ipc = namespace_of(ns->ipc_ns);
	r->mnt = namespace_of(ns->mnt_ns);
	r->net = namespace_of(ns->net_ns);
	if (field_exists(ns->cgroup_ns))
		r->cgroupns = namespace_of(ns->cgroup_ns);
	if (field_exists(ns->time_ns))
		r->time = namespace_of(ns->time_ns);
	r->user = namespace_of(get(task->real_cred)->user_ns);
}

INLINE void ids(struct record *r, struct task_struct *task, const struct pid_view *view)
{
	struct signal_struct *signal = get(task->signal);
	struct pid *pid = get(task->thread_pid);
	__u32 level = load(pid, level);
	struct upid upid;

	r->ppid = process_in(view, get(task->real_parent));
	r->pgid = pid_in(view, get(signal->pids[PIDTYPE_PGID]));
	r->sid = pid_in(view, get(signal->pids[PIDTYPE_SID]));
	r->tracer = pid_in(view, get(get(task->parent)->thread_pid));
	if (!get(task->ptrace))
		r->tracer = 0;
	number_at(pid, level, &upid);
	r->pidns = load(upid.ns, ns.inum);
	r->depth = level - view->level;
	for (__u32 i = 0; i < INNER_PIDS; i++) {
		number_at(pid, view->level + 1 + i, &upid);
		r->inner[i] = i < r->depth ? upid.nr : 0;
	}
}

// actions is room for what a process does at each signal.
struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	__u64 (*value)[64][4];
} actions SEC(".maps");

// not_zero is 1 or 0, without a branch: the verifier follows every way through a loop.
INLINE __u64 not_zero(__u64 x)
{
	__u64 sign = x | -x;

	asm volatile("" : "+r"(sign)); // or the compiler makes a branch of it
	return sign >> 63;
}

// dispositions are what is ignored and caught, which all threads of a process share.
INLINE void dispositions(struct record *r, struct task_struct *task)
{
	struct sighand_struct *hand = get(task->sighand);
	__u64 (*action)[4];
	__u32 first = 0;

	action = bpf_map_lookup_elem(&actions, &first);
	if (!hand || !action || size_of(struct k_sigaction) != sizeof(action[0]))
		return;
	if (bpf_probe_read_kernel(action, 64 * sizeof(action[0]), &hand->action))
		return;
	r->flags |= TASK_SIGNALS;
	for (__u32 i = 0; i < 64; i++) {
		__u64 handler = action[i][0]; // the first field
		__u64 set = not_zero(handler), other = not_zero(handler ^ 1); // SIG_IGN is 1

		r->ignored |= (set & ~other) << i;
		r->caught |= (set & other) << i;
	}
}

#define TS_COMPAT 2 // arch/x86/include/asm/thread_info.h: in a call of 32-bit programs

INLINE void registers(struct record *r, struct task_struct *task)
{
	void *saved = bpf_task_pt_regs(task);
	struct pt_regs___amd64 *amd64 = saved;
	struct pt_regs___arm64 *arm64 = saved;
	struct thread_info___amd64 *info = (struct thread_info___amd64 *)&task->thread_info;

	if (field_exists(amd64->orig_ax)) {
		if (load(info, status) & TS_COMPAT)
			return; // whose arguments are in other registers
		r->call = load(amd64, orig_ax);
		r->args[0] = load(amd64, di);
		r->args[1] = load(amd64, si);
		r->args[2] = load(amd64, dx);
		r->args[3] = load(amd64, r10);
		r->args[4] = load(amd64, r8);
		r->args[5] = load(amd64, r9);
		r->sp = load(amd64, sp);
		r->ip = load(amd64, ip);
	} else if (field_exists(arm64->orig_x0)) {
		r->call = (__s64)load(arm64, syscallno);
		r->args[0] = load(arm64, orig_x0);
		r->args[1] = load(arm64, regs[1]);
		r->args[2] = load(arm64, regs[2]);
		r->args[3] = load(arm64, regs[3]);
		r->args[4] = load(arm64, regs[4]);
		r->args[5] = load(arm64, regs[5]);
		r->sp = load(arm64, sp);
		r->ip = load(arm64, pc);
	} else {
		return;
	}
	r->flags |= TASK_CALL;
}

INLINE void terminal(struct record *r, struct task_struct *task)
{
	struct tty_struct *tty = get(get(task->signal)->tty);
	struct tty_driver *driver = get(tty->driver);
	__u32 minor = get(driver->minor_start) + get(tty->index);

	// new_encode_dev of include/linux/kdev_t.h
	r->tty = (minor & 0xff) | get(driver->major) << 8 | (minor & ~0xffU) << 12;
}

INLINE bool writes_core(struct task_struct *task)
{
	struct signal_struct *signal = get(task->signal);

	if (field_exists(signal->core_state))
		return get(signal->core_state);
	return get(get(task->mm)->core_state);
}

// boot_offset is by how much the reader's clock of the time since boot differs.
INLINE __u64 boot_offset(void)
{
	struct nsproxy *ns = get(bpf_get_current_task_btf()->nsproxy);
	struct timespec64 offset = {};

	if (field_exists(ns->time_ns))
		read(offset, &get(ns->time_ns)->offsets.boottime);
	return offset.tv_sec * 1000000000LL + offset.tv_nsec;
}

#define SCHED_OTHER 0 // include/uapi/linux/sched.h
#define SCHED_BATCH 3
#define SCHED_IDLE 5

// ran_last is what the clock of its processor showed when a thread last ran; 0 if that is
// not known. parseSched of package waitstate says why exec_start may be 0.
INLINE __u64 ran_last(struct task_struct *task)
{
	struct sched_entity___task *entity = (struct sched_entity___task *)&task->se;
	__u32 policy = get(((struct task_struct___task *)task)->policy);

	if (task->se.exec_start || !field_exists(entity->avg.last_update_time))
		return task->se.exec_start;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE ? get(entity->avg.last_update_time) : 0;
}

// may_have_timers tells by the head of their list, which in an empty one leads to nothing or
// to itself.
INLINE bool may_have_timers(struct signal_struct *signal)
{
	struct signal_struct___timers *of = (struct signal_struct___timers *)signal;
	__u64 first;

	if (!field_exists(of->posix_timers))
		return 1;
	read(first, &of->posix_timers);
	return first && first != address_of(&of->posix_timers);
}

// What the reader wants to know besides whether a thread has run, and where it is blocked.
#define ALL_FIELDS 1

#define ARRAY 2 // BPF_MAP_TYPE_ARRAY

struct {
	__u32 (*type)[ARRAY];
	__u32 (*max_entries)[1];
	__u32 *key;
	__u32 *value;
} wanted SEC(".maps");

INLINE void all_fields(struct record *r, struct task_struct *task, const struct pid_view *view)
{
	struct signal_struct *signal = get(task->signal);

	ids(r, task, view);
	r->threads = load(signal, nr_threads);
	r->uid = load(get(task->cred), euid.val);
	r->real_uid = load((struct cred___real *)get(task->cred), uid.val);
	r->pending = task->pending.signal.sig[0];
	r->shared_pending = load(signal, shared_pending.signal.sig[0]);
	r->blocked = task->blocked.sig[0];
	r->cgroup = load(get(get(get(task->cgroups)->dfl_cgrp)->kn), id);
	read(r->comm, &task->comm);
	namespaces(r, task);
	terminal(r, task);
	r->group_flags = load(signal, flags);
	r->exit_code = load(signal, group_exit_code);
	r->files = load(signal, rlim[RLIMIT_NOFILE].rlim_cur);
	r->queue = load(signal, rlim[RLIMIT_SIGPENDING].rlim_cur);
	r->core = writes_core(task);
	if (r->tid == r->pid)
		dispositions(r, task);
}

SEC("iter/task") int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct signal_struct *signal;
	struct pid_view view;
	struct record r = {};
	__u32 first = 0, *parts;

	if (!task)
		return 0;
	parts = bpf_map_lookup_elem(&wanted, &first);
	if (!parts)
		return 0;
	// The count comes first: what follows is of then or later.
	r.runs = task->sched_info.pcount;
	r.state = task->__state;
	r.exit_state = task->exit_state;
	view = reader_view();
	signal = task->signal;
	r.tid = pid_in(&view, get(task->thread_pid));
	r.pid = pid_in(&view, get(signal->pids[PIDTYPE_TGID]));
	r.exec_start = ran_last(task);
	if (field_exists(task->thread_info.cpu))
		r.cpu = task->thread_info.cpu;
	r.start = task->start_boottime + boot_offset();
	r.task_flags = task->flags;
	r.cgroups = address_of(get(task->cgroups));
	registers(&r, task);
	if (may_have_timers(signal))
		r.flags |= TASK_TIMERS;
	if (*parts & ALL_FIELDS)
		all_fields(&r, task, &view);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
