// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Every shared mapping of the processes in the reader's pid namespace, with what maps of
// the proc file system says of it, and what the file behind it is like. No lock is taken: a
// process whose mappings somebody changes meanwhile is only named.

#include "maple.h"
#include "path.h"
#include "pidns.h"

// What a record is.
#define MAPPING 0
#define ALL_TOLD 1 // those before it are all of the process's
#define NOT_TOLD 2 // somebody is changing them, they are too many, or there are some of which maps alone knows

// record is what the reader gets: mapping.go reads it. No byte is padding. The name
// follows it.
struct record {
	__u32 name; // length
	__u32 what;
	__u32 pid, tid;
	__u32 flags;
	__u32 memory; // the file is memory: it has no path
	__u32 dev, mode, links, uid, gid; // of the file
	__u32 deleted; // its name has been removed
	__u64 start, end, offset; // the last one in pages
	__u64 ino, size, blocks;
};

KERNEL_TYPES

struct inode___size {
	__s64 i_size;
	unsigned long i_blocks;
};
struct super_block___flags {
	unsigned long s_flags;
	unsigned long s_magic;
};
struct mount___namespace {
	void *mnt_ns;
};
struct hlist_bl_node {
	void *pprev;
};
struct dentry___hash {
	struct hlist_bl_node d_hash;
};

KERNEL_TYPES_END

#define SB_KERNMOUNT (1 << 22) // include/linux/fs.h: the kernel mounted it for itself
#define MNT_NS_INTERNAL -22 // fs/mount.h: nobody sees the mount
#define TMPFS_MAGIC 0x01021994 // include/uapi/linux/magic.h
#define HUGETLBFS_MAGIC 0x958458f6
#define PF_KTHREAD 0x00200000 // include/linux/sched.h

// MOST is how much is told of one process: all of it must fit into what one read gives
// (kernel/bpf/bpf_iter.c).
#define MOST (24 << 10)

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct record *value;
} output SEC(".maps");

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	char (*value)[MAX_NAME];
} name SEC(".maps");

// describe takes in one mapping. It returns false of one of which maps says what stands
// elsewhere: of the file of an overlay, which mounts what it is made of for itself alone, of
// memory that its process gave a name, and of what has no name as files have.
INLINE bool describe(struct record *r, struct vm_area_struct *vma, struct dentry **dentry)
{
	struct file *file = get(vma->vm_file);
	struct path___mount *path = path_in(file);
	struct inode *inode = get(file->f_inode);
	struct super_block *sb = get(inode->i_sb);
	__u64 magic = get(sb->s_magic);
	__u64 ns = address_of(get(((struct mount___namespace *)mount_of(path))->mnt_ns));

	*dentry = get(path->dentry);
	r->memory = !!(get(((struct super_block___flags *)sb)->s_flags) & SB_KERNMOUNT);
	if (!file || (r->memory && magic != TMPFS_MAGIC && magic != HUGETLBFS_MAGIC))
		return 0;
	if (!r->memory && ns == (__u64)MNT_NS_INTERNAL)
		return 0;
	if (field_exists(vma->anon_name) && get(vma->anon_name))
		return 0;
	r->deleted = !get(((struct dentry___hash *)*dentry)->d_hash.pprev);
	r->flags = get(vma->vm_flags);
	r->start = get(vma->vm_start);
	r->end = get(vma->vm_end);
	r->offset = get(vma->vm_pgoff);
	r->dev = get(sb->s_dev);
	r->ino = get(inode->i_ino);
	r->mode = get(inode->i_mode);
	r->links = get(inode->i_nlink);
	r->uid = get(inode->i_uid.val);
	r->gid = get(inode->i_gid.val);
	r->size = get(((struct inode___size *)inode)->i_size);
	r->blocks = get(((struct inode___size *)inode)->i_blocks);
	return 1;
}

// tell writes the mapping at a place of the list that [shared_of] made.
static long tell(__u32 at, void *with)
{
	struct seq_file *seq = *(struct seq_file **)with;
	struct found *found = found_here();
	struct dentry *dentry;
	struct record *r;
	__u32 first = 0;
	char *text;
	long n;

	r = bpf_map_lookup_elem(&output, &first);
	text = bpf_map_lookup_elem(&name, &first);
	if (!found || !r || !text)
		return 1;
	r->what = NOT_TOLD;
	if (!describe(r, (struct vm_area_struct *)found->shared[at & (MOST_SHARED - 1)], &dentry))
		return 1;
	n = bpf_probe_read_kernel_str(text, MAX_NAME, get(dentry->d_name.name));
	if (n <= 0 || n > MAX_NAME)
		return 1;
	found->told += sizeof(*r) + n;
	if (found->told > MOST)
		return 1;
	r->what = MAPPING;
	r->name = n;
	bpf_seq_write(seq, r, sizeof(*r));
	bpf_seq_write(seq, text, n);
	return 0;
}

SEC("iter/task") int mappings(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct seq_file *seq = ctx->meta->seq;
	struct found *found = found_here();
	struct pid_view view;
	struct mm_struct *mm;
	struct record *r;
	__u32 shared, first = 0;
	__u64 version;

	// A thread shows them only where the main one has ended.
	r = bpf_map_lookup_elem(&output, &first);
	if (!task || !r || !found || task->flags & PF_KTHREAD)
		return 0;
	mm = get(task->mm);
	leader = get(task->group_leader);
	if (!mm || (leader != task && get(leader->mm)))
		return 0;
	view = reader_view();
	r->tid = pid_in(&view, get(task->thread_pid));
	r->pid = process_in(&view, task);
	if (!r->tid)
		return 0;
	version = version_of(address_of(mm));
	shared = version ? shared_of(address_of(mm)) : MOST_SHARED + 1;
	r->what = shared <= MOST_SHARED ? MAPPING : NOT_TOLD;
	found->told = 0;
	if (shared && shared <= MOST_SHARED)
		bpf_loop(shared, tell, &seq, 0);
	// What was read is so if nobody had begun to change it meanwhile, and if it was still the
	// memory of the process.
	if (r->what == MAPPING && version_of(address_of(mm)) == version && get(task->mm) == mm)
		r->what = ALL_TOLD;
	else
		r->what = NOT_TOLD;
	r->name = 0;
	bpf_seq_write(seq, r, sizeof(*r));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
