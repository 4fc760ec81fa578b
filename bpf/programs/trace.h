// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What all programs have in common that tell of events while they happen: whom they tell
// (settings), how (a ring buffer), and who did it to whom (party).
#pragma once

#include "pidns.h"

// What these programs alone read of the kernel's structures: the loader leaves out what
// follows ___ in a name. The other objects stay the same bytes so.
KERNEL_TYPES

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct___trace {
	struct fdtable *fdt;
};

struct task_struct___trace {
	sigset_t real_blocked; // in sigtimedwait(2): what blocked is without it
	int pdeath_signal;
	struct files_struct___trace *files;
};

// How a thread made its system call.
struct thread_info___trace_amd64 {
	__u32 status;
};
struct thread_info___trace_arm64 {
	unsigned long flags;
};
struct task_struct___trace_amd64 {
	struct thread_info___trace_amd64 thread_info;
};
struct task_struct___trace_arm64 {
	struct thread_info___trace_arm64 thread_info;
};
struct pt_regs___trace_ia32 {
	unsigned long bx;
	unsigned long cx;
};

struct inode___trace {
	__u32 i_rdev; // of a device: major << 20 | minor
};

KERNEL_TYPES_END

// What kind of event a record is.
#define SENT 1 // signal.bpf.c
#define TAKEN 2
#define VICTIM 3 // the running thread has killed a process for its memory (the OOM killer)
#define EXITED 4 // exit.bpf.c
#define WOKEN 5 // blocked.bpf.c

#define HASH 1 // BPF_MAP_TYPE_HASH
#define ARRAY 2
#define LRU_HASH 9
#define RING_BUFFER 27

static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;

static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u64 (*const bpf_ktime_get_boot_ns)(void) = (void *)125;

// settings are of the process that reads the events. It runs the program "observer" once.
struct settings {
	struct pid_view view;
	__u64 boot_offset; // by how much its clock of the time since boot differs
	__u64 now; // when the program ran, ns of the kernel's monotonic clock
	__u64 self; // the process that reads, as a struct signal_struct; 0 if it is to be seen, too
	__u64 signals; // a bit for each signal that is asked for
	__u64 over; // how long a wait must last to be told of, ns
	__u32 by_process; // only events of processes in the map "chosen"
	__u32 no_self; // the process that reads is not to be seen
	__u32 urgent; // SIGURG that a process sends to its own threads is to be seen
};

struct {
	__u32 (*type)[ARRAY];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct settings *value;
} settings SEC(".maps");

// chosen are processes by their number in the reader's namespace.
struct {
	__u32 (*type)[HASH];
	__u32 (*max_entries)[4096];
	__u32 *key;
	__u32 *value;
} chosen SEC(".maps");

struct {
	__u32 (*type)[RING_BUFFER];
	__u32 (*max_entries)[1 << 20];
} events SEC(".maps");

// counts are of what is not told of.
#define LOST 0 // there was no room
#define LEFT_OUT 1 // SIGURG within a process

struct {
	__u32 (*type)[ARRAY];
	__u32 (*max_entries)[2];
	__u32 *key;
	__u64 *value;
} counts SEC(".maps");

// party is who takes part in an event. trace.go reads it.
struct party {
	__u32 pid, tid; // in the reader's namespace, 0: not in there
	__u64 start; // of the process, ns after boot as the reader's time namespace has it
	__u32 uid;
	__u32 flags; // of the thread: PF_*
	__u32 sid; // session
	__u32 inner; // the process's number in its own namespace
	char comm[16]; // of the process: of its main thread
};

INLINE struct settings *settings_of_reader(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&settings, &first);
}

INLINE void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		__sync_fetch_and_add(n, 1);
}

// head is what each record begins with.
struct head {
	__u64 time; // ns of the kernel's monotonic clock
	__u32 kind;
};

// record_of makes room for a record of that size and begins it: the first bytes are filled with
// zeros, then come the time and the kind. It is NULL where there is no room, which is counted.
INLINE void *record_of(__u64 size, __u64 filled, __u32 kind)
{
	struct head *r = bpf_ringbuf_reserve(&events, size, 0);

	if (!r) {
		count(LOST);
		return NULL;
	}
	__builtin_memset(r, 0, filled);
	r->time = bpf_ktime_get_ns();
	r->kind = kind;
	return r;
}

