// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Signals while they are sent and while they are taken: the tracepoints signal_generate
// and signal_deliver (include/trace/events/signal.h), and mark_victim (oom.h there).

#include "trace.h"

#define SIGHUP 1
#define SIGKILL 9
#define SIGPIPE 13
#define SIGURG 23

// Flags of a record.
#define GROUP 1 // sent to the process, not to a thread
#define BLOCKED 2 // the thread, or the main thread of the process, blocks it
#define AWAITED 4 // that thread is in sigtimedwait(2) for it
#define NO_INFO 8 // the kernel wrote no siginfo: it acts for the current thread
#define PRIVILEGED 16 // the kernel wrote no siginfo: it acts for itself
#define DEFAULT 32 // the signal's action is the default one
#define IGNORED 64
#define CAUGHT 128
#define FROM_TERMINAL_FILE 256 // tty is that of the target's first descriptors

// record is what the reader gets: signal.go reads it. No byte is padding.
struct record {
	__u64 time;
	__u32 kind, signal;
	struct party from, to;
	__s32 code, result;
	__u32 flags;
	__u32 tty; // controlling terminal of the target, as in task.bpf.c
	__u32 death_signal; // that the target gets when its parent ends
	__u32 threads;
	__u64 info[4]; // siginfo(5) after si_code
	struct call call; // the current thread is in
	struct behind file; // of SIGPIPE: what was written to
};

INLINE __u32 encode(__u32 major, __u32 minor)
{
	// new_encode_dev of include/linux/kdev_t.h
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

INLINE void terminal(struct record *r, struct task_struct *task)
{
	struct tty_struct *tty = get(get(task->signal)->tty);
	struct tty_driver *driver = get(tty->driver);

	if (tty) {
		r->tty = encode(get(driver->major), get(driver->minor_start) + get(tty->index));
		return;
	}
	if (r->signal != SIGHUP)
		return;
	// A terminal that hangs up is taken from the process before it is told.
	for (__u32 fd = 0; fd < 3; fd++) {
		struct file *file = file_at(task, fd);
		__u32 dev = get(((struct inode___trace *)get(file->f_inode))->i_rdev), major = dev >> 20;

		if (file && major >= 136 && major < 144) { // UNIX98 pseudoterminals
			r->tty = encode(major, dev & 0xfffff);
			r->flags |= FROM_TERMINAL_FILE;
			return;
		}
	}
}

// written_to is the descriptor that a call writes to.
INLINE __u32 written_to(const struct call *c)
{
	struct pt_regs___amd64 *amd64 = NULL;
	bool is_amd64 = field_exists(amd64->orig_ax);
	__u64 splice = is_amd64 ? 275 : 76, tee = is_amd64 ? 276 : 77;

	if (c->number & CALL32 && (__s64)c->number > 0) {
		splice = CALL32 | (is_amd64 ? 313 : 340);
		tee = CALL32 | (is_amd64 ? 315 : 342);
	}

	if (c->number == splice)
		return c->args[2];
	if (c->number == tee)
		return c->args[1];
	return c->args[0];
}

INLINE __u32 disposition(struct task_struct *task, __u32 signal)
{
	struct sighand_struct *hand = get(task->sighand);
	__u64 handler;

	read(handler, address_of(&hand->action[0]) + (signal - 1) * size_of(struct k_sigaction));
	if (!hand)
		return 0;
	return handler == 0 ? DEFAULT : handler == 1 ? IGNORED : CAUGHT;
}

INLINE bool is_asked_for(const struct settings *s, __u32 signal)
{
	return signal >= 1 && signal <= 64 && s->signals >> (signal - 1) & 1;
}

// within reports whether a process signals one of its own threads that it should let
// another goroutine run, which programs in Go do many times a second.
INLINE bool within(const struct settings *s, __u32 signal, struct task_struct *from, struct task_struct *to)
{
	if (signal != SIGURG || s->urgent || get(from->signal) != get(to->signal))
		return 0;
	count(LEFT_OUT);
	return 1;
}

#define SI_TKILL -6

INLINE bool by_thread(__u64 info)
{
	__s32 code;

	read(code, info + 8); // si_code
	return code == SI_TKILL;
}

INLINE void information(struct record *r, __u64 info)
{
	struct {
		__s32 signo, error, code, padding;
		__u64 fields[4];
	} siginfo;

	if (info == 0) { // SEND_SIG_NOINFO
		r->flags |= NO_INFO;
		return;
	}
	if (info == 1) { // SEND_SIG_PRIV
		r->flags |= PRIVILEGED;
		r->code = 0x80; // SI_KERNEL
		return;
	}
	read(siginfo, info);
	r->code = siginfo.code;
	for (int i = 0; i < 4; i++)
		r->info[i] = siginfo.fields[i];
}

INLINE void about(struct record *r, struct task_struct *task, __u64 info)
{
	__u64 bit = 1ULL << ((r->signal - 1) & 63), blocked = get(task->blocked.sig[0]);

	information(r, info);
	r->flags |= disposition(task, r->signal);
	if (blocked & bit)
		r->flags |= BLOCKED;
	else if (get(((struct task_struct___trace *)task)->real_blocked.sig[0]) & bit)
		r->flags |= AWAITED;
	r->death_signal = get(((struct task_struct___trace *)task)->pdeath_signal);
	r->threads = get(get(task->signal)->nr_threads);
}

SEC("raw_tp/signal_generate") int signal_sent(__u64 *ctx)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf(), *to = (struct task_struct *)ctx[2];
	__u32 signal = ctx[0];
	struct record *r;

	if (!s || !is_asked_for(s, signal) || !have_to_do(s, current, to) || within(s, signal, current, to))
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), SENT);
	if (!r)
		return 0;
	r->signal = signal;
	party_of(&r->from, current, s);
	party_of(&r->to, to, s);
	if (ctx[3])
		r->flags |= GROUP;
	r->result = ctx[4];
	about(r, to, ctx[1]);
	terminal(r, to);
	call_of(&r->call, current);
	if (signal == SIGPIPE && r->flags & NO_INFO && current == to)
		look_behind(&r->file, file_at(current, written_to(&r->call)));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

SEC("raw_tp/signal_deliver") int signal_taken(__u64 *ctx)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	__u32 signal = ctx[0];
	struct record *r;

	// Of any signal that ends the process the kernel makes SIGKILL.
	if (!s || !(is_asked_for(s, signal) || (signal == SIGKILL && s->signals)) || !have_to_do(s, current, current))
		return 0;
	if (signal == SIGURG && !s->urgent && by_thread(ctx[1]))
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), TAKEN);
	if (!r)
		return 0;
	r->signal = signal;
	party_of(&r->to, current, s);
	about(r, current, ctx[1]);
	bpf_ringbuf_submit(r, 0);
	return 0;
}

// The OOM killer marks its victim right after it has sent it SIGKILL.
SEC("raw_tp/mark_victim") int oom_victim(void)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	struct record *r;

	if (!s || !is_asked_for(s, SIGKILL))
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), VICTIM);
	if (!r)
		return 0;
	r->signal = SIGKILL;
	party_of(&r->from, current, s);
	bpf_ringbuf_submit(r, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
