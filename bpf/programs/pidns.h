// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Process ids as they are in the pid namespace of whoever reads, which is what its
// proc file system shows.
#pragma once

#include "kernel.h"

// pid_view is a pid namespace, and at which level of a struct pid its numbers stand.
struct pid_view {
	__u64 ns;
	__u32 level;
};

// number_at reads one of the numbers of a process id.
INLINE void number_at(struct pid *pid, __u32 level, struct upid *to)
{
	read(*to, address_of(&pid->numbers[0]) + level * size_of(struct upid));
}

// reader_view is the view of the process that reads.
INLINE struct pid_view reader_view(void)
{
	struct pid *pid = get(bpf_get_current_task_btf()->thread_pid);
	struct pid_view view = {.level = load(pid, level)};
	struct upid own;

	number_at(pid, view.level, &own);
	view.ns = address_of(own.ns);
	return view;
}

// number_in is a process id as the namespace shows it, 0 if it is not in there.
VERIFIED_ONCE __u32 number_in(__u64 pid, __u64 ns, __u32 level)
{
	struct upid upid;

	if (load((struct pid *)pid, level) < level)
		return 0;
	number_at((struct pid *)pid, level, &upid);
	return address_of(upid.ns) == ns ? upid.nr : 0;
}

INLINE __u32 pid_in(const struct pid_view *view, struct pid *pid)
{
	return number_in(address_of(pid), view->ns, view->level);
}

INLINE __u32 process_in(const struct pid_view *view, struct task_struct *task)
{
	return pid_in(view, get(get(task->signal)->pids[PIDTYPE_TGID]));
}
