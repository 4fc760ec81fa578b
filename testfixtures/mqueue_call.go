package testfixtures

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of POSIX message queues. They take the name without the slash that
// mq_open(3) requires.

// mqAttr is struct mq_attr (mq_getattr(3)), of longs.
type mqAttr struct {
	Flags, MaxMessages, MessageSize, Messages int
	_                                         [4]int
}

// mqMake creates a queue that must not exist yet.
func mqMake(name string, messages, size int) (int, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	attr := mqAttr{MaxMessages: messages, MessageSize: size}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC,
		0o600, uintptr(unsafe.Pointer(&attr)), 0, 0)
	return int(fd), named("mq_open", errno)
}

// mqOpen opens an existing queue.
func mqOpen(name string) (int, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0, 0)
	return int(fd), named("mq_open", errno)
}

func mqUnlink(name string) error {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(p)), 0, 0)
	return named("mq_unlink", errno)
}

func mqSend(fd, size int) error {
	text := make([]byte, max(size, 1))
	_, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(&text[0])), uintptr(size), 0, 0, 0)
	return named("mq_send", errno)
}

// mqReceive waits for a message and returns its length. size must be at least the queue's message size.
func mqReceive(fd, size int) (int, error) {
	text := make([]byte, size)
	n, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd), uintptr(unsafe.Pointer(&text[0])), uintptr(size), 0, 0, 0)
	return int(n), named("mq_receive", errno)
}

// mqNotify registers the calling process for a signal when a message arrives in the empty queue.
func mqNotify(fd int, signal unix.Signal) error {
	event := struct { // struct sigevent (sigevent(3type))
		_      uintptr
		signal int32
		method int32 // SIGEV_SIGNAL is 0
		_      [12]int32
	}{signal: int32(signal)}
	_, _, errno := unix.Syscall(unix.SYS_MQ_NOTIFY, uintptr(fd), uintptr(unsafe.Pointer(&event)), 0)
	return named("mq_notify", errno)
}

func mqGetAttr(fd int) (attr mqAttr, err error) {
	_, _, errno := unix.Syscall(unix.SYS_MQ_GETSETATTR, uintptr(fd), 0, uintptr(unsafe.Pointer(&attr)))
	return attr, named("mq_getsetattr", errno)
}

// mqStat asks for the file behind a queue's descriptor.
func mqStat(fd int) (st unix.Stat_t, err error) {
	return st, os.NewSyscallError("fstat", unix.Fstat(fd, &st))
}
