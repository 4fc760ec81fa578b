// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What a system call carried through which channel, once it is known which call it was.
#pragma once

#include "channel.h"

#define S_IFMT 0170000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFSOCK 0140000
#define FMODE_WRITE 2
#define ANON_INODE_FS_MAGIC 0x09041934 // include/uapi/linux/magic.h
#define MSG_PEEK 2
#define MSG_COPY 040000
#define UNIX98_PTY_MASTER_MAJOR 128 // include/uapi/linux/major.h
#define UNIX98_PTY_SLAVE_MAJOR 136

// What a call does. The numbers are those of its arguments.
#define NOTHING 0
#define READ 1 // from descriptor 1st argument, as many bytes as it returns
#define WRITE 2
#define RECEIVE 3 // as READ, with flags in the 4th
#define RECEIVE_MESSAGE 4 // with flags in the 3rd
#define RECEIVE_MESSAGES 5 // structures mmsghdr in the 2nd, flags in the 4th; returns how many
#define SEND_MESSAGES 6
#define SEND_FILE 7 // from the 2nd to the 1st
#define SPLICE 8 // from the 1st to the 3rd
#define TEE 9 // from the 1st, where it stays, to the 2nd
#define VMSPLICE 10 // to or from the 1st, as that was opened
#define QUEUE_SEND 11 // bytes in the 3rd
#define SYSV_SEND 12 // to the queue 1st, bytes in the 3rd
#define SYSV_RECEIVE 13 // with flags in the 5th
#define SYSV_OPERATE 14 // on the semaphores 1st
#define FUTEX 15 // on the address 1st, what in the 2nd
#define QUEUE_RECEIVE 16 // as many bytes as it returns
#define MULTIPLEXED 17 // its arguments are elsewhere: not counted

// Calls that other ones are hidden in.
__u64 uncounted;

// count_at counts a channel that is told by its own numbers.
INLINE int count_at(const struct key *key, __u64 task, __u32 direction, __u64 bytes)
{
	struct about about = {.scope = key->scope, .number = key->number, .task = task};
	struct count *c = first(key);

	if (!c)
		return count(key, &about, direction, bytes);
	add_to(c, direction, bytes);
	return 0;
}

// is_eventfd tells by the name that the kernel gave it on its own file system.
INLINE bool is_eventfd(struct file *file)
{
	struct dentry *dentry = load(file, f_path.dentry);

	return word(address_of(load(dentry, d_name.name))) == 0x6466746e6576655bULL; // "[eventfd"
}

// terminal finds out which end of which pseudoterminal a file is.
INLINE bool terminal(struct file *file, struct key *key)
{
	struct tty_struct *tty = load((struct tty_file_private *)load(file, private_data), tty);
	struct tty_driver *driver = load(tty, driver);
	int major = load(driver, major);
	struct tty_struct *slave = tty;
	struct dentry___file_system *dentry;
	struct super_block *devpts;

	if (!tty || (major != UNIX98_PTY_SLAVE_MAJOR && major != UNIX98_PTY_MASTER_MAJOR))
		return 0;
	key->what = TERMINAL_SLAVE;
	if (major == UNIX98_PTY_MASTER_MAJOR) {
		key->what = TERMINAL_MASTER;
		slave = load((struct tty_struct___ends *)tty, link);
	}
	dentry = load((struct tty_struct___ends *)slave, driver_data);
	devpts = load(dentry, d_sb);
	key->scope = load(devpts, s_dev);
	key->number = load(tty, index);
	return 1;
}

// is_terminal says it of the devices of pseudoterminals: /dev/pts/N, /dev/ptmx, /dev/tty.
INLINE bool is_terminal(struct inode___device *inode)
{
	__u32 device = load(inode, i_rdev);
	__u32 major = device >> 20, minor = device & 0xfffff;

	return (major >= 136 && major <= 143) || (major == 5 && (minor == 0 || minor == 2));
}

