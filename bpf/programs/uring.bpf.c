// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What calls.bpf.c tells of system calls, of requests to an io_uring: the tracepoints
// io_uring_submit_req (before Linux 6.3 io_uring_submit_sqe) and io_uring_complete
// (include/trace/events/io_uring.h). A thread of the process that asked completes its requests:
// its descriptors and its memory are at hand then.

#include "connecting.h"
#include "passing.h"

volatile const __u32 asked; // a bit for each of CONNECT, ACCEPT, SEND and RECEIVE
volatile const __u32 by_entry; // the kernel tells of a completion by its struct io_uring_cqe

#define PF_KTHREAD 0x00200000
#define IORING_ACCEPT_MULTISHOT 1

KERNEL_TYPES

struct io_ring_ctx {
	unsigned int compat : 1;
};
struct io_cqe {
	__u64 user_data;
};
struct io_kiocb {
	struct file *file;
	__u8 opcode;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	struct io_uring_task *tctx;
};
struct io_uring_task {
	struct task_struct *task;
};
struct io_kiocb___before_6_13 {
	struct task_struct *task;
};
struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
};

// What a request is of begins where it does itself.
struct io_connect {
	void *addr;
	int addr_len;
};
struct io_accept {
	int iou_flags; // Linux 6.10
	__u32 file_slot;
};
struct io_sr_msg {
	void *umsg;
	unsigned int msg_flags;
};

KERNEL_TYPES_END

// what_asks is what a request does, 0 if that is not asked for.
INLINE __u32 what_asks(struct io_kiocb *request)
{
	__u32 what = 0;

	switch (get(request->opcode)) { // include/uapi/linux/io_uring.h
	case 9:
	case 48: // without a copy
		what = SEND;
		break;
	case 10:
		what = RECEIVE;
		break;
	case 13:
		what = ACCEPT;
		break;
	case 16:
		what = CONNECT;
		break;
	}
	return asked >> what & 1 ? what : 0;
}

INLINE bool is_compat(struct io_ring_ctx *ring)
{
	__u64 bits = 0;

	bpf_probe_read_kernel(&bits, __builtin_preserve_field_info(ring->compat, 1),
			      (void *)(address_of(ring) + __builtin_preserve_field_info(ring->compat, 0)));
	return bits << __builtin_preserve_field_info(ring->compat, 4) >> __builtin_preserve_field_info(ring->compat, 5);
}

// submitted are requests of which something has to be known when they complete: where a socket is
// connected to, and which ones accept again and again, as of theirs the kernel names no request.
struct submitted_key {
	__u64 ring;
	__u64 id; // of a request that accepts again and again what its program calls it
};

struct submitted {
	__u32 length;
	char address[128];
};

struct {
	__u32 (*type)[LRU_HASH];
	__u32 (*max_entries)[4096];
	struct submitted_key *key;
	struct submitted *value;
} submitted SEC(".maps");

// again is the key of a request that accepts again and again.
INLINE struct submitted_key again(struct io_ring_ctx *ring, __u64 user_data)
{
	struct submitted_key key = {.ring = address_of(ring), .id = user_data};

	return key;
}

INLINE struct submitted_key once(struct io_kiocb *request)
{
	// No ring is at an odd address: such a key is none of the other sort.
	struct submitted_key key = {.ring = address_of(get(request->ctx)) + 1, .id = address_of(request)};

	return key;
}

SEC("raw_tp/io_uring_submit_req") int request_submitted(__u64 *ctx)
{
	struct io_kiocb *request = (struct io_kiocb *)ctx[0];
	struct io_accept *accept = (void *)request;
	struct io_connect *connect = (void *)request;
	__u32 what = what_asks(request), length;
	struct submitted_key key;
	struct submitted s = {};

	if (what == CONNECT) {
		key = once(request);
		length = get(connect->addr_len);
		as_it_is(length);
		if (length <= sizeof(s.address) && !bpf_probe_read_user(s.address, length, get(connect->addr)))
			s.length = length;
	} else if (what == ACCEPT && field_exists(accept->iou_flags) && get(accept->iou_flags) & IORING_ACCEPT_MULTISHOT && !get(accept->file_slot)) {
		key = again(get(request->ctx), get(request->cqe.user_data));
	} else {
		return 0;
	}
	bpf_map_update_elem(&submitted, &key, &s, 0);
	return 0;
}

// one_of_several tells of what a request accepted that does so again and again.
INLINE int one_of_several(struct io_ring_ctx *ring, __u64 user_data, __s32 result)
{
	struct submitted_key key = again(ring, user_data);

	if (result < 0 || !bpf_map_lookup_elem(&submitted, &key))
		return 0;
	return connection(file_at(bpf_get_current_task_btf(), result), ACCEPT, result, 0, 0, 0);
}

// is_of reports whether a thread is of the process that asked for something.
INLINE bool is_of(struct io_kiocb *request, struct task_struct *thread)
{
	struct io_kiocb___before_6_13 *before = (void *)request;
	struct task_struct *task = field_exists(before->task) ? get(before->task) : get(get(request->tctx)->task);

	return get(task->signal) == get(thread->signal);
}

SEC("raw_tp/io_uring_complete") int request_completed(__u64 *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct io_ring_ctx *ring = (struct io_ring_ctx *)ctx[0];
	struct io_kiocb *request = (struct io_kiocb *)ctx[1];
	struct io_uring_cqe *entry = (struct io_uring_cqe *)ctx[2];
	struct io_accept *accept = (void *)request;
	struct io_sr_msg *message = (void *)request;
	struct submitted_key key;
	struct submitted *s;
	struct settings *settings = settings_of_reader();
	struct file *file;
	__s32 result;
	__u32 what = 0;

	if (request) {
		what = what_asks(request);
		if (!what || !is_of(request, current))
			return 0;
	} else if (!(asked >> ACCEPT & 1)) {
		return 0;
	}
	if (current->flags & PF_KTHREAD) // the process has ended
		return 0;
	result = by_entry ? get(entry->res) : ctx[3];
	if (!request)
		return one_of_several(ring, by_entry ? get(entry->user_data) : ctx[2], result);
	file = get(request->file);
	switch (what) {
	case CONNECT:
		key = once(request);
		s = bpf_map_lookup_elem(&submitted, &key);
		if (!s)
			return 0;
		connection(file, CONNECT, result, address_of(&s->address[0]), s->length, 0);
		bpf_map_delete_elem(&submitted, &key);
		return 0;
	case ACCEPT:
		key = again(ring, get(request->cqe.user_data));
		bpf_map_delete_elem(&submitted, &key); // it is the last one
		if (get(accept->file_slot)) // the socket has no descriptor
			return 0;
		return connection(result >= 0 ? file_at(current, result) : file, ACCEPT, result, 0, 0, 0);
	case SEND:
	case RECEIVE:
		if (result < 0 || !settings || is_reader(settings, current) || get(socket_at(file)->__sk_common.skc_family) != AF_UNIX)
			return 0;
		return message_passed(address_of(file), address_of(get(message->umsg)), what,
				      what == RECEIVE && get(message->msg_flags) & MSG_PEEK, is_compat(ring));
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
