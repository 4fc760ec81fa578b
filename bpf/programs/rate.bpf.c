// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// How many bytes each process sends and receives through each channel, and by how many
// calls: counted when a system call returns. What is sent is never read.

#include "rate.h"

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

// What a call does, by its number: the loader fills in the tables.
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

#define CALLS 512
volatile const __u8 calls[CALLS]; // of 64-bit callers
volatile const __u8 calls32[CALLS]; // of 32-bit callers

// The reader's pid namespace.
volatile const __u32 reader_namespace;

// What a channel is, and what its numbers then are.
#define OTHER 0
#define FILE 1 // a pipe, FIFO or socket: device, inode
#define TERMINAL_MASTER 2 // device of its devpts, index
#define TERMINAL_SLAVE 3
#define EVENTFD 4 // -, id
#define SYSV_QUEUE 5 // IPC namespace, id
#define SYSV_SEMAPHORES 6
#define FUTEX_WORD 7 // -, address
#define POSIX_QUEUE 8 // as a FILE

// key tells the channels of a process apart. Of a FILE, whose "what" is 0 here, and a
// POSIX_QUEUE these are the open file
// description and the inode number, by which a description that is another one at the
// same place is told.
struct key {
	__u64 a, b;
	__u32 process; // in the initial pid namespace
	__u32 what;
};

// count is what the reader gets: rate.go reads it. No byte is padding.
struct count {
	__u64 sent, sent_calls, received, received_calls;
	__u64 scope, number;
	__u64 start; // of the process, after boot, ns
	__u32 pid, what;
	__u32 mode, reserved; // of a FILE: its type
	char comm[16];
};

struct {
	__u32 (*type)[HASH];
	__u32 (*max_entries)[16384];
	struct key *key;
	struct count *value;
} channels SEC(".maps");

struct {
	__u32 (*type)[HASH];
	__u32 (*max_entries)[4096];
	struct key *key;
	struct count *value;
} futexes SEC(".maps");

// What could not be counted: calls for which there was no room, and others.
__u64 lost, uncounted;

// Directions.
#define SENT 0
#define RECEIVED 1
#define BY_MODE 2
#define QUEUE 4 // added: a message, and not the text that read(2) has of a queue

INLINE void add_to(struct count *c, __u32 direction, __u64 bytes)
{
	if (direction == SENT) {
		add(c->sent, bytes);
		add(c->sent_calls, 1);
	} else {
		add(c->received, bytes);
		add(c->received_calls, 1);
	}
}

// number_of is the id of a process in the reader's pid namespace, 0 if it is not there.
VERIFIED_ONCE __u32 number_of(__u64 pid_at)
{
	struct pid *pid = (struct pid *)pid_at;
	__u32 level = get(pid->level);
	struct upid upid;

	for (__u32 i = 0; i <= 32 && i <= level; i++) { // MAX_PID_NS_LEVEL
		read(upid, address_of(&pid->numbers[0]) + i * size_of(struct upid));
		if (get(upid.ns->ns.inum) == reader_namespace)
			return upid.nr;
	}
	return 0;
}

// insert begins to count a channel of a process.
INLINE struct count *insert(void *map, const struct key *key, __u64 scope, __u64 number, __u32 mode, __u64 task_at)
{
	struct task_struct *leader = get(((struct task_struct *)task_at)->group_leader);
	struct count c = {.what = key->what ? key->what : FILE, .scope = scope, .number = number, .mode = mode};

	c.pid = number_of(address_of(get(get(leader->signal)->pids[PIDTYPE_TGID])));
	c.start = get(leader->start_boottime);
	read(c.comm, &leader->comm);
	bpf_map_update_elem(map, key, &c, BPF_NOEXIST);
	struct count *there = bpf_map_lookup_elem(map, key);
	if (!there)
		add(lost, 1);
	return there;
}

INLINE struct count *find(void *map, const struct key *key, __u64 scope, __u64 number, __u64 task)
{
	struct count *c = bpf_map_lookup_elem(map, key);

	return c ? c : insert(map, key, scope, number, 0, task);
}

