// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The path of an open file, across mounts.
#pragma once

#include "calls.h"
#include "mounts.h"

#define MAX_PARTS 40
#define MAX_PATH 512
#define MAX_NAME 256 // with the zero byte that ends it

// parts are the names on the way from a file up to the root, each ended by a zero byte.
// length is 0 where they are too many, or too long.
struct parts {
	__u32 length;
	char names[MAX_PATH + MAX_NAME];
};

INLINE void path_of(struct parts *p, struct path___mount *path)
{
	struct dentry *dentry = get(path->dentry);
	struct mount *mount = mount_of(path);
	__u32 length = 0;

	for (int i = 0; i < MAX_PARTS && dentry; i++) {
		struct dentry *parent = parent_of(dentry);
		struct mount *above;
		long n;

		if (dentry == get(mount->mnt.mnt_root)) {
			above = get(mount->mnt_parent);
			if (above == mount) {
				p->length = length;
				return;
			}
			dentry = get(mount->mnt_mountpoint);
			mount = above;
			continue;
		}
		if (dentry == parent) { // it is on no mount
			return;
		}
		as_it_is(length);
		if (length >= MAX_PATH)
			return;
		n = bpf_probe_read_kernel_str(p->names + length, MAX_NAME, get(dentry->d_name.name));
		if (n <= 0)
			return;
		length += n;
		dentry = parent;
	}
}
