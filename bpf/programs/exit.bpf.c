// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Processes that end, at the tracepoint sched_process_exit (include/trace/events/sched.h).

#include "trace.h"

KERNEL_TYPES

struct signal_struct___exit {
	atomic_t live; // threads
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