// is_eventfd tells by the name that the kernel gave it on its own file system.
INLINE bool is_eventfd(struct file *file)
{
	struct dentry *dentry = get(file->f_path.dentry);
	__u64 name;

	read(name, get(dentry->d_name.name));
	return name == 0x6466746e6576655bULL; // "[eventfd"
}

INLINE struct count *terminal(struct file *file, struct key *key, __u64 task)
{
	struct tty_struct *tty = get(((struct tty_file_private *)get(file->private_data))->tty);
	int major = get(get(tty->driver)->major);
	struct tty_struct *slave = tty;
	struct dentry___file_system *dentry;

	if (!tty || (major != UNIX98_PTY_SLAVE_MAJOR && major != UNIX98_PTY_MASTER_MAJOR))
		return NULL;
	key->what = TERMINAL_SLAVE;
	if (major == UNIX98_PTY_MASTER_MAJOR) {
		key->what = TERMINAL_MASTER;
		slave = get(((struct tty_struct___ends *)tty)->link);
	}
	dentry = get(((struct tty_struct___ends *)slave)->driver_data);
	key->a = get(get(dentry->d_sb)->s_dev);
	key->b = get(tty->index);
	return find(&channels, key, key->a, key->b, task);
}

// is_terminal says it of the devices of pseudoterminals: /dev/pts/N, /dev/ptmx, /dev/tty.
INLINE bool is_terminal(struct inode *inode)
{
	__u32 device = get(((struct inode___device *)inode)->i_rdev);
	__u32 major = device >> 20, minor = device & 0xfffff;

	return (major >= 136 && major <= 143) || (major == 5 && (minor == 0 || minor == 2));
}

// special counts what went through a file that is told by another number than its inode's:
// a terminal or an eventfd.
static __attribute__((noinline)) int special(__u64 file_at, __u32 process, __u64 task, __u32 how, __u64 bytes)
{
	struct file *file = (struct file *)file_at;
	struct inode *inode = get(file->f_inode);
	struct key key = {.process = process};
	struct count *c;

	if ((get(inode->i_mode) & S_IFMT) == S_IFCHR) {
		if (!is_terminal(inode))
			return 0;
		c = terminal(file, &key, task);
	} else {
		if (get(get(inode->i_sb)->s_magic) != ANON_INODE_FS_MAGIC || !is_eventfd(file))
			return 0;
		key.b = get(((struct eventfd_ctx *)get(file->private_data))->id);
		key.what = EVENTFD;
		c = find(&channels, &key, 0, key.b, task);
		bytes = 0;
	}
	if (c)
		add_to(c, how & RECEIVED, bytes);
	return 0;
}

// begin begins to count a file, by its description.
static __attribute__((noinline)) int begin(__u64 inode_at, const struct key *key, __u64 task, __u32 how, __u64 bytes)
{
	struct inode *inode = (struct inode *)inode_at;
	struct count *c = insert(&channels, key, get(get(inode->i_sb)->s_dev), key->b, get(inode->i_mode), task);

	if (c)
		add_to(c, how & RECEIVED, bytes);
	return 0;
}

// through counts what a process sent or received through a file. Most files are none that
// are counted: they cost least.
INLINE void through(struct file *file, __u32 process, struct task_struct *task, __u32 how, __u64 bytes)
{
	struct key key = {.a = address_of(file), .process = process, .what = how & QUEUE ? POSIX_QUEUE : 0};
	struct inode *inode;
	struct count *c;
	__u32 type;

	if (bpf_rdonly_cast) {
		inode = typed(struct file, file)->f_inode;
		type = inode->i_mode & S_IFMT;
		key.b = inode->i_ino;
	} else {
		inode = get(file->f_inode);
		type = get(inode->i_mode) & S_IFMT;
		key.b = get(inode->i_ino);
	}
	if (type != S_IFIFO && type != S_IFSOCK && !(how & QUEUE)) {
		if (type == S_IFCHR || bytes == 8) // what eventfds carry
			special(address_of(file), process, address_of(task), how, bytes);
		return;
	}
	if (how == BY_MODE)
		how = get(file->f_mode) & FMODE_WRITE ? SENT : RECEIVED;
	c = bpf_map_lookup_elem(&channels, &key);
	if (c)
		add_to(c, how & RECEIVED, bytes);
	else
		begin(address_of(inode), &key, address_of(task), how, bytes);
}

