// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The kernel's structures, as far as the programs read them. Order, offsets and sizes
// do not matter here: the loader takes them from the running kernel.
#pragma once

#include "helpers.h"

KERNEL_TYPES

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
};

struct ns_common {
	unsigned int inum;
};

struct uts_namespace {
	struct ns_common ns;
};
struct ipc_namespace {
	struct ns_common ns;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct cgroup_namespace {
	struct ns_common ns;
};
struct user_namespace {
	struct ns_common ns;
};
struct pid_namespace {
	struct ns_common ns;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};
struct timens_offsets {
	struct timespec64 boottime;
};
struct time_namespace {
	struct ns_common ns;
	struct timens_offsets offsets;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

// One number for each pid namespace that it is in, from the initial one on.
struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t euid;
	struct user_namespace *user_ns;
};

typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigpending {
	sigset_t signal;
};

struct sigaction {
	void *sa_handler;
};
struct k_sigaction {
	struct sigaction sa;
};
struct sighand_struct {
	struct k_sigaction action[64];
};

struct tty_driver {
	int major;
	int minor_start;
};
struct tty_struct {
	struct tty_driver *driver;
	int index;
};

struct core_state;

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
};

struct rlimit {
	unsigned long rlim_cur;
};

struct signal_struct {
	int nr_threads;
	struct pid *pids[4];
	struct tty_struct *tty;
	struct sigpending shared_pending;
	struct core_state *core_state; // Linux 5.16; before, it is in mm_struct
	unsigned int flags;
	int group_exit_code;
	struct rlimit rlim[16];
};

struct mm_struct {
	struct core_state *core_state;
};

struct kernfs_node {
	__u64 id;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};

struct sched_info {
	unsigned long pcount;
};

struct sched_entity {
	__u64 exec_start;
};

struct thread_info {
	__u32 cpu;
};

struct files_struct;

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; // Linux 5.14; before, state
	int exit_state;
	unsigned int flags;
	unsigned int ptrace;
	int exit_code;
	__u64 start_boottime;
	char comm[16];
	struct sched_info sched_info;
	struct sched_entity se;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct cred *cred;
	struct cred *real_cred;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked;
	struct sigpending pending;
	struct css_set *cgroups;
	struct mm_struct *mm;
	struct files_struct *files;
};

struct path {
	void *dentry;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct pipe_buffer {
	unsigned int offset;
	unsigned int len;
};

struct pipe_inode_info {
	unsigned int head;
	unsigned int tail;
	unsigned int max_usage;
	unsigned int ring_size;
	unsigned int readers;
	unsigned int writers;
	struct pipe_buffer *bufs;
};

struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	kuid_t i_gid; // a kgid_t, which is alike
	unsigned long i_ino;
	unsigned int i_nlink;
	struct super_block *i_sb;
	struct pipe_inode_info *i_pipe; // of a pipe or FIFO
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
};

struct sk_buff_head {
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
	struct sk_buff_head sk_receive_queue;
};

struct socket {
	struct sock *sk;
};

typedef struct {
	int counter;
} atomic_t;

struct scm_stat {
	atomic_t nr_fds;
};

struct unix_sock {
	struct scm_stat scm_stat;
};

struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct qstr d_name;
};

struct eventfd_ctx {
	__u64 count;
	unsigned int flags;
	int id;
};

// The registers that a thread left user mode with.
struct pt_regs___amd64 {
	unsigned long orig_ax;
	unsigned long di;
	unsigned long si;
	unsigned long dx;
	unsigned long r10;
	unsigned long r8;
	unsigned long r9;
	unsigned long ip;
	unsigned long sp;
};
struct pt_regs___arm64 {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 orig_x0;
	__s32 syscallno;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

KERNEL_TYPES_END
