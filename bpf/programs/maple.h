// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The mappings of a process, which the kernel keeps in a tree (include/linux/maple_tree.h,
// Linux 6.1). It is read as those of its own readers do who take no lock, and what was read
// counts only if nobody was changing it (mm->mm_lock_seq, Linux 6.4).
#pragma once

#include "kernel.h"

KERNEL_TYPES

struct maple_tree {
	void *ma_root;
};
struct maple_range_64 {
	void *parent;
};
struct maple_arange_64 {
	void *parent;
};
struct atomic_long {
	__s64 counter;
};
struct rw_semaphore {
	struct atomic_long count;
};
struct mm_struct___maps {
	struct maple_tree mm_mt;
	int map_count;
	struct rw_semaphore mmap_lock;
};
struct mm_struct___version {
	int mm_lock_seq; // before Linux 6.13
};
struct seqcount {
	unsigned int sequence;
};
struct mm_struct___sequence {
	struct seqcount mm_lock_seq;
};

struct anon_vma_name;

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	unsigned long vm_flags;
	struct file *vm_file;
	struct anon_vma_name *anon_name; // Linux 5.17 with CONFIG_ANON_VMA_NAME
};

KERNEL_TYPES_END

static long (*const bpf_loop)(__u32 times, void *f, void *with, __u64 flags) = (void *)181; // Linux 5.17

#define VM_MAYSHARE 0x80 // include/linux/mm.h

// A node is 256 bytes, which its address leaves free for its type.
#define NODE_WORDS 32
#define NODE_MASK 255ULL
#define LEAF_64 1
#define RANGE_64 2
#define ARANGE_64 3
#define DEEPEST 10

// Where a node has its parts, in words; the first is its parent.
#define PIVOTS 1
#define RANGE_PIVOTS 15
#define RANGE_SLOTS 16
#define RANGE_END 31 // the byte there is how many slots are in use, less one, if there is room for it
#define ARANGE_SLOTS 10
#define ARANGE_END 30

#define MOST_SHARED 256 // mappings that are told of
#define MOST_LEAVES 8192

// found is what was found of one process, and the way through its tree. It is no variable of
// the programs: of those the verifier follows every value through a loop.
struct found {
	__u64 root, address; // of the tree, and how far it was read
	__u64 node[NODE_WORDS];
	__u64 below; // the node to be read next
	__u64 last; // address that the node is about
	__u64 end; // of its slots that are in use
	__u64 shared[MOST_SHARED];
	__u32 count, told;
	__u32 mappings, reserved; // of all sorts
	__u32 at_leaf, complete;
	__u64 ordered;
};

struct {
	__u32 (*type)[ARRAY_PER_CPU];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct found *value;
} found_in SEC(".maps");

INLINE struct found *found_here(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&found_in, &first);
}

// in_order has the processor read what comes after it later than what comes before.
INLINE void in_order(void)
{
	struct found *f = found_here();

	if (f)
		__sync_fetch_and_add(&f->ordered, 1);
}

// version_of is another number after the mappings of a process were changed. It is 0 while
// somebody changes them, and where the kernel does not count.
VERIFIED_ONCE __u64 version_of(__u64 at)
{
	struct mm_struct___maps *mm = (struct mm_struct___maps *)at;
	struct mm_struct___version *old = (struct mm_struct___version *)at;
	struct mm_struct___sequence *recent = (struct mm_struct___sequence *)at;
	__u64 version;

	if (!field_exists(mm->mmap_lock.count.counter) || !field_exists(mm->mm_mt.ma_root))
		return 0;
	if (size_of(struct maple_range_64) != 256 || size_of(struct maple_arange_64) != 248)
		return 0;
	in_order();
	if (field_exists(recent->mm_lock_seq.sequence))
		version = get(recent->mm_lock_seq.sequence);
	else if (field_exists(old->mm_lock_seq))
		version = (__u32)get(old->mm_lock_seq);
	else
		return 0;
	if (get(mm->mmap_lock.count.counter) & 1) // RWSEM_WRITER_LOCKED of kernel/locking/rwsem.c
		return 0;
	in_order();
	return version | 1ULL << 32;
}

