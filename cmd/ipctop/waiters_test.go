package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waitersEnv makes the test binary a process with a thread blocked in each kind of wait.
// When its standard input ends it ends the waits and prints what each returned: a line with
// the name and the error number.
const waitersEnv = "IPCTOP_TEST_WAITERS"

func waiters() {
	must := func(r uintptr, errno unix.Errno) int {
		if errno != 0 {
			fmt.Println("cannot", errno)
			os.Exit(1)
		}
		return int(r)
	}
	sys := func(nr uintptr, args ...uintptr) (uintptr, unix.Errno) {
		var a [6]uintptr
		copy(a[:], args)
		r, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		return r, errno
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		fmt.Println("cannot", err)
		os.Exit(1)
	}
	event := must(sys(unix.SYS_EVENTFD2, 0, unix.O_CLOEXEC))
	epoll := must(sys(unix.SYS_EPOLL_CREATE1, unix.O_CLOEXEC))
	watch := unix.EpollEvent{Events: unix.EPOLLIN}
	must(sys(unix.SYS_EPOLL_CTL, uintptr(epoll), unix.EPOLL_CTL_ADD, uintptr(event), uintptr(unsafe.Pointer(&watch))))
	queue := must(sys(unix.SYS_MSGGET, 0, 0o600))
	sem := must(sys(unix.SYS_SEMGET, 0, 1, 0o600))
	defer func() {
		_, _ = sys(unix.SYS_MSGCTL, uintptr(queue), 0)
		_, _ = sys(unix.SYS_SEMCTL, uintptr(sem), 0, 0)
		os.Exit(0)
	}()
	// Pairs of sockets, or of open file descriptions, one pair for each wait.
	pair := func() (fds [2]int) {
		var err error
		if fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			fmt.Println("cannot", err)
			os.Exit(1)
		}
		return fds
	}
	polled, received2 := pair(), pair()
	locked := must(sys(unix.SYS_MEMFD_CREATE, uintptr(unsafe.Pointer(&[]byte("lock\x00")[0])), 1))
	again, err := unix.Open("/proc/self/fd/"+strconv.Itoa(locked), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil || unix.Flock(locked, unix.LOCK_EX) != nil {
		fmt.Println("cannot lock", err)
		os.Exit(1)
	}
	mqName := []byte("ipctop-test-waiters-" + strconv.Itoa(os.Getpid()) + "\x00")
	mqAttr := [8]int{1: 1, 2: 8}
	mq := must(sys(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&mqName[0])), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600, uintptr(unsafe.Pointer(&mqAttr))))
	must(sys(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&mqName[0]))))
	event2 := must(sys(unix.SYS_EVENTFD2, 0, unix.O_CLOEXEC))
	epoll2 := must(sys(unix.SYS_EPOLL_CREATE1, unix.O_CLOEXEC))
	must(sys(unix.SYS_EPOLL_CTL, uintptr(epoll2), unix.EPOLL_CTL_ADD, uintptr(event2), uintptr(unsafe.Pointer(&watch))))
	const testSignal = 40
	signals := uint64(1) << (testSignal - 1)
	var signalled atomic.Int32
	pollfd := unix.PollFd{Fd: int32(polled[0]), Events: unix.POLLIN}
	var word uint32
	message := struct {
		kind int64
		text [8]byte
	}{kind: 1}
	type sembuf struct {
		num       uint16
		op, flags int16
	}
	down, up := sembuf{op: -1}, sembuf{op: 1}
	one := uint64(1)
	var events [1]unix.EpollEvent
	var received struct {
		kind int64
		text [8]byte
	}
	var b, b2, b3 [8]byte
	var events2 [1]unix.EpollEvent
	waits := []struct {
		name string
		wait func() (uintptr, unix.Errno)
		wake func() (uintptr, unix.Errno)
	}{
		{
			"read",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_READ, uintptr(pipe[0]), uintptr(unsafe.Pointer(&b)), 8)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_WRITE, uintptr(pipe[1]), uintptr(unsafe.Pointer(&one)), 8)
			},
		}, {
			"epoll",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events)), 1, ^uintptr(0), 0, 8)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_WRITE, uintptr(event), uintptr(unsafe.Pointer(&one)), 8)
			},
		}, {
			"msgrcv",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_MSGRCV, uintptr(queue), uintptr(unsafe.Pointer(&received)), 8, 0, 0)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_MSGSND, uintptr(queue), uintptr(unsafe.Pointer(&message)), 8, 0)
			},
		}, {
			"semop",
			func() (uintptr, unix.Errno) {
				return sys(sysSemtimedop, uintptr(sem), uintptr(unsafe.Pointer(&down)), 1, 0)
			},
			func() (uintptr, unix.Errno) {
				return sys(sysSemtimedop, uintptr(sem), uintptr(unsafe.Pointer(&up)), 1, 0)
			},
		}, {
			"futex",
			func() (uintptr, unix.Errno) { return sys(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&word)), 0, 0, 0) },
			func() (uintptr, unix.Errno) { return sys(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&word)), 1, 1) },
		}, {
			"epoll_pwait2",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_EPOLL_PWAIT2, uintptr(epoll2), uintptr(unsafe.Pointer(&events2)), 1, 0, 0, 8)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_WRITE, uintptr(event2), uintptr(unsafe.Pointer(&one)), 8)
			},
		}, {
			"ppoll",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&pollfd)), 1, 0, 0, 8)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_WRITE, uintptr(polled[1]), uintptr(unsafe.Pointer(&one)), 8)
			},
		}, {
			"recvfrom",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_RECVFROM, uintptr(received2[0]), uintptr(unsafe.Pointer(&b2)), 8, 0, 0, 0)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_WRITE, uintptr(received2[1]), uintptr(unsafe.Pointer(&one)), 8)
			},
		}, {
			"flock",
			func() (uintptr, unix.Errno) { return sys(unix.SYS_FLOCK, uintptr(again), unix.LOCK_EX) },
			func() (uintptr, unix.Errno) { return sys(unix.SYS_FLOCK, uintptr(locked), unix.LOCK_UN) },
		}, {
			"mq_timedreceive",
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_MQ_TIMEDRECEIVE, uintptr(mq), uintptr(unsafe.Pointer(&b3)), 8, 0, 0)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_MQ_TIMEDSEND, uintptr(mq), uintptr(unsafe.Pointer(&one)), 8, 0, 0)
			},
		}, {
			"rt_sigtimedwait",
			func() (uintptr, unix.Errno) {
				signalled.Store(int32(unix.Gettid()))
				return sys(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&signals)), 0, 0, 8)
			},
			func() (uintptr, unix.Errno) {
				return sys(unix.SYS_TGKILL, uintptr(os.Getpid()), uintptr(signalled.Load()), testSignal)
			},
		},
	}
	results := make([]chan unix.Errno, len(waits))
	for i, w := range waits {
		results[i] = make(chan unix.Errno, 1)
		go func() {
			runtime.LockOSThread()
			_, errno := w.wait()
			results[i] <- errno
		}()
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(b[:1])
	for i, w := range waits {
		select {
		case errno := <-results[i]:
			fmt.Println(w.name, "woke by itself:", errno)
			continue
		default:
		}
		must(w.wake())
		fmt.Println(w.name, int(<-results[i]))
	}
}
