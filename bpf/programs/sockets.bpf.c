// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What the tables of UNIX and of TCP sockets of the caller's network namespace have, as one
// number: another one as soon as a fact is another that sock_diag(7) tells of a socket.
//
// The tables are walked through without their locks, so that nobody waits for that. Who is
// moved meanwhile from one list to another makes the number another one, and nothing else:
// what is not there any more can be read without harm.

#include "sockets.h"

// A map of which the reader has the memory (BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE).
#define ARRAY 2
#define MAPPED (1 << 10)

// The tables that the reader asks for. sockets.go has the numbers.
#define UNIX 0
#define ESTABLISHED 1
#define LISTENING 2
#define BOUND 3

#define UNIX_BUCKETS 512 // UNIX_HASH_SIZE of include/net/af_unix.h

// A run takes a millisecond or two, as nobody else runs on its processor meanwhile. Whatever is
// found where something was moved meanwhile, the steps come to an end.
#define MOST_SOCKETS 4096 // that are looked at in one run, but for the last lists
#define MOST_LISTS (1 << 17)
#define MANY_STEPS (1 << 16)
#define MOST_STEPS (1 << 18)

#define AT_ONCE 8 // lists that are looked at together

// walk is a walk through one table. sockets.go writes and reads it. That it is in a map keeps
// the verifier from telling one value of a field from another.
struct walk {
	__u64 table; // which, and with what sums begin
	__u64 seed;
	__u64 next; // the list to go on with, ~0: there is none
	__u64 sum;
	__u64 count, inodes, squares; // of the sockets, their inode numbers and the squares of these
	__u64 unknown; // it cannot be told whether something has changed

	__u64 net;
	__u64 lists, stride, size; // the first one, how far apart they are, how many
	__u64 steps; // that were made in this run
	__u64 node; // in a list, as far as that is done
	__u64 owner; // in the list of a bound port
};

struct {
	__u32 (*type)[ARRAY];
	__u32 (*map_flags)[MAPPED];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct walk *value;
} walks SEC(".maps");

INLINE struct walk *current_walk(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&walks, &first);
}

// ended reports whether a list ends with what is there in place of a node.
INLINE bool ended(__u64 node)
{
	return !node || node & 1;
}

// steps makes some steps. It reports whether there are too many.
INLINE bool steps(struct walk *w, __u64 n)
{
	w->steps += n;
	if (w->steps < MOST_STEPS)
		return 0;
	w->unknown = 1;
	return 1;
}

// count adds a socket.
INLINE void count(struct walk *w, __u64 facts, __u64 number)
{
	if (!facts)
		w->unknown = 1;
	w->sum += facts;
	w->count++;
	w->inodes += number;
	w->squares += number * number;
}

VERIFIED_ONCE int look_at_unix(__u64 sk)
{
	struct walk *w = current_walk();
	__u64 number = number_of((struct sock *)sk);

	if (!w || !number) // it is closed or waits to be accepted, and its listener tells that
		return 0;
	w->steps += load((struct sock *)sk, sk_receive_queue.qlen);
	count(w, unix_facts(w->seed, sk), number);
	return 0;
}

VERIFIED_ONCE int look_at_tcp(__u64 sk)
{
	struct walk *w = current_walk();
	struct sock_common *c = (struct sock_common *)sk;
	__u32 state = load(c, skc_state);

	if (!w || address_in(c, skc_net.net) != w->net)
		return 0;
	switch (state) {
	case TCP_TIME_WAIT: // of which nothing is asked, but what it stands for
		if (load((struct inet_timewait_sock *)sk, tw_substate) == TCP_FIN_WAIT2)
			count(w, mixed_ends(w->seed, c) | 1, 0);
		return 0;
	case TCP_NEW_SYN_RECV: // a connection that is being made
		count(w, 0, 0);
		return 0;
	}
	count(w, tcp_facts(w->seed, sk), number_of((struct sock *)sk));
	return 0;
}

// look_in_list looks at the next socket of a list.
static long look_in_list(__u32 i, void *none)
{
	struct walk *w = current_walk();
	__u64 node;

	(void)i;
	(void)none;
	if (!w || ended(w->node) || steps(w, 1))
		return 1;
	node = w->node;
	w->node = word(node);
	node -= __builtin_preserve_field_info(((struct sock *)0)->__sk_common.skc_node, 0);
	if (w->table == UNIX)
		look_at_unix(node);
	else
		look_at_tcp(node);
	return 0;
}

