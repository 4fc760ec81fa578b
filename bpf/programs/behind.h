// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What is behind descriptors: the numbers that a record has of it.
#pragma once

#include "kernel.h"

// What is behind a descriptor, and what the numbers of a record then are.
#define OTHER 0
#define PIPE 1 // bytes queued, capacity in pages, readers, writers, whether it moved meanwhile; a FIFO, too
#define SOCKET 2 // family, type, protocol, state, network namespace, queued messages, descriptors in flight
#define EVENTFD 3 // count, flags, id

// most buffers of a pipe that are counted: what anyone may make of one by himself.
#define MAX_BUFFERS 256

// bytes_queued adds up the buffers of a pipe. It is ~0 for one that has too many.
VERIFIED_ONCE __u64 bytes_queued(__u64 pipe_at)
{
	struct pipe_inode_info *pipe = (struct pipe_inode_info *)pipe_at;
	__u32 head = load(pipe, head), at = load(pipe, tail), mask = load(pipe, ring_size) - 1;
	__u64 buffers = address_of(get(pipe->bufs)), sum = 0;

	if (head - at > MAX_BUFFERS)
		return ~0ULL;
	for (__u32 i = 0; i < MAX_BUFFERS && at != head; i++, at++) {
		struct pipe_buffer *buffer = (struct pipe_buffer *)(buffers + (at & mask) * size_of(struct pipe_buffer));

		sum += load(buffer, len);
	}
	return sum;
}

INLINE void pipe_numbers(__u64 n[5], __u64 pipe_at)
{
	struct pipe_inode_info *pipe = (struct pipe_inode_info *)pipe_at;
	__u32 head = load(pipe, head), tail = load(pipe, tail);

	n[0] = head == tail ? 0 : bytes_queued(pipe_at);
	n[1] = load(pipe, max_usage);
	n[2] = load(pipe, readers);
	n[3] = load(pipe, writers);
	n[4] = (head ^ load(pipe, head)) | (tail ^ load(pipe, tail));
}

INLINE void eventfd_numbers(__u64 n[3], struct eventfd_ctx *counter)
{
	n[0] = load(counter, count);
	n[1] = load(counter, flags);
	n[2] = load(counter, id);
}
