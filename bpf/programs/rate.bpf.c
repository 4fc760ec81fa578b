// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// How many bytes each process sends and receives through each channel, and by how many
// calls: counted when a system call returns. What is sent is never read.

#include "carry.h"
#include "functions.h"

// What a call does, by its number: the loader fills in the table.
#define CALLS 512
struct doing {
	__u8 wide; // of 64-bit callers
	__u8 narrow; // of 32-bit callers
};
volatile const struct doing calls[CALLS];

#define TS_COMPAT 2 // arch/x86/include/asm/thread_info.h
#define TIF_32BIT (1 << 22) // arch/arm64/include/asm/thread_info.h
#define X32 0x40000000 // in the number of a call

INLINE int amd64_call(struct pt_regs___amd64 *regs, __s64 result)
{
	__u64 number = regs->orig_ax;
	struct task_struct *task;
	struct call c;
	__u32 what;

	if (number >= CALLS) {
		if (number & X32 && (__s64)number > 0)
			add(uncounted, 1);
		return 0;
	}
	if (!calls[number].wide && !calls[number].narrow)
		return 0;
	task = bpf_get_current_task_btf();
	c.compat = ((struct task_struct___amd64 *)task)->thread_info.status & TS_COMPAT;
	what = c.compat ? calls[number].narrow : calls[number].wide;
	if (!c.compat && (what == READ || what == WRITE)) {
		if (result)
			carried(task, regs->di, what == READ ? RECEIVED : SENT, result);
		return 0;
	}
	c.result = result;
	if (c.compat) {
		struct pt_regs___ia32 *ia32 = (void *)regs;

		c.args[0] = (__u32)ia32->bx;
		c.args[1] = (__u32)ia32->cx;
		c.args[2] = (__u32)regs->dx;
		c.args[3] = (__u32)regs->si;
		c.args[4] = (__u32)regs->di;
	} else {
		c.args[0] = regs->di;
		c.args[1] = regs->si;
		c.args[2] = regs->dx;
		c.args[3] = regs->r10;
		c.args[4] = regs->r8;
	}
	return count_call(&c, what);
}

INLINE int arm64_call(struct pt_regs___arm64 *regs, __s64 result)
{
	__u64 number = (__u32)regs->syscallno;
	struct task_struct *task;
	struct call c;
	__u32 what;

	if (number >= CALLS || (!calls[number].wide && !calls[number].narrow))
		return 0;
	task = bpf_get_current_task_btf();
	c.compat = ((struct task_struct___arm64 *)task)->thread_info.flags & TIF_32BIT;
	what = c.compat ? calls[number].narrow : calls[number].wide;
	if (what == READ || what == WRITE) {
		if (result)
			carried(task, regs->orig_x0, what == READ ? RECEIVED : SENT, result);
		return 0;
	}
	c.result = result;
	c.args[0] = regs->orig_x0;
	c.args[1] = regs->regs[1];
	c.args[2] = regs->regs[2];
	c.args[3] = regs->regs[3];
	c.args[4] = regs->regs[4];
	return count_call(&c, what);
}

SEC("tp_btf/sys_exit") int call_returned(__u64 *ctx)
{
	__s64 result = ctx[1];
	struct pt_regs___amd64 *amd64 = (void *)ctx[0];
	struct pt_regs___arm64 *arm64 = (void *)ctx[0];

	if (result < 0)
		return 0;
	if (field_exists(amd64->orig_ax))
		return amd64_call(amd64, result);
	if (field_exists(arm64->orig_x0))
		return arm64_call(arm64, result);
	return 0;
}

// Requests of io_uring that carry data (enum io_uring_op of include/uapi/linux/io_uring.h).
INLINE bool request_sends(__u8 opcode)
{
	return opcode == 2 || opcode == 5 || opcode == 9 || opcode == 23 || opcode == 26 || opcode == 47 || opcode == 48;
}

INLINE bool request_receives(__u8 opcode)
{
	return opcode == 1 || opcode == 4 || opcode == 10 || opcode == 22 || opcode == 27;
}

// request counts a request of io_uring that has completed, by whichever thread.
INLINE int request(struct io_kiocb *request, __s64 result)
{
	struct io_kiocb___before_6_13 *before = (void *)request;
	struct task_struct *task;
	struct file *file;
	__u8 opcode;

	if (result <= 0)
		return 0;
	if (!request) {
		add(uncounted, 1); // one of many that a single request completes
		return 0;
	}
	opcode = get(request->opcode);
	if (!request_sends(opcode) && !request_receives(opcode))
		return 0;
	if (field_exists(before->task))
		task = get(before->task);
	else
		task = get(get(request->tctx)->task);
	file = get(request->file);
	if (task && file)
		through(address_of(file), address_of(task), get(((struct task_struct___process *)task)->tgid), request_sends(opcode) ? SENT : RECEIVED, result);
	return 0;
}

// Linux 6.13.
SEC("tp_btf/io_uring_complete") int request_completed(__u64 *ctx)
{
	struct io_uring_cqe *completion = (void *)ctx[2];

	return request((void *)ctx[1], get(completion->res));
}

// Linux 5.19.
SEC("tp_btf/io_uring_complete") int request_completed_before_6_13(__u64 *ctx)
{
	return request((void *)ctx[1], (__s32)ctx[3]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