// descriptor counts what the calling thread sent or received through a descriptor.
static __attribute__((noinline)) int descriptor(__u32 fd, __u32 how, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct___table *files = (void *)task->files;
	struct fdtable *table;
	struct file *file;

	if (!files)
		return 0;
	table = files->fdt;
	if (!table || fd >= table->max_fds)
		return 0;
	read(file, address_of(table->fd) + fd * sizeof(file));
	if (file)
		through(file, bpf_get_current_pid_tgid() >> 32, task, how, bytes);
	return 0;
}

// sysv counts an operation on an object of System V IPC, which has a number in its namespace.
static __attribute__((noinline)) int sysv(__u32 id, __u32 what, __u32 how, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct key key = {.a = get(get(get(task->nsproxy)->ipc_ns)->ns.inum), .b = id, .process = bpf_get_current_pid_tgid() >> 32, .what = what};
	struct count *c = find(&channels, &key, key.a, key.b, address_of(task));

	if (c)
		add_to(c, how, bytes);
	return 0;
}

// futex counts waits as received, and what wakes others as sent (futex(2)).
static __attribute__((noinline)) int futex(__u64 address, __u32 operation)
{
	struct key key = {.b = address, .process = bpf_get_current_pid_tgid() >> 32, .what = FUTEX_WORD};
	struct count *c;
	__u32 how = SENT;

	operation &= 0x7f;
	if (operation == 0 || operation == 6 || operation == 9 || operation == 11 || operation == 13)
		how = RECEIVED; // WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2
	c = find(&futexes, &key, 0, address, address_of(bpf_get_current_task_btf()));
	if (c)
		add_to(c, how, 0);
	return 0;
}

#define MAX_MESSAGES 1024 // UIO_MAXIOV: more than that the kernel does not do at a time

// bytes_of adds up the lengths that the kernel wrote into some structures mmsghdr.
static __attribute__((noinline)) __u64 bytes_of(__u64 messages, __u32 count, bool compat)
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

INLINE void count_call(const struct call *c, __u32 what)
{
	__u64 bytes = c->result;

	if (what <= VMSPLICE && !bytes)
		return; // the end of the file
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
}

#define TS_COMPAT 2 // arch/x86/include/asm/thread_info.h
#define TIF_32BIT (1 << 22) // arch/arm64/include/asm/thread_info.h
#define X32 0x40000000 // in the number of a call

// what_is is what a call does, by its number.
INLINE __u32 what_is(__u64 number, bool compat)
{
	if (number >= CALLS)
		return NOTHING;
	return compat ? calls32[number] : calls[number];
}

INLINE int amd64_call(struct pt_regs___amd64 *regs, __s64 result)
{
	struct task_struct___amd64 *task = (void *)bpf_get_current_task_btf();
	struct call c = {.result = result, .compat = task->thread_info.status & TS_COMPAT};
	__u64 number = regs->orig_ax;
	__u32 what = what_is(number, c.compat);

	if (number & X32 && (__s64)number > 0)
		add(uncounted, 1);
	if (!what)
		return 0;
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
	count_call(&c, what);
	return 0;
}

INLINE int arm64_call(struct pt_regs___arm64 *regs, __s64 result)
{
	struct task_struct___arm64 *task = (void *)bpf_get_current_task_btf();
	struct call c = {.result = result, .compat = task->thread_info.flags & TIF_32BIT};
	__u32 what = what_is(regs->syscallno, c.compat);

	if (!what)
		return 0;
	c.args[0] = regs->orig_x0;
	c.args[1] = regs->regs[1];
	c.args[2] = regs->regs[2];
	c.args[3] = regs->regs[3];
	c.args[4] = regs->regs[4];
	count_call(&c, what);
	return 0;
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
		through(file, get(((struct task_struct___process *)task)->tgid), task, request_sends(opcode) ? SENT : RECEIVED, result);
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
