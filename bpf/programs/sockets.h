// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What sock_diag(7) tells of UNIX and TCP sockets, as one number for each.
#pragma once

#include "helpers.h"

static long (*const bpf_loop)(__u32 times, void *callback, void *context, __u64 flags) = (void *)181;

KERNEL_TYPES

struct rlimit {
	unsigned long rlim_cur;
};

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	atomic_t refs;
} refcount_t;
typedef struct {
	__u32 val;
} kuid_t;

// Those within others have names, too: fields of a struct without one are not relocated.
struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};

struct unix_table {
	struct hlist_head *buckets;
};
struct netns_unix {
	struct unix_table table;
};
struct inet_hashinfo {
	void *ehash;
	void *lhash2;
	void *bhash2; // Linux 6.1
	unsigned int ehash_mask;
	unsigned int lhash2_mask;
	unsigned int bhash_size;
};
struct inet_ehash_bucket {
	struct hlist_head chain; // a hlist_nulls_head
};
struct inet_listen_hashbucket {
	struct hlist_head nulls_head; // a hlist_nulls_head
};
struct inet_bind_hashbucket {
	struct hlist_head chain;
};
struct inet_bind2_bucket {
	struct hlist_node node;
	struct hlist_head owners;
};
struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};
struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
};
struct net {
	struct netns_unix unx;
	struct netns_ipv4 ipv4;
};
struct nsproxy {
	struct net *net_ns;
};
struct task_struct {
	struct nsproxy *nsproxy;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	__u64 words[2];
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	int skc_bound_dev_if;
	struct hlist_node skc_bind_node;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct hlist_node skc_node; // at the same place as skc_nulls_node
};

struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
};

struct sk_buff_head {
	__u32 qlen;
};
struct sk_buff {
	struct sock *sk;
	char cb[48];
	unsigned int len;
};
struct unix_skb_parms {
	__u32 consumed;
};

struct inode {
	unsigned long i_ino;
	kuid_t i_uid;
};
struct socket;
struct socket_alloc {
	struct inode vfs_inode;
};

struct sock_backlog {
	atomic_t rmem_alloc;
};
struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct sock_backlog sk_backlog;
	int sk_rcvbuf;
	int sk_sndbuf;
	int sk_wmem_queued;
	refcount_t sk_wmem_alloc;
	struct timer_list sk_timer;
	kuid_t sk_uid;
	__u16 sk_type;
	__u8 sk_shutdown;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	struct socket *sk_socket;
	unsigned long sk_ino; // Linux 6.17
	struct hlist_node sk_bind2_node; // until Linux 6.7
};

struct path {
	void *dentry;
};
struct unix_sock {
	void *addr;
	struct path path;
	struct sock *peer;
};

struct inet_sock {
	__u16 inet_sport;
};
struct delayed_ack {
	__u32 lrcvtime;
};
struct inet_connection_sock {
	unsigned long icsk_timeout; // until Linux 6.18
	struct timer_list icsk_retransmit_timer;
	__u32 icsk_rto;
	void *icsk_ulp_ops;
	__u8 icsk_retransmits;
	__u8 icsk_pending;
	__u8 icsk_backoff;
	__u8 icsk_probes_out;
	struct delayed_ack icsk_ack;
};
struct inet_timewait_sock {
	unsigned char tw_substate;
};
struct tcp_sock {
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 lsndtime;
	__u32 data_segs_in;
	__u32 data_segs_out;
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 chrono_stat[3];
	__u8 chrono_type;
};

KERNEL_TYPES_END

// States (include/net/tcp_states.h).
#define TCP_FIN_WAIT2 5
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12

#define TCP_CHRONO_BUSY 1 // enum tcp_chrono of include/linux/tcp.h

#define MOST_MESSAGES 1024 // that are looked at of a socket

// word is what is at an address, 0 where it cannot be read. A rlimit begins with one.
INLINE __u64 word(__u64 address)
{
	return load((struct rlimit *)address, rlim_cur);
}

// address_in is the address that a field has, as a number: to calculate with what is loaded as
// a pointer the verifier does not allow.
#define address_in(pointer, field) word(address_of(&(pointer)->field))

