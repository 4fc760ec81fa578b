// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Threads that slept for long, when somebody wakes them: the tracepoints sched_switch and
// sched_waking (include/trace/events/sched.h). What is short is not told of, so that most
// of what happens costs a note of the time.

#include "trace.h"

#define TASK_STORAGE 29 // BPF_MAP_TYPE_TASK_STORAGE
#define NO_PREALLOC 1 // BPF_F_NO_PREALLOC
#define CREATE 1 // BPF_LOCAL_STORAGE_GET_F_CREATE
#define PF_KTHREAD 0x00200000

static void *(*const bpf_task_storage_get)(void *map, struct task_struct *task, void *value, __u64 flags) = (void *)156;

// Where a processor is while it is no thread's.
#define TIMER 1 // in the function of a timer that ran out
#define DEVICE 2 // in the handler of an interrupt
#define LATER 4 // in the rest of an interrupt's work (softirq): packets that came

// record is what the reader gets: blocked.go reads it. No byte is padding.
struct record {
	__u64 time;
	__u32 kind;
	__u32 where; // the waker is
	__u64 slept; // ns
	__u64 ipc; // namespace of the thread, an inode number
	struct party who, waker;
	struct call call;
	struct behind file; // of the call's first argument, if that is a descriptor
};

// asleep is when a thread went to sleep, 0 while it runs.
struct {
	__u32 (*type)[TASK_STORAGE];
	__u32 (*map_flags)[NO_PREALLOC];
	__u32 *key;
	__u64 *value;
} asleep SEC(".maps");

// How long each thread's waits last and who ends them, where that is asked for.
volatile const __u32 counted;

struct wait_key {
	__u64 thread; // struct task_struct
	__u64 call, argument; // the system call and its first argument
};

#define BUCKETS 32

// waits are what is known of the waits of a thread in a system call: waits.go reads it. No
// byte is padding.
struct waits {
	__u64 start; // of the thread, ns after boot: whether it is still the same one
	__u64 count, slept; // ns
	__u64 last; // when it was woken, ns of the kernel's monotonic clock
	__u64 by, by_start; // the thread that woke it last
	__u32 where; // that was then
	__u32 unused;
	struct party who, waker;
	__u32 buckets[BUCKETS]; // how many lasted up to 2, 4, 8 … times 1,024 ns
};

struct {
	__u32 (*type)[LRU_HASH];
	__u32 (*max_entries)[8192];
	struct wait_key *key;
	struct waits *value;
} waits SEC(".maps");

// none is what a thread begins with, and stays as it is.
struct {
	__u32 (*type)[ARRAY];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct waits *value;
} none SEC(".maps");

INLINE __u32 bucket_of(__u64 ns)
{
	__u32 bucket = 0;

	ns >>= 11;
	for (int i = 0; i < BUCKETS - 1; i++) {
		if (!ns)
			break;
		ns >>= 1;
		bucket++;
	}
	return bucket;
}

// count_wait notes that a thread was woken. Nobody else does so for the same thread: the
// kernel has it locked.
INLINE void count_wait(const struct settings *s, struct task_struct *task, struct task_struct *current, __u32 where, __u64 now, __u64 slept)
{
	__u64 start = task->start_boottime, by_start = current->start_boottime;
	struct wait_key key = {.thread = address_of(task)};
	struct waits *w, *zero;
	struct call call = {};
	__u32 first = 0, bucket;

	if (s->self && address_of(task->signal) == s->self)
		return;
	call_of(&call, task);
	key.call = call.number;
	key.argument = call.args[0];
	w = bpf_map_lookup_elem(&waits, &key);
	if (!w || w->start != start) {
		zero = bpf_map_lookup_elem(&none, &first);
		if (!zero || bpf_map_update_elem(&waits, &key, zero, 0))
			return;
		w = bpf_map_lookup_elem(&waits, &key);
		if (!w)
			return;
		w->start = start;
		party_of(&w->who, task, s);
	}
	w->count++;
	w->slept += slept;
	w->last = now;
	w->where = where;
	bucket = bucket_of(slept);
	if (bucket < BUCKETS)
		w->buckets[bucket]++;
	if (w->by == address_of(current) && w->by_start == by_start)
		return; // the same as the last time, as it mostly is
	w->by = address_of(current);
	w->by_start = by_start;
	party_of(&w->waker, current, s);
}

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	__u32 *value;
} processor SEC(".maps");

INLINE void enter(__u32 what)
{
	__u32 first = 0, *where = bpf_map_lookup_elem(&processor, &first);

	if (where)
		*where |= what;
}

INLINE void leave(__u32 what)
{
	__u32 first = 0, *where = bpf_map_lookup_elem(&processor, &first);

	if (where)
		*where &= ~what;
}

SEC("raw_tp/hrtimer_expire_entry") int timer_begins(void) { enter(TIMER); return 0; }
SEC("raw_tp/hrtimer_expire_exit") int timer_ends(void) { leave(TIMER); return 0; }
SEC("raw_tp/timer_expire_entry") int old_timer_begins(void) { enter(TIMER); return 0; }
SEC("raw_tp/timer_expire_exit") int old_timer_ends(void) { leave(TIMER); return 0; }
SEC("raw_tp/irq_handler_entry") int interrupt_begins(void) { enter(DEVICE); return 0; }
SEC("raw_tp/irq_handler_exit") int interrupt_ends(void) { leave(DEVICE); return 0; }
SEC("raw_tp/softirq_entry") int later_begins(void) { enter(LATER); return 0; }
SEC("raw_tp/softirq_exit") int later_ends(void) { leave(LATER); return 0; }

// The arguments are whether the thread could have gone on, who runs and who will run.
SEC("tp_btf/sched_switch") int switched(__u64 *ctx)
{
	struct task_struct *from = (struct task_struct *)ctx[1], *to = (struct task_struct *)ctx[2];
	__u64 *since;

	if (!(to->flags & PF_KTHREAD)) {
		since = bpf_task_storage_get(&asleep, to, NULL, 0);
		if (since)
			*since = 0;
	}
	if (ctx[0] || from->flags & PF_KTHREAD || !from->__state)
		return 0;
	since = bpf_task_storage_get(&asleep, from, NULL, CREATE);
	if (since)
		*since = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_waking") int woken(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0], *current = bpf_get_current_task_btf();
	struct settings *s = settings_of_reader();
	__u32 first = 0, *where = bpf_map_lookup_elem(&processor, &first);
	__u64 *since, now, slept;
	struct record *r;

	if (!s || !where || task->flags & PF_KTHREAD)
		return 0;
	since = bpf_task_storage_get(&asleep, task, NULL, 0);
	if (!since || !*since)
		return 0;
	now = bpf_ktime_get_ns();
	slept = now - *since;
	*since = 0;
	if (counted)
		count_wait(s, task, current, *where, now, slept);
	if (!s->over || slept < s->over || !have_to_do(s, task, current))
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), WOKEN);
	if (!r)
		return 0;
	r->where = *where;
	r->slept = slept;
	party_of(&r->who, task, s);
	party_of(&r->waker, current, s);
	r->ipc = get(get(get(task->nsproxy)->ipc_ns)->ns.inum);
	call_of(&r->call, task);
	look_behind(&r->file, file_at(task, r->call.args[0]));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
