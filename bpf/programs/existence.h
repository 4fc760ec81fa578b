// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What is read of calls that make and remove what processes share: objects of System V
// IPC, POSIX queues, and files in /dev/shm.
#pragma once

#include "path.h"

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

// What a call does, by its number.
#define CONNECT 1 // socket 1st, to the address 2nd, whose length is in the 3rd
#define ACCEPT 2 // returns the socket
#define SEND 3 // a message, struct msghdr in the 2nd
#define RECEIVE 4
#define TAKE 5 // a descriptor of another process: pidfd 1st; returns the descriptor
#define SHMGET 6 // key 1st, flags 3rd; returns the id
#define SEMGET 7
#define MSGGET 8 // flags 2nd
#define SHMCTL 9 // id 1st, command 2nd
#define SEMCTL 10 // command 3rd
#define MSGCTL 11
#define MQ_OPEN 12 // name 1st, flags 2nd; returns the descriptor
#define MQ_UNLINK 13
#define OPEN 14 // returns the descriptor
#define LINK 15 // from the path 1st to the 2nd
#define LINKAT 16 // from the path 2nd to the 4th, beside descriptors in the 1st and 3rd
#define UNLINK 17 // path 1st
#define UNLINKAT 18 // path 2nd, beside the descriptor 1st
#define MKNOD 19 // mode 2nd
#define MKNODAT 20 // mode 3rd
#define SEND_MESSAGES 21 // structures mmsghdr in the 2nd; returns how many
#define RECEIVE_MESSAGES 22 // likewise, flags in the 4th, which comes to be the 3rd here
#define MULTIPLEXED_IPC 23 // ipc(2): which call in the 1st, its arguments after that
#define MULTIPLEXED 24 // socketcall(2): which call in the 1st, its arguments where the 2nd points

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
