// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Descriptors that go from one process to another: in messages over UNIX sockets, and by
// pidfd_getfd(2).
#pragma once

#include "existence.h"

#define MAX_FILES 8 // that are told of, of those that are passed at a time

// passed is a record that passed.go reads. No byte is padding.
struct passed {
	__u64 time;
	__u32 kind;
	__u32 how; // SEND, RECEIVE, TAKE
	struct party who, other; // of TAKE, whose it was
	struct behind socket;
	__u64 peer_inode; // of the UNIX socket at the other end
	__u32 peeked; // what is received stays there
	__u32 count;
	struct known_as files[MAX_FILES];
	__u32 reserved;
	__u32 length; // of address
	char address[128]; // that is sent to: struct sockaddr
};

// message is what struct msghdr says, and where the descriptors are in it.
struct message {
	__u64 name, control, length, descriptors;
	__u32 name_length;
	__u32 count;
};

#define MAX_CONTROL 4 // control messages that are looked at
#define SOL_SOCKET 1
#define SCM_RIGHTS 1

// message_at looks for descriptors in a message of the calling process.
INLINE bool message_at(struct message *m, __u64 at, bool compat)
{
	__u64 header = compat ? 12 : 16, align = compat ? 3 : 7, end;

	if (compat) {
		__u32 words[6];

		if (!read_user(words, at))
			return 0;
		m->name = words[0];
		m->name_length = words[1];
		m->control = words[4];
		m->length = words[5];
	} else {
		__u64 words[6];

		if (!read_user(words, at))
			return 0;
		m->name = words[0];
		m->name_length = words[1];
		m->control = words[4];
		m->length = words[5];
	}
	if (!m->control || m->length < header || m->length > 1 << 20)
		return 0;
	at = m->control;
	end = at + m->length;
	for (int i = 0; i < MAX_CONTROL && at + header <= end; i++) {
		__u64 length = 0;
		__u32 type[2];

		if (compat) {
			__u32 short_length;

			if (!read_user(short_length, at))
				return 0;
			length = short_length;
		} else if (!read_user(length, at)) {
			return 0;
		}
		if (length < header || length > end - at || !read_user(type, at + header - sizeof(type)))
			return 0;
		if (type[0] == SOL_SOCKET && type[1] == SCM_RIGHTS) {
			m->descriptors = at + header;
			m->count = (length - header) / sizeof(int);
			return m->count > 0;
		}
		at += (length + align) & ~align;
	}
	return 0;
}

#define MSG_PEEK 2
#define COMPAT 0x80000000 // the caller is a 32-bit program; no flag of recvmmsg(2)

// message_passed tells of the descriptors in a message, struct msghdr of the calling process, that
// went through a socket, given by its struct file.
VERIFIED_ONCE int message_passed(__u64 socket, __u64 at, __u32 what, bool peeked, bool compat)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	struct file *file = (struct file *)socket;
	struct sock *sk = socket_at(file);
	struct message m = {};
	struct passed *r;

	if (!s || !message_at(&m, at, compat))
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), PASSED);
	if (!r)
		return 0;
	r->how = what;
	party_of(&r->who, current, s);
	look_behind(&r->socket, file);
	r->peer_inode = inode_of(peer_of(sk));
	r->peeked = peeked;
	r->count = m.count;
	for (__u32 i = 0; i < MAX_FILES && i < m.count; i++) {
		__u32 passed;

		if (read_user(passed, m.descriptors + i * sizeof(passed)))
			look_closer(&r->files[i], file_at(current, passed));
	}
	as_it_is(m.name_length);
	if (what == SEND && m.name && m.name_length <= sizeof(r->address) &&
	    !bpf_probe_read_user(r->address, m.name_length, (void *)m.name))
		r->length = m.name_length;
	bpf_ringbuf_submit(r, 0);
	return 0;
}

INLINE int taking(struct file *pidfd, __s64 result)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf(), *other;
	struct passed *r;

	if (!s)
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), PASSED);
	if (!r)
		return 0;
	r->how = TAKE;
	party_of(&r->who, current, s);
	other = behind_pidfd(pidfd);
	if (other)
		party_of(&r->other, other, s);
	r->count = 1;
	look_closer(&r->files[0], file_at(current, result));
	bpf_ringbuf_submit(r, 0);
	return 0;
}

#define MAX_MESSAGES 1024 // UIO_MAXIOV: more than that the kernel does not do at a time

// messages_passed does the same of some structures mmsghdr, each of which begins with a struct msghdr.
VERIFIED_ONCE int messages_passed(__u64 socket, __u64 at, __u32 count, bool receives, __u32 flags)
{
	bool compat = flags & COMPAT;

	for (__u32 i = 0; i < MAX_MESSAGES && i < count; i++)
		message_passed(socket, at + i * (compat ? 32 : 64), receives ? RECEIVE : SEND, receives && flags & MSG_PEEK, compat);
	return 0;
}

INLINE int passing(const struct call *c, __u32 what, __s64 result)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf();
	struct file *file = file_at(current, c->args[0]);
	bool compat = !!(c->number & CALL32);

	if (result < 0 || !s || is_reader(s, current))
		return 0;
	if (what == TAKE)
		return taking(file, result);
	if (get(socket_at(file)->__sk_common.skc_family) != AF_UNIX)
		return 0;
	if (what == SEND || what == RECEIVE)
		return message_passed(address_of(file), c->args[1], what, what == RECEIVE && c->args[2] & MSG_PEEK, compat);
	return messages_passed(address_of(file), c->args[1], result, what == RECEIVE_MESSAGES, (c->args[2] & MSG_PEEK) | (compat ? COMPAT : 0));
}
