// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What many pipes and event counters are like now, of which it is known where they are.

#include "behind.h"

static long (*const bpf_loop)(__u32 times, void *callback, void *context, __u64 flags) = (void *)181;

// A map of which the reader has the memory (BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE).
#define ARRAY 2
#define MAPPED (1 << 10)

// watched is a pipe or an event counter. watched.go writes and reads it.
struct watched {
	__u64 place; // of a pipe: its inode
	__u64 ino; // of a pipe
	__u32 dev; // the file system of a FIFO; 0: an anonymous pipe, or a counter
	__u32 what; // OTHER: it is not there any more
	__u64 n[5];
};

struct {
	__u32 (*type)[ARRAY];
	__u32 (*map_flags)[MAPPED];
	__u32 (*max_entries)[1]; // watched.go sets how many
	__u32 *key;
	struct watched *value;
} watched SEC(".maps");

// Somebody who has not run since the place was found out has it open, so that it is still
// there. If he runs just now and it goes, what is read may be anything: that shows.

INLINE bool is_pipe(struct watched *w, struct inode *inode, struct pipe_inode_info *pipe)
{
	return pipe && get(inode->i_pipe) == pipe && load(inode, i_ino) == w->ino && (!w->dev || get(get(inode->i_sb)->s_dev) == w->dev);
}

INLINE void look_at_pipe(struct watched *w)
{
	struct inode *inode = (struct inode *)w->place;
	struct pipe_inode_info *pipe = get(inode->i_pipe);

	pipe_numbers(w->n, address_of(pipe));
	if (!is_pipe(w, inode, pipe))
		w->what = OTHER;
}

INLINE void look_at_counter(struct watched *w)
{
	__u64 id = w->n[2];

	eventfd_numbers(w->n, (struct eventfd_ctx *)w->place);
	if (w->n[2] != id)
		w->what = OTHER;
}

static long look(__u32 i, void *none)
{
	struct watched *w = bpf_map_lookup_elem(&watched, &i);

	(void)none;
	if (!w)
		return 1;
	if (w->what == PIPE)
		look_at_pipe(w);
	else if (w->what == EVENTFD)
		look_at_counter(w);
	return 0;
}

struct arguments {
	__u64 count;
};

// look_at looks at so many (BPF_PROG_TEST_RUN).
SEC("raw_tp/sys_enter") int look_at(struct arguments *ctx)
{
	bpf_loop(ctx->count, look, NULL, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
