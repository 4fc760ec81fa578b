package testfixtures

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is an io_uring (io_uring(7)) with at most one request in progress.
type ring struct {
	fd                 int
	submitted, entries []byte // the memory of the submission queue, and its entries
	completed          []byte
	p                  ringParams
}

// ringParams is struct io_uring_params (include/uapi/linux/io_uring.h).
type ringParams struct {
	SQEntries, CQEntries, Flags, CPU, Idle, Features, WQ uint32
	_                                                    [3]uint32
	SQ                                                   struct {
		Head, Tail, Mask, Entries, Flags, Dropped, Array, _ uint32
		_                                                   uint64
	}
	CQ struct {
		Head, Tail, Mask, Entries, Overflow, CQEs, Flags, _ uint32
		_                                                   uint64
	}
}

// From include/uapi/linux/io_uring.h.
const (
	ringRead, ringWrite = 22, 23 // IORING_OP_READ, IORING_OP_WRITE
	ringRequest         = 64     // bytes of struct io_uring_sqe
	ringCompletion      = 16     // bytes of struct io_uring_cqe
	ringSQ, ringCQ      = 0, 0x8000000
	ringSQEs            = 0x10000000
	ringGetEvents       = 1
)

func setupRing(e *end) error {
	r := &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 2, uintptr(unsafe.Pointer(&r.p)), 0)
	if errno != 0 {
		return needing("io_uring allowed (kernel.io_uring_disabled)", named("io_uring_setup", errno))
	}
	r.fd = int(fd)
	for _, m := range []struct {
		to     *[]byte
		at     int64
		length uint32
	}{
		{&r.submitted, ringSQ, r.p.SQ.Array + r.p.SQEntries*4},
		{&r.completed, ringCQ, r.p.CQ.CQEs + r.p.CQEntries*ringCompletion},
		{&r.entries, ringSQEs, r.p.SQEntries * ringRequest},
	} {
		memory, err := unix.Mmap(r.fd, m.at, int(m.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return fmt.Errorf("mmap io_uring: %w", err)
		}
		*m.to = memory
	}
	e.ring = r
	return nil
}

func word(memory []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&memory[at])) }

// do submits one request and waits for its completion.
func (r *ring) do(opcode byte, fd int, b []byte) (int, error) {
	tail := word(r.submitted, r.p.SQ.Tail)
	at := *tail & *word(r.submitted, r.p.SQ.Mask)
	entry := r.entries[at*ringRequest : (at+1)*ringRequest]
	clear(entry)
	entry[0] = opcode
	binary.NativeEndian.PutUint32(entry[4:], uint32(fd))
	binary.NativeEndian.PutUint64(entry[8:], ^uint64(0)) // offset -1: the current file position
	binary.NativeEndian.PutUint64(entry[16:], uint64(uintptr(unsafe.Pointer(&b[0]))))
	binary.NativeEndian.PutUint32(entry[24:], uint32(len(b)))
	*word(r.submitted, r.p.SQ.Array+at*4) = at
	atomic.StoreUint32(tail, *tail+1)
	submit := uintptr(1)
	head := word(r.completed, r.p.CQ.Head)
	for atomic.LoadUint32(word(r.completed, r.p.CQ.Tail)) == *head {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), submit, 1, ringGetEvents, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return 0, named("io_uring_enter", errno)
		}
		if errno == 0 && n > 0 {
			submit = 0
		}
	}
	completion := r.p.CQ.CQEs + (*head&*word(r.completed, r.p.CQ.Mask))*ringCompletion
	result := int32(*word(r.completed, completion+8))
	atomic.StoreUint32(head, *head+1)
	if result < 0 {
		return 0, unix.Errno(-result)
	}
	return int(result), nil
}

func sendRing(e *end, n int) (int, error)    { return e.ring.do(ringWrite, e.fds[0], e.buf[:n]) }
func receiveRing(e *end, n int) (int, error) { return e.ring.do(ringRead, e.fds[0], e.buf[:n]) }
