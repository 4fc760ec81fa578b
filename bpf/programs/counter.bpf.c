// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What many event counters are at now, of which it is known where they are.

#include "kernel.h"

#define EFD_SEMAPHORE 1 // include/linux/eventfd.h

static long (*const bpf_loop)(__u32 times, void *callback, void *context, __u64 flags) = (void *)181;

// A map of which the reader has the memory (BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE).
#define ARRAY 2
#define MAPPED (1 << 10)

// watched is a counter: where it is, and what is in it. counter.go reads and writes it.
struct watched {
	__u64 place; // 0: none
	__u64 count;
	__u32 semaphore;
	__s32 id;
};

struct {
	__u32 (*type)[ARRAY];
	__u32 (*map_flags)[MAPPED];
	__u32 (*max_entries)[1]; // counter.go sets how many
	__u32 *key;
	struct watched *value;
} watched SEC(".maps");

// look reads one counter. Whoever has it is known not to have run since its place was
// found out, so that it is still there. If he runs just now and it goes, what is read may be
// anything: then the id is another, or another counter took its place.
static long look(__u32 i, void *none)
{
	struct watched *w = bpf_map_lookup_elem(&watched, &i);
	struct eventfd_ctx *counter;

	(void)none;
	if (!w)
		return 1;
	counter = (struct eventfd_ctx *)w->place;
	w->count = get(counter->count);
	w->semaphore = get(counter->flags) & EFD_SEMAPHORE;
	w->id = get(counter->id);
	return 0;
}

struct arguments {
	__u64 counters;
};

// counters looks at so many (BPF_PROG_TEST_RUN).
SEC("raw_tp/sys_enter") int counters(struct arguments *ctx)
{
	bpf_loop(ctx->counters, look, NULL, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