// end_of is the last slot that is in use of a node that was read (ma_data_end of
// lib/maple_tree.c).
INLINE __u64 end_of(struct found *f, __u64 type)
{
	__u64 pivot = f->node[PIVOTS + RANGE_PIVOTS - 1];

	if (type == ARANGE_64)
		return f->node[ARANGE_END] & 0xff;
	if (!pivot)
		return f->node[RANGE_END] & 0xff;
	return pivot == f->last ? RANGE_PIVOTS - 1 : RANGE_PIVOTS;
}

// less is 1 if a is less than b, or 0, without a branch: the verifier follows every way
// through a loop.
INLINE __u64 less(__u64 a, __u64 b)
{
	return ((~a & b) | ((~a | b) & (a - b))) >> 63;
}

// descend reads a node, and finds the one below it with the mapping at an address or after
// it. It ends with a leaf, or with nothing where somebody is changing the tree.
static long descend(__u32 depth, void *with)
{
	struct found *f = found_here();
	__u64 type, at, slot = 0, slots = RANGE_SLOTS;

	(void)with;
	if (!f)
		return 1;
	type = f->below >> 3 & 15;
	at = f->below & ~NODE_MASK;
	if (bpf_probe_read_kernel(f->node, sizeof(f->node), (void *)at) || (f->node[0] & ~NODE_MASK) == at)
		return 1; // it is no node any more
	if (!depth)
		f->last = ~0ULL;
	f->end = end_of(f, type);
	f->at_leaf = type == LEAF_64;
	if (type != RANGE_64 && type != ARANGE_64)
		return 1;
	if (type == ARANGE_64)
		slots = ARANGE_SLOTS;
	for (__u64 i = 0; i < RANGE_PIVOTS; i++)
		slot += less(i, f->end) & less(f->node[PIVOTS + i], f->address);
	if (slot < f->end)
		f->last = f->node[(PIVOTS + slot) & (NODE_WORDS - 1)];
	f->below = f->node[(slots + slot) & (NODE_WORDS - 1)];
	return 0;
}

// add_shared adds what is in a slot of the leaf that was read to the list, if it is a shared
// mapping.
static long add_shared(__u32 slot, void *with)
{
	struct found *f = found_here();
	__u64 entry;
	__u32 count;

	(void)with;
	if (!f || slot > f->end)
		return 1;
	entry = f->node[(RANGE_SLOTS + slot) & (NODE_WORDS - 1)];
	if (!entry || entry & 3) // nothing is mapped there, or a mark of the kernel's own
		return 0;
	f->mappings++;
	if (!(get(((struct vm_area_struct *)entry)->vm_flags) & VM_MAYSHARE))
		return 0;
	count = f->count;
	f->shared[count & (MOST_SHARED - 1)] = entry;
	f->count = count + 1;
	return count >= MOST_SHARED;
}

static long next_leaf(__u32 number, void *with)
{
	struct found *f = found_here();

	(void)number;
	(void)with;
	if (!f)
		return 1;
	f->below = f->root;
	f->at_leaf = 0;
	bpf_loop(DEEPEST, descend, NULL, 0);
	if (!f->at_leaf)
		return 1;
	bpf_loop(RANGE_SLOTS, add_shared, NULL, 0);
	if (f->count > MOST_SHARED)
		return 1;
	f->address = f->last + 1;
	f->complete = !f->address;
	return f->complete;
}

// shared_of lists the shared mappings of a process, and returns their number: more than
// MOST_SHARED if not all of them are in the list. A kernel whose tree is another one than
// is thought here shows by the number of all mappings, which it counts.
INLINE __u32 shared_of(__u64 mm)
{
	struct found *f = found_here();

	if (!f)
		return MOST_SHARED + 1;
	f->root = address_of(get(((struct mm_struct___maps *)mm)->mm_mt.ma_root));
	if ((f->root & 3) != 2 || f->root <= 4096) // no tree, but a single entry
		return MOST_SHARED + 1;
	f->address = f->count = f->complete = f->mappings = 0;
	bpf_loop(MOST_LEAVES, next_leaf, NULL, 0);
	return f->complete && f->mappings == (__u32)get(((struct mm_struct___maps *)mm)->map_count) ? f->count : MOST_SHARED + 1;
}
