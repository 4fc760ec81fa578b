// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What is read of calls that make and remove what processes share: objects of System V
// IPC, POSIX queues, and files in /dev/shm.
#pragma once

#include "path.h"

static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;

KERNEL_TYPES

struct ipc_ids {
	unsigned short seq; // changes with each object that is made, or last_idx does
	int last_idx; // of the object that was made last
};
struct ipc_namespace___ids {
	struct ipc_ids ids[3];
	unsigned int mq_queues_count;
};
struct fs_struct {
	struct path___mount pwd;
};
struct task_struct___fs {
	struct fs_struct *fs;
};

KERNEL_TYPES_END

#define IPC_CREAT 01000
#define IPC_EXCL 02000
#define IPC_PRIVATE 0
#define IPC_64 0x100 // in commands of 32-bit callers; IPC_RMID is 0
#define O_CREAT 0100
#define O_EXCL 0200
#define FMODE_CREATED 0x100000 // include/linux/fs.h
#define S_IFMT 0170000
#define S_IFIFO 0010000
#define AT_FDCWD (-100)
#define AT_REMOVEDIR 0x200

// made is a record that existence.go reads. No byte is padding.
struct made {
	__u64 time;
	__u32 kind;
	__u32 what;
	struct party who;
	__u64 ipc; // namespace, an inode number
	__s32 id; // of System V IPC
	__u32 key;
	struct behind file;
	char name[256]; // that the call was given
	char other[256]; // that it was linked from
	__u32 reserved;
	struct parts base; // of the file, or of the directory that the name is relative to
};

#define MAX_COVERED 8

// is_at_shm reports whether a file is on what is mounted on a directory called shm, which
// is cheap to tell; by the whole path the reader tells /dev/shm.
INLINE bool is_at_shm(struct path___mount *path)
{
	struct mount *mount = mount_of(path);
	struct dentry *point = get(mount->mnt_mountpoint);
	char name[4];

	// It may cover another that is mounted at the same place.
	for (int i = 0; i < MAX_COVERED; i++) {
		mount = get(mount->mnt_parent);
		if (point != get(mount->mnt.mnt_root))
			break;
		point = get(mount->mnt_mountpoint);
	}
	read(name, get(point->d_name.name));
	return name[0] == 's' && name[1] == 'h' && name[2] == 'm' && name[3] == 0;
}

// names_shm reports whether a path that a call was given is in /dev/shm. base becomes where
// one begins that is relative.
INLINE bool names_shm(__u64 at, bool beside, int fd, struct path___mount **base)
{
	struct task_struct *current = bpf_get_current_task_btf();
	char name[10];

	if (bpf_probe_read_user_str(name, sizeof(name), (void *)at) <= 0)
		return 0;
	if (name[0] == '/')
		return name[1] == 'd' && name[2] == 'e' && name[3] == 'v' && name[4] == '/' && name[5] == 's' && name[6] == 'h' &&
		       name[7] == 'm' && name[8] == '/';
	*base = beside && fd != AT_FDCWD ? path_in(file_at(current, fd)) : &get(((struct task_struct___fs *)current)->fs)->pwd;
	return is_at_shm(*base);
}
