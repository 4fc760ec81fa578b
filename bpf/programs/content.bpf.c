// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What each process has, as one number: another one as soon as any of it is another. 0 where
// that cannot be told.

#include "mounts.h"
#include "pidns.h"

// record is what the reader gets: content.go reads it. No byte is padding.
struct record {
	__u32 pid, none;
	__u64 held, program;
};

KERNEL_TYPES

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct mm_struct___content {
	int map_count;
	unsigned long total_vm;
	unsigned long data_vm;
	unsigned long exec_vm;
	unsigned long stack_vm;
	struct file *exe_file;
};
struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};
struct qstr___content {
	__u64 hash_len;
};
struct dentry___content {
	struct hlist_bl_node d_hash;
	struct qstr___content d_name;
};

KERNEL_TYPES_END

#define WORDS 64 // BITS_PER_LONG, of which the size of a descriptor table is a multiple
#define MOST_DESCRIPTORS (128 * WORDS)
#define MOST_STEPS 24 // from a program up to the root

// words is room for a part of a descriptor table.
struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	__u64 (*value)[WORDS];
} words SEC(".maps");

INLINE __u64 mixed(__u64 sum, __u64 x)
{
	sum = (sum ^ x) * 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 29;
}

// mixed_words mixes in a part of a table.
VERIFIED_ONCE __u64 mixed_words(__u64 sum, __u64 at)
{
	__u32 first = 0;
	__u64 *word = bpf_map_lookup_elem(&words, &first);

	if (!word || bpf_probe_read_kernel(word, WORDS * sizeof(*word), (void *)at))
		return 0;
	for (__u32 i = 0; i < WORDS; i++)
		sum = mixed(sum, word[i]);
	return sum | 1;
}

// mixed_descriptors mixes in which open file each descriptor has.
VERIFIED_ONCE __u64 mixed_descriptors(__u64 sum, __u64 files)
{
	struct fdtable *table = get(((struct files_struct *)files)->fdt);
	__u64 at = address_of(get(table->fd));
	__u32 size = load(table, max_fds);

	if (!at || !size || size > MOST_DESCRIPTORS)
		return 0;
	for (__u32 i = 0; i < MOST_DESCRIPTORS && i < size && sum; i += WORDS)
		sum = mixed_words(sum, at + i * sizeof(struct file *));
	return sum;
}

// held_by are a process's descriptors and its mappings.
INLINE __u64 held_by(struct task_struct *task)
{
	struct mm_struct___content *mm = (struct mm_struct___content *)get(task->mm);
	__u64 sum = mixed(1, address_of(mm));

	if (!mm || !field_exists(mm->map_count) || !field_exists(mm->total_vm) || !field_exists(mm->exec_vm))
		return 0;
	sum = mixed(sum, load(mm, map_count));
	sum = mixed(sum, load(mm, total_vm));
	sum = mixed(sum, load(mm, data_vm));
	sum = mixed(sum, load(mm, exec_vm));
	sum = mixed(sum, load(mm, stack_vm));
	return mixed_descriptors(sum | 1, address_of(get(task->files)));
}

// mixed_name mixes in the name of a file and whether that has been removed.
INLINE __u64 mixed_name(__u64 sum, struct dentry *dentry)
{
	struct dentry___content *d = (struct dentry___content *)dentry;

	sum = mixed(sum, address_of(dentry));
	sum = mixed(sum, load(d, d_name.hash_len));
	return mixed(sum, !get(d->d_hash.pprev));
}

// program_of is where the program file of a process is: its names, from the file up to
// the root.
VERIFIED_ONCE __u64 program_of(__u64 mm)
{
	struct file *file = get(((struct mm_struct___content *)mm)->exe_file);
	struct path___mount *path = path_in(file);
	struct dentry *dentry = get(path->dentry);
	struct mount *mount = mount_of(path);
	__u64 sum = mixed(1, address_of(file));

	if (!file || !field_exists(mount->mnt_mountpoint))
		return 0;
	for (int i = 0; i < MOST_STEPS && dentry; i++) {
		struct dentry *parent = parent_of(dentry);

		if (dentry == get(mount->mnt.mnt_root)) {
			struct mount *above = get(mount->mnt_parent);

			sum = mixed(sum, address_of(mount));
			if (above == mount)
				return sum | 1;
			dentry = get(mount->mnt_mountpoint);
			mount = above;
			continue;
		}
		if (dentry == parent) // it is on no mount
			return 0;
		sum = mixed_name(sum, dentry);
		dentry = parent;
	}
	return 0;
}

SEC("iter/task") int contents(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct pid_view view;
	struct record r = {};
	__u64 mm;

	if (!task)
		return 0;
	mm = address_of(get(task->mm));
	if (!mm || address_of(task) != address_of(get(task->group_leader)))
		return 0;
	view = reader_view();
	r.pid = pid_in(&view, get(task->thread_pid));
	r.held = held_by(task);
	r.program = program_of(mm);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
