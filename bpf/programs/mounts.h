// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// From a file up to the root, across mounts.
#pragma once

#include "kernel.h"

KERNEL_TYPES

struct vfsmount {
	struct dentry *mnt_root;
};
struct path___mount {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file___path {
	struct path___mount f_path;
};
struct dentry___tree {
	struct dentry *d_parent;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

KERNEL_TYPES_END

INLINE struct path___mount *path_in(struct file *file)
{
	return &((struct file___path *)file)->f_path;
}

INLINE struct mount *mount_of(struct path___mount *path)
{
	struct mount *mount = NULL;

	return (struct mount *)(address_of(get(path->mnt)) - __builtin_preserve_field_info(mount->mnt, 0));
}

INLINE struct dentry *parent_of(struct dentry *dentry)
{
	return get(((struct dentry___tree *)dentry)->d_parent);
}
