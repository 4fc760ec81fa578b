// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Connections of UNIX and Internet sockets, and who is at their ends.
#pragma once

#include "existence.h"

#define EAGAIN 11

// connection is a record that connection.go reads. No byte is padding.
struct connection {
	__u64 time;
	__u32 kind;
	__s32 result; // 0, or an error number below zero
	struct party who, peer; // the peer's pid and comm are 0 where it is not known
	struct behind socket; // that is connected
	__u64 peer_inode; // of the UNIX socket at the other end
	__u64 network; // namespace
	__u32 local[4], remote[4]; // addresses, of IPv4 the first word
	__u16 local_port, remote_port; // the latter in network byte order
	__u32 length; // of address
	char address[128]; // that a caller connects to, or that the other one did: struct sockaddr
};

INLINE void ends_of(struct connection *r, struct sock *sk)
{
	struct sock_common___ends *common = (void *)&sk->__sk_common;

	if (r->socket.family == AF_INET) {
		r->local[0] = get(common->skc_rcv_saddr);
		r->remote[0] = get(common->skc_daddr);
	} else {
		read(r->local, &common->skc_v6_rcv_saddr);
		read(r->remote, &common->skc_v6_daddr);
	}
	r->local_port = get(common->skc_num);
	r->remote_port = get(common->skc_dport);
}

// name_of is the address that a UNIX socket is bound to.
INLINE void name_of(struct connection *r, struct sock *sk)
{
	struct unix_address *address = get(((struct unix_sock___peer *)sk)->addr);
	__u32 length = get(address->len);

	as_it_is(length);
	if (!address || length > sizeof(r->address))
		return;
	if (!bpf_probe_read_kernel(r->address, length, (void *)address_of(&address->name[0])))
		r->length = length;
}

// connects reports whether it is told of connections of such a socket.
INLINE bool connects(struct sock *sk)
{
	__u32 family = get(sk->__sk_common.skc_family), type = get(sk->sk_type);

	return family == AF_UNIX ||
	       ((family == AF_INET || family == AF_INET6) && (type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET));
}

// connection tells of a socket that was connected, or came of an accept(2). The address that was
// asked for is in the memory of the calling process (user) or the kernel's.
INLINE int connection(struct file *file, __u32 what, __s64 result, __u64 address, __u32 length, bool user)
{
	struct settings *s = settings_of_reader();
	struct task_struct *current = bpf_get_current_task_btf(), *peer = NULL;
	struct sock *sk = socket_at(file);
	struct connection *r;
	__u16 to = AF_UNIX;
	long failed;

	if (!s || is_reader(s, current) || !connects(sk) || (what == ACCEPT && result == -EAGAIN))
		return 0;
	if (what == CONNECT && (user ? read_user(to, address) : !read(to, address)) && to == AF_UNSPEC) // it dissolves a connection
		return 0;
	r = record_of(sizeof(*r), sizeof(*r), what == ACCEPT ? ACCEPTED : CONNECTED);
	if (!r)
		return 0;
	r->result = result < 0 ? result : 0;
	party_of(&r->who, current, s);
	look_behind(&r->socket, file);
	r->network = get(get(sk->__sk_common.skc_net.net)->ns.inum);
	if (r->socket.family != AF_UNIX) {
		ends_of(r, sk);
	} else if (result >= 0) {
		peer = process_of(get(((struct sock___peer *)sk)->sk_peer_pid));
		if (peer)
			party_of(&r->peer, peer, s);
		r->peer_inode = inode_of(peer_of(sk));
	}
	as_it_is(length);
	if (what == CONNECT) {
		if (length > sizeof(r->address))
			length = 0;
		failed = user ? bpf_probe_read_user(r->address, length, (void *)address) :
				bpf_probe_read_kernel(r->address, length, (void *)address);
		if (!failed)
			r->length = length;
	} else if (r->socket.family == AF_UNIX) {
		name_of(r, sk);
	}
	bpf_ringbuf_submit(r, 0);
	return 0;
}
