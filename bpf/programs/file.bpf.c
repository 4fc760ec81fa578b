// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Every open descriptor of the processes in the reader's pid namespace, with where its
// link in the proc file system leads, and what is behind it.

#include "behind.h"
#include "pidns.h"

// Numbers that the kernel does not export, or in headers with much else.
#define S_IFMT 0170000
#define S_IFIFO 0010000
#define PIPEFS_MAGIC 0x50495045 // include/uapi/linux/magic.h
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define AF_UNIX 1

#define MAX_PATH 4096 // of a link in the proc file system, too

// record is what the reader gets: file.go reads it. No byte is padding. The link
// follows it.
struct record {
	__u32 link; // length; 0: the kernel makes it of file system and inode
	__u32 pid, tid, fd;
	__u32 flags, mode; // of the open file description
	__u32 dev, type; // of the file: device, file type and permissions
	__u32 links, uid, gid;
	__u32 what;
	__u64 description, table;
	__u64 ino, magic;
	__u64 n[7]; // see behind.h
};

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	char (*value)[MAX_PATH];
} link SEC(".maps");

// holder is the thread whose descriptors are read one after the other, so that it need not
// be found out of each who has it.
struct holder {
	__u64 session, task, start; // of which read, where it is, and when it began: another can be there later
	__u32 pid, tid;
};

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct holder *value;
} holder SEC(".maps");

INLINE struct holder *holder_of(struct task_struct *task, __u64 session)
{
	struct pid_view view;
	__u32 first = 0;
	struct holder *h = bpf_map_lookup_elem(&holder, &first);

	if (!h)
		return NULL;
	if (h->session == session && h->task == address_of(task) && h->start == task->start_boottime)
		return h;
	view = reader_view();
	h->session = session;
	h->task = address_of(task);
	h->start = task->start_boottime;
	h->tid = pid_in(&view, get(task->thread_pid));
	h->pid = process_in(&view, task);
	return h;
}

// What is behind a descriptor that can change while nobody runs who has it has its place in
// the kernel in the record, as the last number.
#define PLACE 6

INLINE void pipe(struct record *r, struct inode *inode)
{
	r->what = PIPE;
	pipe_numbers(r->n, address_of(get(inode->i_pipe)));
	r->n[PLACE] = address_of(inode);
}

INLINE void socket(struct record *r, struct file *file)
{
	struct sock *sk = get(((struct socket *)get(file->private_data))->sk);

	if (!sk)
		return;
	r->what = SOCKET;
	r->n[0] = load(sk, __sk_common.skc_family);
	r->n[1] = load(sk, sk_type);
	r->n[2] = load(sk, sk_protocol);
	r->n[3] = load(sk, __sk_common.skc_state);
	r->n[4] = load(get(sk->__sk_common.skc_net.net), ns.inum);
	r->n[5] = load(sk, sk_receive_queue.qlen);
	if (r->n[0] == AF_UNIX)
		r->n[6] = load((struct unix_sock *)sk, scm_stat.nr_fds.counter);
}

INLINE void eventfd(struct record *r, struct file *file)
{
	struct eventfd_ctx *ctx = get(file->private_data);

	r->what = EVENTFD;
	eventfd_numbers(r->n, ctx);
	r->n[PLACE] = address_of(ctx);
}

// is_eventfd tells by the name that the kernel gave it on its own file system.
INLINE bool is_eventfd(struct file *file)
{
	struct dentry *dentry = get(file->f_path.dentry);
	__u64 name;

	read(name, get(dentry->d_name.name));
	return name == 0x6466746e6576655bULL; // "[eventfd"
}

SEC("iter/task_file") int files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	void *seq = ctx->meta->seq;
	struct record r = {};
	struct holder *h;
	struct inode *inode;
	struct super_block *sb;
	char *path = NULL;
	__u32 first = 0;

	if (!task || !file)
		return 0;
	h = holder_of(task, ctx->meta->session_id);
	if (!h)
		return 0;
	r.tid = h->tid;
	r.pid = h->pid;
	r.fd = ctx->fd;
	r.flags = file->f_flags;
	r.mode = file->f_mode;
	r.description = address_of(file);
	r.table = address_of(get(task->files));
	inode = file->f_inode;
	r.type = inode->i_mode;
	r.ino = inode->i_ino;
	r.links = inode->i_nlink;
	r.uid = inode->i_uid.val;
	r.gid = inode->i_gid.val;
	sb = inode->i_sb;
	r.dev = sb->s_dev;
	r.magic = sb->s_magic;
	if ((r.type & S_IFMT) == S_IFIFO)
		pipe(&r, inode);
	else if (r.magic == SOCKFS_MAGIC)
		socket(&r, file);
	else if (r.magic == ANON_INODE_FS_MAGIC && is_eventfd(file))
		eventfd(&r, file);
	if (r.magic != PIPEFS_MAGIC && r.magic != SOCKFS_MAGIC) {
		path = bpf_map_lookup_elem(&link, &first);
		if (path) {
			long n = bpf_d_path(&file->f_path, path, MAX_PATH);

			if (n > 0 && n <= MAX_PATH)
				r.link = n;
		}
	}
	bpf_seq_write(seq, &r, sizeof(r));
	if (path && r.link && r.link <= MAX_PATH)
		bpf_seq_write(seq, path, r.link);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
