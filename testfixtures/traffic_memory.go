package testfixtures

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shared memory carries data through a ring in each direction, as fast programs do: one copy in, one
// copy out, and a futex only if one end waits for the other. No system call shows how much was carried.
const (
	ringBytes  = 1 << 20 // a power of two: positions wrap around
	ringHeader = 4096
	spins      = 2000 // how often an end checks before it sleeps
)

// memoryRing is one direction.
type memoryRing struct {
	written, read *uint32 // positions; their difference is the number of bytes in the ring
	waits         *uint32 // number of ends that sleep
	data          []byte
}

func memoryCarrier() carrier {
	return carrier{name: "shared-memory", short: "memory", open: openMemory, setup: setupMemory, send: sendShared, receive: receiveShared, answers: true}
}

func openMemory(m *maker) (ends, error) {
	fd, err := unix.MemfdCreate("ipctop-fixture", unix.MFD_CLOEXEC)
	if err != nil {
		return ends{}, fmt.Errorf("memfd_create: %w", err)
	}
	m.own(fd)
	if err := unix.Ftruncate(fd, 2*(ringHeader+ringBytes)); err != nil {
		return ends{}, err
	}
	objects, err := descriptorIDs("memfd", fd)
	return ends{fds: [2][]int{{fd}, {fd}}, objects: objects}, err
}

// setupMemory maps both rings: the first one goes to the receiver.
func setupMemory(e *end) error {
	memory, err := unix.Mmap(e.fds[0], 0, 2*(ringHeader+ringBytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	for i := range e.rings {
		at := memory[i*(ringHeader+ringBytes):]
		// Words that different ends write are in separate cache lines.
		e.rings[i] = memoryRing{word(at, 0), word(at, 128), word(at, 256), at[ringHeader : ringHeader+ringBytes]}
	}
	e.fds = nil // no call uses them
	return nil
}

// ringOut is the ring that an end writes to, ringIn the one that it reads.
func (e *end) ringOut() *memoryRing { return &e.rings[boolIndex(e.receiver)] }
func (e *end) ringIn() *memoryRing  { return &e.rings[1-boolIndex(e.receiver)] }

func sendShared(e *end, n int) (int, error) {
	r := e.ringOut()
	written := atomic.LoadUint32(r.written)
	read, err := r.await(r.read, written-ringBytes)
	if err != nil {
		return 0, err
	}
	at := int(written % ringBytes)
	n = copy(r.data[at:], e.buf[:min(n, ringBytes-int(written-read))])
	atomic.StoreUint32(r.written, written+uint32(n))
	return n, r.wake(r.written)
}

func receiveShared(e *end, n int) (int, error) {
	r := e.ringIn()
	read := atomic.LoadUint32(r.read)
	written, err := r.await(r.written, read)
	if err != nil {
		return 0, err
	}
	at := int(read % ringBytes)
	n = copy(e.buf[:min(n, int(written-read))], r.data[at:])
	atomic.StoreUint32(r.read, read+uint32(n))
	return n, r.wake(r.read)
}

// await waits until a position differs from old, and returns it.
func (r *memoryRing) await(position *uint32, old uint32) (uint32, error) {
	for range spins {
		if now := atomic.LoadUint32(position); now != old {
			return now, nil
		}
	}
	for {
		atomic.AddUint32(r.waits, 1)
		now := atomic.LoadUint32(position)
		var errno unix.Errno
		if now == old {
			_, _, errno = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(position)), futexWait, uintptr(old), 0, 0, 0)
		}
		atomic.AddUint32(r.waits, ^uint32(0))
		switch {
		case now != old:
			return now, nil
		case errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR:
			return 0, named("futex", errno)
		}
	}
}

// wake wakes the end that waits for a position.
func (r *memoryRing) wake(position *uint32) error {
	if atomic.LoadUint32(r.waits) == 0 {
		return nil
	}
	const futexWake = 1
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(position)), futexWake, 1, 0, 0, 0)
	return named("futex", errno)
}
