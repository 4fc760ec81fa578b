// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Processes that end, at the tracepoint sched_process_exit (include/trace/events/sched.h), and
// the robust locks (get_robust_list(2)) that their threads have then.

#include "calls.h"

KERNEL_TYPES

struct signal_struct___exit {
	atomic_t live; // threads
};

struct robust_list_head;
struct task_struct___robust {
	struct robust_list_head *robust_list;
};
struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

KERNEL_TYPES_END

#define SIGNAL_GROUP_EXIT 4 // include/linux/sched/signal.h

// record is what the reader gets: exit.go reads it. No byte is padding.
struct record {
	__u64 time;
	__u32 kind;
	__u32 code; // as wait4(2) has it
	struct party who;
	__u64 lived; // ns
};

#define MAX_ROBUST 4 // that are told of, of those that end with a thread
#define MAX_WALK 64 // locks in a list that are looked at
#define FUTEX_TID_MASK 0x3fffffff
#define PAGE_SHIFT 12

// robust is a record that exit.go reads: locks whose owner ends without unlocking them. No byte is
// padding.
struct robust {
	__u64 time;
	__u32 kind;
	__u32 count;
	struct party who;
	__u64 ipc; // namespace, an inode number
	struct {
		__u64 address;
		__u64 offset; // in the file
		struct known_as file; // that is mapped there; none: the memory is the process's own
	} locks[MAX_ROBUST];
};

struct list {
	__u64 next;
	__s64 offset; // from a lock in the list to its word
	__u64 pending; // a lock that is being locked or unlocked
};

struct place {
	struct file *file;
	__u64 offset;
	__u64 address;
};

static long (*const bpf_find_vma)(struct task_struct *task, __u64 address, void *f, void *ctx, __u64 flags) = (void *)180;

static long place_of(struct task_struct *task, struct vm_area_struct *memory, struct place *p)
{
	(void)task;
	p->file = get(memory->vm_file);
	p->offset = p->address - get(memory->vm_start) + (get(memory->vm_pgoff) << PAGE_SHIFT);
	return 0;
}

// A thread's memory is there still, and its robust list has not been looked at by the kernel (before
// Linux 6.16 both is over when this tracepoint comes).
SEC("raw_tp/sched_process_exit") int locks_ended(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 head = address_of(get(((struct task_struct___robust *)task)->robust_list)), at;
	struct settings *s = settings_of_reader();
	struct pid *own = get(task->thread_pid);
	struct robust *r = NULL;
	struct upid number;
	struct list list;

	if (!s || !head || ctx[0] != address_of(task) || !have_to_do(s, task, task) || !read_user(list, head))
		return 0;
	number_at(own, get(own->level), &number);
	at = list.next;
	for (__u32 i = 0; i <= MAX_WALK; i++) {
		struct place p = {};
		__u32 word, n;

		if (i == MAX_WALK || at == head || !at)
			break;
		p.address = (at & ~1ULL) + list.offset; // the lowest bit tells locks with priority inheritance
		if (!read_user(word, p.address) || !read_user(at, at & ~1ULL))
			break;
		if ((word & FUTEX_TID_MASK) != (__u32)number.nr)
			continue;
		if (!r) {
			r = record_of(sizeof(*r), sizeof(*r), ROBUST);
			if (!r)
				return 0;
			party_of(&r->who, task, s);
			r->ipc = get(get(get(task->nsproxy)->ipc_ns)->ns.inum);
		}
		n = r->count++;
		as_it_is(n);
		if (n >= MAX_ROBUST)
			continue;
		bpf_find_vma(task, p.address, place_of, &p, 0);
		r->locks[n].address = p.address;
		r->locks[n].offset = p.offset;
		if (p.file)
			look_closer(&r->locks[n].file, p.file);
	}
	if (r)
		bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("raw_tp/sched_process_exit") int process_ended(__u64 *ctx)
{
	struct settings *s = settings_of_reader();
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct signal_struct *signal = get(task->signal);
	struct record *r;

	// The thread that ends last ends the process. Two that end at a time may both be told of.
	if (!s || get(((struct signal_struct___exit *)signal)->live.counter) || !have_to_do(s, task, task))
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), EXITED);
	if (!r)
		return 0;
	r->code = get(signal->flags) & SIGNAL_GROUP_EXIT ? get(signal->group_exit_code) : get(task->exit_code);
	party_of(&r->who, task, s);
	r->lived = bpf_ktime_get_boot_ns() - get(get(task->group_leader)->start_boottime);
	bpf_ringbuf_submit(r, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
