// Package traffic measures how much flows through which channel, between which processes:
// it takes the counts of package bpf at two times and says what lay between them in the
// words of a snapshot. Contents are never read, only sizes are.
//
// # What is counted
//
// The bytes that system calls say they carried, and the calls, of pipes, FIFOs, sockets
// of all families, pseudoterminals, and message queues of both families: read(2),
// write(2) and their vectored and positioned forms, send(2) and recv(2) and theirs,
// sendfile(2), splice(2), tee(2) and vmsplice(2), msgsnd(2), msgrcv(2), mq_send(3) and
// mq_receive(3); requests of io_uring that complete one at a time (Linux 5.19). Calls
// alone of semaphores (semop(2)), eventfds and futexes. What MSG_PEEK and MSG_COPY look
// at is not counted, as it stays where it is, nor are calls that carry nothing.
//
// Not counted are data that the kernel itself moves (a block device or an NFS server on a
// socket), completions of which one io_uring request makes many, and asynchronous I/O
// (io_submit(2)). Where calls are counted when they return, and not at the functions that carry
// data, what 32-bit programs do through socketcall(2) and ipc(2) and what io_uring splices is not
// counted, either; of the former two, how often it happened is said. At functions, FUTEX_REQUEUE is not
// counted, but the wakeup of who joins a thread that ends is.
//
// # Kernel and privilege
//
// See package bpf: Linux 5.15, CAP_BPF and CAP_PERFMON. The error of [Start] says what is
// missing. Calls that carry data, or all calls, of the machine take longer while a [Meter] is open; the
// kernel takes the programs away with the process that loaded them, whatever ends it.
//
// [AddDifference] needs no privilege of its own: it knows what two snapshots tell.
package traffic