// special counts what went through a file that is told by another number than its inode's:
// a terminal or an eventfd.
VERIFIED_ONCE int special(__u64 file_at, __u64 task, __u32 process, __u32 how, __u64 bytes)
{
	struct file *file = (struct file *)file_at;
	struct inode *inode = load(file, f_inode);
	struct key key = {.process = process};

	if ((load(inode, i_mode) & S_IFMT) == S_IFCHR) {
		if (!is_terminal((struct inode___device *)inode) || !terminal(file, &key))
			return 0;
	} else {
		struct super_block *system = load(inode, i_sb);
		struct eventfd_ctx *event;

		if (load(system, s_magic) != ANON_INODE_FS_MAGIC || !is_eventfd(file))
			return 0;
		event = load(file, private_data);
		key.number = load(event, id);
		key.what = EVENTFD;
		bytes = 0;
	}
	return count_at(&key, task, how & RECEIVED, bytes);
}

// later counts a file that is not at the first of its places, or at none yet.
VERIFIED_ONCE int later(const struct key *key, __u64 task, __u32 how, __u64 bytes)
{
	struct inode *inode;
	struct about about = {.task = task};

	if (!key)
		return 0;
	inode = get(((struct file *)key->number)->f_inode);
	about.scope = get(get(inode->i_sb)->s_dev);
	about.number = key->scope;
	about.mode = get(inode->i_mode);
	return count(key, &about, how & RECEIVED, bytes);
}

// through counts what a process sent or received through a file. Most files are none that
// are counted: they cost least.
INLINE void through(__u64 file_at, __u64 task, __u32 process, __u32 how, __u64 bytes)
{
	struct key key = {.number = file_at, .process = process, .what = how & QUEUE ? POSIX_QUEUE : FILE};
	struct file *file = (struct file *)file_at;
	struct inode *inode;
	struct count *c;
	__u32 type;

	if (bpf_rdonly_cast) {
		inode = typed(struct file, file)->f_inode;
		type = inode->i_mode & S_IFMT;
		key.scope = inode->i_ino;
	} else {
		inode = get(file->f_inode);
		type = get(inode->i_mode) & S_IFMT;
		key.scope = get(inode->i_ino);
	}
	if (type != S_IFIFO && type != S_IFSOCK && !(how & QUEUE)) {
		if (type == S_IFCHR || bytes == 8) // what eventfds carry
			special(file_at, task, process, how, bytes);
		return;
	}
	if (how == BY_MODE)
		how = load(file, f_mode) & FMODE_WRITE ? SENT : RECEIVED;
	c = first(&key);
	if (c)
		add_to(c, how & RECEIVED, bytes);
	else
		later(&key, task, how, bytes);
}

INLINE __u32 process_of(struct task_struct *task)
{
	return ((struct task_struct___process *)task)->tgid;
}

// carried counts what the calling thread sent or received through a descriptor.
INLINE void carried(struct task_struct *task, __u32 fd, __u32 how, __u64 bytes)
{
	struct files_struct___table *files;
	struct fdtable *table;
	__u64 file;

	if (bpf_rdonly_cast) {
		files = typed(struct task_struct___process, task)->files;
		table = files->fdt;
		if (fd >= table->max_fds)
			return;
		file = word(address_of(table->fd + fd));
	} else {
		files = (void *)task->files;
		if (!files)
			return;
		table = files->fdt;
		if (!table || fd >= table->max_fds)
			return;
		read(file, table->fd + fd);
	}
	if (file)
		through(file, 0, process_of(task), how, bytes);
}

// descriptor is carried, of calls that are made less often.
VERIFIED_ONCE int descriptor(__u32 fd, __u32 how, __u64 bytes)
{
	carried(bpf_get_current_task_btf(), fd, how, bytes);
	return 0;
}

// file_carried is carried, of a file that the calling thread has in hand.
VERIFIED_ONCE int file_carried(__u64 file, __u32 how, __u64 bytes)
{
	through(file, 0, process_of(bpf_get_current_task_btf()), how, bytes);
	return 0;
}

