// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Who reads the events, and by whose numbers and clock.

#include "trace.h"

// observer takes the view of the process that runs it (BPF_PROG_TEST_RUN).
SEC("raw_tp/sys_enter") int observer(void)
{
	struct settings *s = settings_of_reader();
	struct task_struct *task = bpf_get_current_task_btf();
	struct timespec64 offset = {};

	if (!s)
		return 0;
	s->view = reader_view();
	if (s->no_self)
		s->self = address_of(get(task->signal));
	if (field_exists(get(task->nsproxy)->time_ns))
		read(offset, &get(get(task->nsproxy)->time_ns)->offsets.boottime);
	s->boot_offset = offset.tv_sec * 1000000000LL + offset.tv_nsec;
	s->now = bpf_ktime_get_ns();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
