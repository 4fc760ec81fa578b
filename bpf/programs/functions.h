// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Which function of the kernel counts what, where programs can be attached to the end of
// functions (fexit): then no other system call is any slower. Each of them does one sort of
// system call, for 64-bit and 32-bit callers alike and for those of socketcall(2) and ipc(2);
// it takes the arguments of the call, and what it returns the call returns. So the counts
// are those that the end of system calls gives. functions.go makes sure that system calls
// come through all of them.
//
// pipe_read and the like would not do: one sendfile(2) calls them several times, splice(2)
// never. Nor would what all system calls come through (x64_sys_call): _exit(2) does not
// return from there, and what the kernel attaches to a function stays while somebody is in it.
#pragma once

#include "carry.h"

#define MSG_CMSG_COMPAT 0x80000000 // include/linux/socket.h: the caller is a 32-bit one

// function_returned counts what a function did that takes the arguments of a system call.
// All such functions return less than 2 GiB, some of them as an int.
INLINE int function_returned(const __u64 *args, __s32 result, __u32 what)
{
	struct call c = {.result = result};

	if (result < 0)
		return 0;
	if (what == READ || what == WRITE) {
		if (result)
			carried(bpf_get_current_task_btf(), args[0], what == READ ? RECEIVED : SENT, result);
		return 0;
	}
	c.args[0] = args[0];
	if (what == SEND_FILE)
		c.args[1] = args[1];
	if (what == RECEIVE_MESSAGE || what == QUEUE_SEND)
		c.args[2] = args[2];
	if (what == RECEIVE || what == RECEIVE_MESSAGES || what == SEND_MESSAGES)
		c.args[3] = args[3];
	if (what == RECEIVE_MESSAGES || what == SEND_MESSAGES) {
		read(c.args[1], args + 1); // a number: the verifier knows it as a pointer
		c.compat = args[3] & MSG_CMSG_COMPAT;
	}
	if (what == SYSV_RECEIVE)
		c.args[4] = args[4];
	return count_call(&c, what);
}

// FUNCTION is one that has so many parameters, and what it does.
#define FUNCTION(name, parameters, what) \
	SEC("fexit/" #name) int counts_##name(__u64 *ctx) { return function_returned(ctx, ctx[parameters], what); }

FUNCTION(ksys_read, 3, READ)
FUNCTION(ksys_write, 3, WRITE)
FUNCTION(do_readv, 4, READ) // readv(2), and preadv2(2) without a position; with one nothing that is counted is read
FUNCTION(do_writev, 4, WRITE)
FUNCTION(__sys_sendto, 6, WRITE)
FUNCTION(__sys_recvfrom, 6, RECEIVE)
FUNCTION(__sys_sendmsg, 4, WRITE)
FUNCTION(__sys_recvmsg, 4, RECEIVE_MESSAGE)
FUNCTION(__sys_sendmmsg, 5, SEND_MESSAGES)
FUNCTION(do_recvmmsg, 5, RECEIVE_MESSAGES)
FUNCTION(do_sendfile, 5, SEND_FILE)
FUNCTION(do_mq_timedsend, 5, QUEUE_SEND)
FUNCTION(do_mq_timedreceive, 5, QUEUE_RECEIVE)
FUNCTION(do_msgrcv, 6, SYSV_RECEIVE)
FUNCTION(do_semtimedop, 4, SYSV_OPERATE)

// FUTEX_FUNCTION is one that takes the address of a futex. There is none for FUTEX_REQUEUE:
// it has more parameters than some kernels can pass on. A thread that ends wakes who joins it by
// these functions without a system call.
#define FUTEX_FUNCTION(name, parameters, operation) \
	SEC("fexit/" #name) int counts_##name(__u64 *ctx) \
	{ \
		return (__s32)ctx[parameters] < 0 ? 0 : futex(ctx[0], operation); \
	}

FUTEX_FUNCTION(futex_wait, 5, 0) // FUTEX_WAIT, as the ones of FUTEX_WAIT_BITSET and so on are
FUTEX_FUNCTION(futex_wake, 4, 1)
FUTEX_FUNCTION(futex_wake_op, 6, 5)
FUTEX_FUNCTION(futex_lock_pi, 4, ctx[3] ? 8 : 6) // to try it is 8
FUTEX_FUNCTION(futex_unlock_pi, 2, 7)
FUTEX_FUNCTION(futex_wait_requeue_pi, 6, 11)

// do_msgsnd has the type of the message for itself.
SEC("fexit/do_msgsnd") int counts_do_msgsnd(__u64 *ctx)
{
	if ((__s64)ctx[5] == 0)
		sysv(ctx[0], SYSV_QUEUE, SENT, ctx[3]);
	return 0;
}

// do_splice and do_tee have files in the place of descriptors; io_uring calls them as well.
SEC("fexit/do_splice") int counts_do_splice(__u64 *ctx)
{
	__s64 result = ctx[6];

	if (result > 0) {
		file_carried(get(ctx[0]), RECEIVED, result); // get: as a number
		file_carried(get(ctx[2]), SENT, result);
	}
	return 0;
}

SEC("fexit/do_tee") int counts_do_tee(__u64 *ctx)
{
	__s64 result = ctx[4];

	if (result > 0)
		file_carried(get(ctx[1]), SENT, result);
	return 0;
}

// vmsplice(2) has no function that all callers come through.
INLINE int vmsplice_returned(__u32 fd, __s64 result)
{
	if (result > 0)
		descriptor(fd, BY_MODE, result);
	return 0;
}

SEC("fexit/__x64_sys_vmsplice") int counts___x64_sys_vmsplice(__u64 *ctx)
{
	return vmsplice_returned(((struct pt_regs___amd64 *)ctx[0])->di, ctx[1]);
}

SEC("fexit/__ia32_sys_vmsplice") int counts___ia32_sys_vmsplice(__u64 *ctx)
{
	return vmsplice_returned(((struct pt_regs___ia32 *)ctx[0])->bx, ctx[1]);
}

SEC("fexit/__arm64_sys_vmsplice") int counts___arm64_sys_vmsplice(__u64 *ctx)
{
	return vmsplice_returned(((struct pt_regs___arm64 *)ctx[0])->regs[0], ctx[1]);
}