// sysv counts an operation on an object of System V IPC, which has a number in its namespace.
VERIFIED_ONCE int sysv(__u32 id, __u32 what, __u32 how, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nsproxy *namespaces = load(task, nsproxy);
	struct ipc_namespace *namespace = load(namespaces, ipc_ns);
	struct key key = {.number = id, .scope = load(namespace, ns.inum), .process = process_of(task), .what = what};

	return count_at(&key, 0, how, bytes);
}

// futex counts waits as received, and what wakes others as sent (futex(2)).
VERIFIED_ONCE int futex(__u64 address, __u32 operation)
{
	struct key key = {.number = address, .process = process_of(bpf_get_current_task_btf()), .what = FUTEX_WORD};
	__u32 how = SENT;

	operation &= 0x7f;
	if (operation == 0 || operation == 6 || operation == 9 || operation == 11 || operation == 13)
		how = RECEIVED; // WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2
	return count_at(&key, 0, how, 0);
}

#define MAX_MESSAGES 1024 // UIO_MAXIOV: more than that the kernel does not do at a time

// bytes_of adds up the lengths that the kernel wrote into some structures mmsghdr.
VERIFIED_ONCE __u64 bytes_of(__u64 messages, __u32 count, bool compat)
{
	__u64 size = compat ? 32 : 64, at = compat ? 28 : 56, sum = 0;

	for (__u32 i = 0; i < MAX_MESSAGES && i < count; i++) {
		__u32 length = 0;

		bpf_probe_read_user(&length, sizeof(length), (void *)(messages + i * size + at));
		sum += length;
	}
	return sum;
}

// call is a system call that has returned.
struct call {
	__u64 args[5];
	__s64 result;
	bool compat;
};

INLINE int count_call(const struct call *c, __u32 what)
{
	__u64 bytes = c->result;

	if (what <= VMSPLICE && !bytes)
		return 0; // the end of the file
	switch (what) {
	case READ:
		descriptor(c->args[0], RECEIVED, bytes);
		break;
	case WRITE:
		descriptor(c->args[0], SENT, bytes);
		break;
	case RECEIVE:
		if (!(c->args[3] & MSG_PEEK))
			descriptor(c->args[0], RECEIVED, bytes);
		break;
	case RECEIVE_MESSAGE:
		if (!(c->args[2] & MSG_PEEK))
			descriptor(c->args[0], RECEIVED, bytes);
		break;
	case RECEIVE_MESSAGES:
		if (!(c->args[3] & MSG_PEEK))
			descriptor(c->args[0], RECEIVED, bytes_of(c->args[1], bytes, c->compat));
		break;
	case SEND_MESSAGES:
		descriptor(c->args[0], SENT, bytes_of(c->args[1], bytes, c->compat));
		break;
	case SEND_FILE:
		descriptor(c->args[1], RECEIVED, bytes);
		descriptor(c->args[0], SENT, bytes);
		break;
	case SPLICE:
		descriptor(c->args[0], RECEIVED, bytes);
		descriptor(c->args[2], SENT, bytes);
		break;
	case TEE:
		descriptor(c->args[1], SENT, bytes);
		break;
	case VMSPLICE:
		descriptor(c->args[0], BY_MODE, bytes);
		break;
	case QUEUE_SEND:
		descriptor(c->args[0], SENT | QUEUE, c->args[2]);
		break;
	case QUEUE_RECEIVE:
		descriptor(c->args[0], RECEIVED | QUEUE, bytes);
		break;
	case SYSV_SEND:
		sysv(c->args[0], SYSV_QUEUE, SENT, c->args[2]);
		break;
	case SYSV_RECEIVE:
		if (!(c->args[4] & MSG_COPY))
			sysv(c->args[0], SYSV_QUEUE, RECEIVED, bytes);
		break;
	case SYSV_OPERATE:
		sysv(c->args[0], SYSV_SEMAPHORES, SENT, 0);
		break;
	case FUTEX:
		futex(c->args[0], c->args[1]);
		break;
	case MULTIPLEXED:
		add(uncounted, 1);
		break;
	}
	return 0;
}
