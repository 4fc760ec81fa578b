// Package traffic measures how much flows through which channel, between which processes:
// it reads the counters of package bpf twice and assigns the difference to the objects of a
// snapshot. Contents are never read, only sizes are.
//
// # What is counted
//
// The bytes that system calls report to have carried, and the number of calls, of pipes,
// FIFOs, sockets of all families, pseudoterminals, and message queues of both families:
// read(2), write(2), send(2) and recv(2) with their vectored, positioned and other forms,
// sendfile(2), splice(2), tee(2) and vmsplice(2), msgsnd(2), msgrcv(2), mq_send(3) and
// mq_receive(3); requests of io_uring that complete one at a time (Linux 5.19). Of semaphores
// (semop(2)), eventfds and futexes only the calls are counted. Reads with MSG_PEEK and
// MSG_COPY are not counted, as the data stay in the queue, nor are calls that carry nothing.
//
// Not counted are data that the kernel itself moves (a block device or an NFS server on a socket),
// completions of multishot io_uring requests, and asynchronous I/O (io_submit(2)). The counting
// happens either when calls return or at the kernel functions that carry data. When calls return,
// three things are missed: what 32-bit programs do through socketcall(2) and ipc(2), of which only the
// number of calls is reported, and what io_uring splices. At functions, FUTEX_REQUEUE is not counted,
// but the wakeup of a thread that joins an ending thread is.
//
// # Kernel and privilege
//
// See package bpf: Linux 5.15, CAP_BPF and CAP_PERFMON. The error of [Start] says what is missing.
// While a [Meter] is open, calls that carry data, or all calls, of the machine take longer. The kernel
// removes the programs when the process that loaded them ends, however it ends.
//
// [AddDifference] needs no privilege of its own: it uses only what is in two snapshots.
package traffic