// look_at_owner looks at the next socket that is bound to a port, if it is bound and no more.
static long look_at_owner(__u32 i, void *none)
{
	struct walk *w = current_walk();
	struct sock *sk = NULL;

	(void)i;
	(void)none;
	if (!w || ended(w->owner) || steps(w, 1))
		return 1;
	if (field_exists(sk->sk_bind2_node))
		sk = (struct sock *)(w->owner - __builtin_preserve_field_info(((struct sock *)0)->sk_bind2_node, 0));
	else
		sk = (struct sock *)(w->owner - __builtin_preserve_field_info(((struct sock *)0)->__sk_common.skc_bind_node, 0));
	w->owner = word(w->owner);
	if (load(sk, __sk_common.skc_state) == TCP_CLOSE && load(sk, __sk_common.skc_num))
		look_at_tcp(address_of(sk));
	return 0;
}

// look_at_port looks at those who are bound to the next port of a list.
static long look_at_port(__u32 i, void *none)
{
	struct walk *w = current_walk();
	struct inet_bind2_bucket *port;

	(void)i;
	(void)none;
	if (!w || ended(w->node) || steps(w, 1))
		return 1;
	port = (struct inet_bind2_bucket *)(w->node - __builtin_preserve_field_info(((struct inet_bind2_bucket *)0)->node, 0));
	w->node = word(w->node);
	w->owner = address_in(port, owners.first);
	bpf_loop(MOST_STEPS, look_at_owner, NULL, 0);
	return 0;
}

static long look_at_list(__u32 i, void *none)
{
	struct walk *w = current_walk();

	(void)none;
	if (!w || w->next + i >= w->size)
		return 1;
	w->node = word(w->lists + (w->next + i) * w->stride);
	if (ended(w->node))
		return 0;
	if (w->table == BOUND)
		bpf_loop(MOST_STEPS, look_at_port, NULL, 0);
	else
		bpf_loop(MOST_STEPS, look_in_list, NULL, 0);
	return 0;
}

// is_list is 0 where a list ends with what is there in place of a node.
INLINE __u64 is_list(__u64 node)
{
	return ~node & (node | -node) >> 63 & 1;
}

// look_at_lists looks at a few lists: most are empty where there are many.
static long look_at_lists(__u32 i, void *none)
{
	struct walk *w = current_walk();
	__u64 at, some = 0;

	(void)i;
	(void)none;
	if (!w)
		return 1;
	if (w->next >= w->size) {
		w->next = ~0ULL;
		return 1;
	}
	at = w->lists + w->next * w->stride;
	for (int n = 0; n < AT_ONCE; n++, at += w->stride)
		some |= is_list(word(at));
	if (some) // or behind the last one
		bpf_loop(AT_ONCE, look_at_list, NULL, 0);
	w->next += AT_ONCE;
	return w->count >= MOST_SOCKETS || w->steps >= MANY_STEPS;
}

// find_lists finds the lists of a table.
INLINE void find_lists(struct walk *w)
{
	struct net *net = get(get(bpf_get_current_task_btf()->nsproxy)->net_ns);
	struct inet_hashinfo *tables = get(net->ipv4.tcp_death_row.hashinfo);

	w->net = address_of(net);
	w->lists = w->stride = w->size = 0;
	// Before Linux 6.17 it goes unnoticed that a connection is to be kept alive.
	if (w->table != UNIX && !field_exists(((struct sock *)0)->sk_ino)) {
		w->unknown = 1;
		return;
	}
	switch (w->table) {
	case UNIX:
		w->lists = address_of(get(net->unx.table.buckets));
		w->stride = size_of(struct hlist_head);
		w->size = UNIX_BUCKETS;
		break;
	case ESTABLISHED:
		w->lists = address_of(get(tables->ehash));
		w->stride = size_of(struct inet_ehash_bucket);
		w->size = (__u64)get(tables->ehash_mask) + 1;
		break;
	case LISTENING:
		w->lists = address_of(get(tables->lhash2)) + __builtin_preserve_field_info(((struct inet_listen_hashbucket *)0)->nulls_head, 0);
		w->stride = size_of(struct inet_listen_hashbucket);
		w->size = (__u64)get(tables->lhash2_mask) + 1;
		break;
	case BOUND: // sock_diag(7) tells of these since Linux 6.8
		w->lists = address_of(get(tables->bhash2)) + __builtin_preserve_field_info(((struct inet_bind_hashbucket *)0)->chain, 0);
		w->stride = size_of(struct inet_bind_hashbucket);
		w->size = get(tables->bhash_size);
		break;
	}
	if (w->size && !w->lists)
		w->unknown = 1;
}

// add_up adds up a part of a table (BPF_PROG_TEST_RUN).
SEC("raw_tp/sys_enter") int add_up(void *none)
{
	struct walk *w = current_walk();

	(void)none;
	if (w) {
		w->steps = 0;
		find_lists(w);
		bpf_loop(MOST_LISTS / AT_ONCE, look_at_lists, NULL, 0);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
