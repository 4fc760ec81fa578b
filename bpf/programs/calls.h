// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What is read of system calls that have just returned, beyond what the other programs
// that tell of events read: sockets and their ends, and memory of the caller.
#pragma once

#include "trace.h"

// Kinds of records after those in trace.h.
#define CONNECTED 6 // calls.bpf.c
#define ACCEPTED 7
#define PASSED 8
#define LOCKED 9 // lock.bpf.c
#define MADE 10 // calls.bpf.c
#define WAIT_LEFT 11 // lock.bpf.c
#define LEASED 12 // lease.h
#define ROBUST 13 // exit.bpf.c

static long (*const bpf_probe_read_kernel_str)(void *dst, __u32 size, const void *from) = (void *)115;
static long (*const bpf_probe_read_user_str)(void *dst, __u32 size, const void *from) = (void *)114;
static long (*const bpf_probe_read_user)(void *dst, __u32 size, const void *from) = (void *)112;

// read_user is read of the calling process's memory. It reports whether it could be read.
#define read_user(to, from) (!bpf_probe_read_user(&(to), sizeof(to), (const void *)(from)))

// as_it_is keeps the compiler from computing a number twice, of which the verifier knows the
// bounds of one only.
#define as_it_is(number) asm volatile("" : "+r"(number))

KERNEL_TYPES

struct hlist_node {
	struct hlist_node *next;
};
struct hlist_head {
	struct hlist_node *first;
};
struct pid___tasks {
	struct hlist_head tasks[4];
};
struct task_struct___links {
	struct hlist_node pid_links[4];
};

struct in6_addr {
	__u32 words[4];
};
struct sock_common___ends {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport; // in network byte order
	__u16 skc_num; // in the processor's
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};
struct sock___peer {
	struct pid *sk_peer_pid;
	struct socket *sk_socket;
};
struct socket___file {
	struct file *file;
};
struct sockaddr_un {
	unsigned short sun_family;
};
struct unix_address {
	int len;
	struct sockaddr_un name[1];
};
struct unix_sock___peer {
	struct unix_address *addr;
	struct sock *peer;
};
struct inode___private {
	void *i_private;
};

KERNEL_TYPES_END

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

#define PID_FS_MAGIC 0x50494446 // include/uapi/linux/magic.h

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5

// process_of is the process that a number stands for, while it is there.
INLINE struct task_struct *process_of(struct pid *pid)
{
	struct task_struct___links *task = NULL;
	struct hlist_node *node = get(((struct pid___tasks *)pid)->tasks[PIDTYPE_TGID].first);

	if (!node)
		return NULL;
	return (struct task_struct *)(address_of(node) - __builtin_preserve_field_info(task->pid_links, 0) -
				      PIDTYPE_TGID * size_of(struct hlist_node));
}

// behind_pidfd is the process that a pidfd leads to, while it is there.
INLINE struct task_struct *behind_pidfd(struct file *file)
{
	struct inode *inode = get(file->f_inode);

	if (get(get(inode->i_sb)->s_magic) == PID_FS_MAGIC) // Linux 6.9
		return process_of(get(((struct inode___private *)inode)->i_private));
	return process_of(get(file->private_data));
}

INLINE struct sock *socket_at(struct file *file)
{
	if (get(get(get(file->f_inode)->i_sb)->s_magic) != SOCKFS_MAGIC)
		return NULL;
	return get(((struct socket *)get(file->private_data))->sk);
}

// peer_of is the UNIX socket that one is connected to.
INLINE struct sock *peer_of(struct sock *sk)
{
	return get(((struct unix_sock___peer *)sk)->peer);
}

// inode_of is the number of a socket's inode, 0 while no descriptor was made for it.
INLINE __u64 inode_of(struct sock *sk)
{
	struct socket *socket = get(((struct sock___peer *)sk)->sk_socket);

	return get(get(get(((struct socket___file *)socket)->file)->f_inode)->i_ino);
}

// known_as is a file with the last part of its name.
struct known_as {
	struct behind file;
	char name[40];
};

INLINE void look_closer(struct known_as *k, struct file *file)
{
	struct dentry *dentry = get(file->f_path.dentry);

	look_behind(&k->file, file);
	bpf_probe_read_kernel_str(k->name, sizeof(k->name), get(dentry->d_name.name));
}

// is_reader is of the process that reads, and of its children, which work for it.
INLINE bool is_reader(const struct settings *s, struct task_struct *task)
{
	if (!s->self)
		return 0;
	return address_of(get(task->signal)) == s->self || address_of(get(get(task->real_parent)->signal)) == s->self;
}