INLINE __u64 mixed(__u64 sum, __u64 x)
{
	sum = (sum ^ x) * 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 29;
}

// bits are those of a field that is a bit field in some kernels.
#define bits(pointer, field) \
	(word((__u64)(pointer) + __builtin_preserve_field_info((pointer)->field, 0)) << __builtin_preserve_field_info((pointer)->field, 4) >> \
	 __builtin_preserve_field_info((pointer)->field, 5))

// two are two numbers of 32 bits as one word.
INLINE __u64 two(__u32 high, __u32 low)
{
	return (__u64)high << 32 | low;
}

// inode_of is where the inode of a socket is, 0 while it has none.
INLINE struct inode *inode_of(struct sock *sk)
{
	struct socket_alloc *both = (struct socket_alloc *)address_in(sk, sk_socket);

	return both ? &both->vfs_inode : NULL;
}

// number_of is the number of a socket's inode, 0 while it has none.
INLINE __u64 number_of(struct sock *sk)
{
	struct inode *inode;

	if (field_exists(sk->sk_ino))
		return load(sk, sk_ino);
	inode = inode_of(sk);
	return inode ? load(inode, i_ino) : 0;
}

// owner_of is the user that a socket belongs to.
INLINE __u64 owner_of(struct sock *sk)
{
	struct inode *inode;

	if (field_exists(sk->sk_ino)) // since when it is not the inode's
		return load(sk, sk_uid.val);
	inode = inode_of(sk);
	return two(inode ? load(inode, i_uid.val) : 0, load(sk, sk_uid.val));
}

// messages is a walk through the queue of a UNIX socket.
struct messages {
	__u64 sum, queue, message, listens, done;
};

static long mix_message(__u32 i, struct messages *m)
{
	struct sk_buff *skb = (struct sk_buff *)m->message;
	__u64 cb;

	(void)i;
	if (m->message == m->queue) {
		m->done = 1;
		return 1;
	}
	cb = m->message + __builtin_preserve_field_info(((struct sk_buff *)0)->cb, 0);
	m->sum = mixed(m->sum, m->message);
	m->sum = mixed(m->sum, two(load(skb, len), load((struct unix_skb_parms *)cb, consumed)));
	if (m->listens) { // a connection that waits to be accepted: who asked for it
		struct unix_sock *request = (struct unix_sock *)address_in(skb, sk);
		__u64 peer = address_in(request, peer);

		m->sum = mixed(m->sum, peer);
		m->sum = mixed(m->sum, peer ? number_of((struct sock *)peer) : 0);
	}
	m->message = word(m->message); // next
	return 0;
}

// mixed_queue mixes in what waits to be received, 0 where there is too much of it.
VERIFIED_ONCE __u64 mixed_queue(__u64 sum, __u64 sk_at, __u32 listens)
{
	struct sock *sk = (struct sock *)sk_at;
	struct messages m = {.sum = sum, .queue = address_of(&sk->sk_receive_queue), .listens = listens};

	m.message = word(m.queue);
	bpf_loop(MOST_MESSAGES, mix_message, &m, 0);
	return m.done ? m.sum | 1 : 0;
}

// unix_facts are those of a UNIX socket, 0 where they are not all known.
VERIFIED_ONCE __u64 unix_facts(__u64 sum, __u64 sk_at)
{
	struct sock *sk = (struct sock *)sk_at;
	struct unix_sock *u = (struct unix_sock *)sk_at;
	__u64 peer = address_in(u, peer);
	__u32 queued = load(sk, sk_receive_queue.qlen), state = load(sk, __sk_common.skc_state);

	sum = mixed(sum, sk_at);
	sum = mixed(sum, number_of(sk));
	sum = mixed(sum, owner_of(sk));
	sum = mixed(sum, two(load(sk, sk_type), state << 8 | load(sk, sk_shutdown)));
	sum = mixed(sum, two(queued, load(sk, sk_max_ack_backlog)));
	sum = mixed(sum, two(load(sk, sk_wmem_alloc.refs.counter), load(sk, sk_sndbuf)));
	sum = mixed(sum, address_in(u, addr));
	sum = mixed(sum, address_in(u, path.dentry));
	sum = mixed(sum, peer);
	sum = mixed(sum, peer ? number_of((struct sock *)peer) : 0);
	if (queued)
		return mixed_queue(sum, sk_at, state == TCP_LISTEN);
	return sum | 1;
}

