// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What the programs need of the kernel: types, helper functions by number
// (bpf-helpers(7), include/uapi/linux/bpf.h), and relocations (CO-RE) by which the
// loader finds out where a field is in the running kernel. It is written out here so
// that clang alone builds the programs, and so that what is loaded describes only the
// few fields that they read.
#pragma once

struct task_struct;

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef _Bool bool;

#define NULL ((void *)0)
#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

// A map of one element for each processor (BPF_MAP_TYPE_PERCPU_ARRAY).
#define ARRAY_PER_CPU 6

// Types declared between these have their fields relocated.
#define KERNEL_TYPES _Pragma("clang attribute push (__attribute__((preserve_access_index)), apply_to = record)")
#define KERNEL_TYPES_END _Pragma("clang attribute pop")

#define field_exists(field) __builtin_preserve_field_info(field, 2)

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_probe_read_kernel)(void *dst, __u32 size, const void *from) = (void *)113;
static long (*const bpf_seq_write)(void *seq, const void *data, __u32 len) = (void *)127;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static void *(*const bpf_task_pt_regs)(struct task_struct *task) = (void *)175;
static long (*const bpf_d_path)(void *path, char *buf, __u32 size) = (void *)147;

// read copies what is at an address; all of it is zero where that cannot be read.
#define read(to, from) bpf_probe_read_kernel(&(to), sizeof(to), (const void *)(from))

// get is the value of a field, 0 where it cannot be read: behind a null pointer, too.
// A plain load would do, but each pointer that is loaded so costs the verifier of
// recent kernels a search through all types of the kernel, a millisecond in all.
#define get(field) ({ \
	__typeof__(field) value_; \
	read(value_, &(field)); \
	value_; \
})

// bpf_rdonly_cast makes a pointer of a type out of a number: what it leads to is read by
// plain loads, for which the kernel catches faults (Linux 6.2). Without it each read is
// a call of bpf_probe_read_kernel, which takes some 40 ns.
extern void *bpf_rdonly_cast(const void *pointer, __u32 type) __attribute__((section(".ksyms"), weak));

#define typed(type, pointer) ((type *)bpf_rdonly_cast((const void *)(pointer), __builtin_btf_type_id(*(type *)0, 1)))

// load is the value of a field, as get is.
#define load(pointer, field) (bpf_rdonly_cast ? typed(__typeof__(*(pointer)), pointer)->field : get((pointer)->field))

// size_of is the size of a type in the running kernel.
#define size_of(type) __builtin_preserve_type_info(*(type *)0, 1)

// The verifier looks at such a function once, and not at each call.
#define VERIFIED_ONCE __attribute__((noinline))

// address_of makes a plain number of a pointer, with which may be calculated.
#define address_of(pointer) ((__u64)(pointer))