INLINE bool is_chosen(__u32 pid)
{
	return pid && bpf_map_lookup_elem(&chosen, &pid);
}

// have_to_do reports whether an event between two threads is asked for.
INLINE bool have_to_do(const struct settings *s, struct task_struct *one, struct task_struct *other)
{
	if (s->self && (address_of(get(one->signal)) == s->self || address_of(get(other->signal)) == s->self))
		return 0;
	return !s->by_process || is_chosen(process_in(&s->view, one)) || is_chosen(process_in(&s->view, other));
}

INLINE void party_of(struct party *p, struct task_struct *task, const struct settings *s)
{
	struct task_struct *leader = get(task->group_leader);
	struct signal_struct *signal = get(task->signal);
	struct pid *process = get(signal->pids[PIDTYPE_TGID]);
	struct upid upid;

	p->tid = pid_in(&s->view, get(task->thread_pid));
	p->pid = pid_in(&s->view, process);
	p->sid = pid_in(&s->view, get(signal->pids[PIDTYPE_SID]));
	number_at(process, get(process->level), &upid);
	p->inner = upid.nr;
	p->start = get(leader->start_boottime) + s->boot_offset;
	p->uid = get(get(task->cred)->euid.val);
	p->flags = get(task->flags);
	read(p->comm, &leader->comm);
}

// behind is a file that an event has to do with.
struct behind {
	__u32 mode; // 0: none
	__u32 dev, rdev;
	__u32 family; // of a socket, with type and protocol
	__u32 type, protocol;
	__u64 magic; // of its file system
	__u64 ino;
};

#define SOCKFS_MAGIC 0x534f434b // include/uapi/linux/magic.h

INLINE struct file *file_at(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = get(get(((struct task_struct___trace *)task)->files)->fdt);

	if (fd >= get(table->max_fds))
		return NULL;
	return get(*(get(table->fd) + fd));
}

INLINE void look_behind(struct behind *b, struct file *file)
{
	struct inode *inode = get(file->f_inode);
	struct super_block *sb = get(inode->i_sb);

	if (!file)
		return;
	b->mode = get(inode->i_mode);
	b->rdev = get(((struct inode___trace *)inode)->i_rdev);
	b->ino = get(inode->i_ino);
	b->dev = get(sb->s_dev);
	b->magic = get(sb->s_magic);
	if (b->magic == SOCKFS_MAGIC) {
		struct sock *sk = get(((struct socket *)get(file->private_data))->sk);

		b->family = get(sk->__sk_common.skc_family);
		b->type = get(sk->sk_type);
		b->protocol = get(sk->sk_protocol);
	}
}

// call_of is the system call that a thread is in, with its first three arguments.
struct call {
	__u64 number; // -1: none. With CALL32 it is one of a 32-bit program
	__u64 args[3];
};

#define CALL32 (1ULL << 32)
#define TS_COMPAT 2 // arch/x86/include/asm/thread_info.h
#define TIF_32BIT (1 << 22) // arch/arm64/include/asm/thread_info.h

INLINE void call_of(struct call *c, struct task_struct *task)
{
	void *saved = bpf_task_pt_regs(task);
	struct pt_regs___amd64 *amd64 = saved;
	struct pt_regs___arm64 *arm64 = saved;

	c->number = -1;
	if (field_exists(amd64->orig_ax)) {
		struct pt_regs___trace_ia32 *ia32 = saved;

		c->number = get(amd64->orig_ax);
		if (get(((struct task_struct___trace_amd64 *)task)->thread_info.status) & TS_COMPAT) {
			c->number = (__u32)c->number | CALL32;
			c->args[0] = (__u32)get(ia32->bx);
			c->args[1] = (__u32)get(ia32->cx);
			c->args[2] = (__u32)get(amd64->dx);
			return;
		}
		c->args[0] = get(amd64->di);
		c->args[1] = get(amd64->si);
		c->args[2] = get(amd64->dx);
	} else if (field_exists(arm64->orig_x0)) {
		c->number = (__s64)get(arm64->syscallno);
		if (get(((struct task_struct___trace_arm64 *)task)->thread_info.flags) & TIF_32BIT)
			c->number = (__u32)c->number | CALL32;
		c->args[0] = get(arm64->orig_x0);
		c->args[1] = get(arm64->regs[1]);
		c->args[2] = get(arm64->regs[2]);
	}
}