// ends are the addresses and ports of a connection, with its state.
INLINE __u64 mixed_ends(__u64 sum, struct sock_common *c)
{
	sum = mixed(sum, two(load(c, skc_daddr), load(c, skc_rcv_saddr)));
	sum = mixed(sum, two(load(c, skc_dport), load(c, skc_num)));
	sum = mixed(sum, word(address_of(&c->skc_family))); // state, whether it is for IPv6 alone, interface
	if (field_exists(c->skc_v6_daddr)) {
		sum = mixed(sum, word(address_of(&c->skc_v6_daddr)));
		sum = mixed(sum, word(address_of(&c->skc_v6_daddr) + 8));
		sum = mixed(sum, word(address_of(&c->skc_v6_rcv_saddr)));
		sum = mixed(sum, word(address_of(&c->skc_v6_rcv_saddr) + 8));
	}
	return sum;
}

// mixed_timers mixes in which timers a connection has, and when they go off.
INLINE __u64 mixed_timers(__u64 sum, struct sock *sk, struct inet_connection_sock *c)
{
	sum = mixed(sum, two(load(c, icsk_pending) << 8 | load(c, icsk_backoff), load(c, icsk_retransmits) << 8 | load(c, icsk_probes_out)));
	sum = mixed(sum, load(c, icsk_rto));
	if (load(c, icsk_pending))
		sum = mixed(sum, field_exists(c->icsk_timeout) ? load(c, icsk_timeout) : load(c, icsk_retransmit_timer.expires));
	if (address_in(sk, sk_timer.entry.pprev))
		sum = mixed(sum, load(sk, sk_timer.expires));
	return sum;
}

// tcp_facts are those of a TCP socket, 0 where they change while time passes.
VERIFIED_ONCE __u64 tcp_facts(__u64 sum, __u64 sk_at)
{
	struct sock *sk = (struct sock *)sk_at;
	struct inet_connection_sock *c = (struct inet_connection_sock *)sk_at;
	struct tcp_sock *t = (struct tcp_sock *)sk_at;

	if (bits(t, chrono_type) > TCP_CHRONO_BUSY) // it is held up just now: for how long is told
		return 0;
	sum = mixed(sum, sk_at);
	sum = mixed_ends(sum, &sk->__sk_common);
	sum = mixed(sum, load((struct inet_sock *)sk_at, inet_sport));
	sum = mixed(sum, number_of(sk));
	sum = mixed(sum, owner_of(sk));
	sum = mixed(sum, two(load(sk, sk_ack_backlog), load(sk, sk_max_ack_backlog)));
	sum = mixed(sum, two(load(sk, sk_backlog.rmem_alloc.counter), load(sk, sk_rcvbuf)));
	sum = mixed(sum, two(load(sk, sk_wmem_queued), load(sk, sk_sndbuf)));
	sum = mixed(sum, load(sk, sk_shutdown));
	sum = mixed(sum, address_in(c, icsk_ulp_ops));
	sum = mixed(sum, load(c, icsk_ack.lrcvtime));
	sum = mixed_timers(sum, sk, c);
	sum = mixed(sum, two(load(t, rcv_nxt), load(t, copied_seq)));
	sum = mixed(sum, two(load(t, write_seq), load(t, snd_una)));
	sum = mixed(sum, two(load(t, snd_nxt), load(t, lsndtime)));
	sum = mixed(sum, two(load(t, data_segs_in), load(t, data_segs_out)));
	sum = mixed(sum, load(t, bytes_sent));
	sum = mixed(sum, load(t, bytes_acked));
	sum = mixed(sum, load(t, bytes_received));
	sum = mixed(sum, two(load(t, chrono_stat[1]), load(t, chrono_stat[2])));
	return sum | 1;
}
