// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The tables of what each process sends and receives through each channel: rate.go reads
// them in place.
#pragma once

#include "rate.h"

// A map whose elements lie side by side (BPF_MAP_TYPE_ARRAY), which the reader maps.
#define ARRAY 2
#define BPF_F_MMAPABLE 1024

static __u64 (*const bpf_get_current_task)(void) = (void *)35;

// The reader's pid namespace.
volatile const __u32 reader_namespace;

// What a channel is, and what its numbers then are.
#define OTHER 0
#define FILE 1 // a pipe, FIFO or socket: device, inode
#define TERMINAL_MASTER 2 // device of its devpts, index
#define TERMINAL_SLAVE 3
#define EVENTFD 4 // -, id
#define SYSV_QUEUE 5 // IPC namespace, id
#define SYSV_SEMAPHORES 6
#define FUTEX_WORD 7 // -, address
#define POSIX_QUEUE 8 // as a FILE

// key tells the channels of a process apart: by the number of the channel and the scope
// of that. Of a FILE and a POSIX_QUEUE these are the open file description and the inode
// number, by which a description that is another one at the same place is told.
struct key {
	__u64 number, scope;
	__u32 process; // in the initial pid namespace
	__u32 what; // the reader makes it a number that nothing has before it takes a place back
};

// count is a place in a table. What a call needs is in one line of the processor's cache.
// The reader gives back a place with all of it zero. No byte is padding.
struct count {
	struct key key;
	__u64 sent, sent_calls, received, received_calls;
	__u32 ready; // for the reader
	__u32 taken; // by how many that looked for a place
	__u64 scope, number;
	__u64 start; // of the process, after boot, ns
	__u32 pid;
	__u32 mode; // of a FILE: its type
	char comm[16];
	__u64 reserved[2];
};

// about is what a count needs to begin.
struct about {
	__u64 scope, number;
	__u64 task; // a thread of the process, 0: the calling one
	__u64 mode;
};

// Twice as large as what is promised: a channel is at one of PLACES that its key tells.
#define CHANNEL_BITS 15
#define FUTEX_BITS 13
#define PLACES 16

struct {
	__u32 (*type)[ARRAY];
	__u32 (*max_entries)[1 << CHANNEL_BITS];
	__u32 (*map_flags)[BPF_F_MMAPABLE];
	__u32 *key;
	struct count *value;
} channels SEC(".maps");

struct {
	__u32 (*type)[ARRAY];
	__u32 (*max_entries)[1 << FUTEX_BITS];
	__u32 (*map_flags)[BPF_F_MMAPABLE];
	__u32 *key;
	struct count *value;
} futexes SEC(".maps");

// Calls for which there was no room.
__u64 lost;

// number_of is the id of a process in the reader's pid namespace, 0 if it is not there.
VERIFIED_ONCE __u32 number_of(__u64 pid_at)
{
	struct pid *pid = (struct pid *)pid_at;
	__u32 level = get(pid->level);
	struct upid upid;

	for (__u32 i = 0; i <= 32 && i <= level; i++) { // MAX_PID_NS_LEVEL
		read(upid, address_of(&pid->numbers[0]) + i * size_of(struct upid));
		if (get(upid.ns->ns.inum) == reader_namespace)
			return upid.nr;
	}
	return 0;
}

INLINE __u64 hash(const struct key *key)
{
	return key->number * 0x9e3779b97f4a7c15ULL ^ key->scope * 0xc2b2ae3d27d4eb4fULL ^ ((__u64)key->what << 32 | key->process) * 0xff51afd7ed558ccdULL;
}

INLINE bool is(const struct count *c, const struct key *key)
{
	return c->key.number == key->number && c->key.scope == key->scope && c->key.process == key->process && c->key.what == key->what;
}

// place is the first, second, ... of those at which a key can be.
INLINE struct count *place(void *table, __u32 bits, __u64 hash, __u32 nth)
{
	__u32 i = ((hash >> 32) + nth * ((__u32)hash | 1)) & ((1u << bits) - 1);

	return bpf_map_lookup_elem(table, &i);
}

// take takes a place that is free, unless another processor wants it at the same time.
INLINE bool take(struct count *c)
{
	volatile __u32 *taken = &c->taken;

	if (*taken)
		return 0;
	add(c->taken, 1);
	if (*taken == 1)
		return 1;
	add(c->taken, -1);
	return 0;
}

// first is what is counted of a channel if it is at the first of its places, as most are.
INLINE struct count *first(const struct key *key)
{
	__u64 at = hash(key);
	struct count *c = key->what == FUTEX_WORD ? place(&futexes, FUTEX_BITS, at, 0) : place(&channels, CHANNEL_BITS, at, 0);

	return c && is(c, key) ? c : NULL;
}

// find is what is counted of a channel. The first time a place is taken for it; where two
// processors do so at once it has two, which the reader adds up.
INLINE struct count *find(void *table, __u32 bits, const struct key *key, const struct about *about)
{
	__u64 at = hash(key);
	struct task_struct *leader;

	for (__u32 i = 0; i < PLACES; i++) {
		struct count *c = place(table, bits, at, i);

		if (c && is(c, key))
			return c;
	}
	for (__u32 i = 0; i < PLACES; i++) {
		struct count *c = place(table, bits, at, i);

		if (!c || !take(c))
			continue;
		leader = get(((struct task_struct *)(about->task ? about->task : bpf_get_current_task()))->group_leader);
		c->scope = about->scope;
		c->number = about->number;
		c->mode = about->mode;
		c->start = get(leader->start_boottime);
		c->pid = number_of(address_of(get(get(leader->signal)->pids[PIDTYPE_TGID])));
		read(c->comm, &leader->comm);
		c->key = *key;
		add(c->ready, 1);
		return c;
	}
	add(lost, 1);
	return NULL;
}

// Directions.
#define SENT 0
#define RECEIVED 1
#define BY_MODE 2
#define QUEUE 4 // added: a message, and not the text that read(2) has of a queue

INLINE void add_to(struct count *c, __u32 direction, __u64 bytes)
{
	if (direction == SENT) {
		add(c->sent, bytes);
		add(c->sent_calls, 1);
	} else {
		add(c->received, bytes);
		add(c->received_calls, 1);
	}
}

// count counts what a process sent or received through a channel.
VERIFIED_ONCE int count(const struct key *key, const struct about *about, __u32 direction, __u64 bytes)
{
	struct count *c;

	if (!key || !about)
		return 0;
	if (key->what == FUTEX_WORD)
		c = find(&futexes, FUTEX_BITS, key, about);
	else
		c = find(&channels, CHANNEL_BITS, key, about);
	if (c)
		add_to(c, direction, bytes);
	return 0;
}
