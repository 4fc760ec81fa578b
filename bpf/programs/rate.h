// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What counting needs of the kernel beyond what the iterators read.
#pragma once

#include "kernel.h"

static long (*const bpf_probe_read_user)(void *dst, __u32 size, const void *from) = (void *)112;

#define add(to, n) __sync_fetch_and_add(&(to), n)

KERNEL_TYPES

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct___table {
	struct fdtable *fdt;
};
struct inode___device {
	__u32 i_rdev;
};
struct dentry___file_system {
	struct super_block *d_sb;
};
struct tty_struct___ends {
	struct tty_struct *link;
	void *driver_data;
};
struct tty_file_private {
	struct tty_struct *tty;
};

// How a thread made its system call.
struct thread_info___amd64 {
	__u32 status;
};
struct thread_info___arm64 {
	unsigned long flags;
};
struct pt_regs___ia32 {
	unsigned long bx;
	unsigned long cx;
	unsigned long bp;
};
struct task_struct___amd64 {
	struct thread_info___amd64 thread_info;
};
struct task_struct___arm64 {
	struct thread_info___arm64 thread_info;
};

struct task_struct___process {
	int tgid;
	struct files_struct___table *files;
};

struct io_uring_task {
	struct task_struct *task;
};
struct io_kiocb {
	struct file *file;
	__u8 opcode;
	struct io_uring_task *tctx;
};
struct io_kiocb___before_6_13 {
	struct task_struct *task;
};
struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
};

KERNEL_TYPES_END

// word is what is at an address, 0 where it cannot be read. A rlimit begins with one.
INLINE unsigned long word(__u64 address)
{
	return load((struct rlimit *)address, rlim_cur);
}
