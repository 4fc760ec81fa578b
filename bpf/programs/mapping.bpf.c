// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Every shared mapping of the processes in the reader's pid namespace, with what maps of
// the proc file system says of it, and what the file behind it is like. A process whose
// mappings somebody is just changing is not waited for: it is only named.

#include "pidns.h"

// What a record is.
#define MAPPING 0
#define ALL_TOLD 1 // those before it are all of the process's
#define NOT_TOLD 2 // somebody is changing them, they are too many, or have names that others make

// record is what the reader gets: mapping.go reads it. No byte is padding. The name
// follows it.
struct record {
	__u32 name; // length
	__u32 what;
	__u32 pid, tid;
	__u32 flags;
	__u32 dev, mode, links, uid, gid; // of the file
	__u64 start, end, offset; // the last one in pages
	__u64 ino, size, blocks;
};

KERNEL_TYPES

struct anon_vma_name;

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	unsigned long vm_flags;
	struct file *vm_file;
	struct anon_vma_name *anon_name; // Linux 5.17 with CONFIG_ANON_VMA_NAME
};

struct inode___size {
	__s64 i_size;
	unsigned long i_blocks;
};
struct super_block___flags {
	unsigned long s_flags;
};
struct vfsmount {
	void *mnt_root;
};
struct mount {
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};
struct path___mount {
	struct vfsmount *mnt;
};
struct file___path {
	struct path___mount f_path;
};

KERNEL_TYPES_END

// Functions of the kernel (Linux 6.7). The first takes the lock of a process's memory only
// if it can have it at once.
struct bpf_iter_task_vma {
	__u64 opaque;
} __attribute__((aligned(8)));

#define KERNEL_FUNCTION extern __attribute__((section(".ksyms")))

KERNEL_FUNCTION int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, unsigned long from);
KERNEL_FUNCTION struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it);
KERNEL_FUNCTION void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it);

#define VM_MAYSHARE 0x80 // include/linux/mm.h
#define SB_KERNMOUNT (1 << 22) // include/linux/fs.h: the kernel mounted it for itself
#define MNT_NS_INTERNAL -22 // fs/mount.h: nobody sees the mount
#define PF_KTHREAD 0x00200000 // include/linux/sched.h
#define MAX_PATH 4096

// MOST is how much is told of one process: all of it must fit into what one read gives
// (kernel/bpf/bpf_iter.c).
#define MOST (24 << 10)

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	char (*value)[MAX_PATH];
} name SEC(".maps");

// shows_another reports whether maps shows another file than the one that is mapped: that of
// an overlay, which mounts what it is made of for itself alone.
INLINE bool shows_another(struct file *file, struct super_block *sb)
{
	struct vfsmount *vfsmount = get(((struct file___path *)file)->f_path.mnt);
	struct mount *mount = NULL;

	mount = (struct mount *)(address_of(vfsmount) - __builtin_preserve_field_info(mount->mnt, 0));
	if (address_of(get(mount->mnt_ns)) != (__u64)MNT_NS_INTERNAL)
		return 0;
	return !(get(((struct super_block___flags *)sb)->s_flags) & SB_KERNMOUNT);
}

// tell writes one mapping and returns how much that was, 0 if it must be asked for otherwise.
INLINE __u64 tell(struct seq_file *seq, struct record *r, struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;
	struct inode *inode;
	struct super_block *sb;
	__u32 first = 0;
	char *path;
	long n;

	path = bpf_map_lookup_elem(&name, &first);
	if (!file || !path)
		return 0;
	if (field_exists(vma->anon_name) && get(vma->anon_name))
		return 0;
	inode = get(file->f_inode);
	sb = get(inode->i_sb);
	if (shows_another(file, sb))
		return 0;
	r->flags = vma->vm_flags;
	r->start = vma->vm_start;
	r->end = vma->vm_end;
	r->offset = vma->vm_pgoff;
	r->dev = get(sb->s_dev);
	r->ino = get(inode->i_ino);
	r->mode = get(inode->i_mode);
	r->links = get(inode->i_nlink);
	r->uid = get(inode->i_uid.val);
	r->gid = get(inode->i_gid.val);
	r->size = get(((struct inode___size *)inode)->i_size);
	r->blocks = get(((struct inode___size *)inode)->i_blocks);
	n = bpf_d_path(&file->f_path, path, MAX_PATH);
	if (n <= 0 || n > MAX_PATH)
		return 0;
	r->name = n;
	bpf_seq_write(seq, r, sizeof(*r));
	bpf_seq_write(seq, path, n);
	return sizeof(*r) + n;
}

SEC("iter/task") int mappings(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	struct pid_view view;
	struct record r = {};
	__u64 told = 0;

	// A thread shows them only where the main one has ended.
	if (!task || task->flags & PF_KTHREAD || !get(task->mm))
		return 0;
	leader = get(task->group_leader);
	if (leader != task && get(leader->mm))
		return 0;
	view = reader_view();
	r.tid = pid_in(&view, get(task->thread_pid));
	r.pid = process_in(&view, task);
	if (!r.tid)
		return 0;
	if (bpf_iter_task_vma_new(&it, task, 0))
		r.what = NOT_TOLD;
	while ((vma = bpf_iter_task_vma_next(&it))) {
		__u64 n;

		if (!(vma->vm_flags & VM_MAYSHARE))
			continue;
		n = tell(seq, &r, vma);
		told += n;
		if (!n || told > MOST) {
			r.what = NOT_TOLD;
			break;
		}
	}
	bpf_iter_task_vma_destroy(&it);
	if (r.what == MAPPING)
		r.what = ALL_TOLD;
	r.name = 0;
	bpf_seq_write(seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
