package doctor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// kernel tries kernel interfaces, each on ipctop itself.
func (d *doctor) kernel() {
	for _, k := range []struct {
		name, hidden, advice string
		try                  func() error
	}{
		{"pidfd_getfd", "Bytes queued in pipes", "use Linux 5.6 or later", tryPidfdGetfd},
		{"kcmp", "Which descriptors share an open file description, and which threads have tables of their own", "use a kernel built with CONFIG_KCMP", tryKcmp},
		{"PROCMAP_QUERY", "Nothing; reading mappings takes longer", "use Linux 6.11 or later", tryProcmapQuery},
		{"unix_diag", "Peers and queues of UNIX sockets", "use a kernel with unix_diag", func() error { return tryDiag(unix.AF_UNIX, 0) }},
		{"tcp_diag", "How long TCP connections have been silent, retransmissions", "use a kernel with tcp_diag", func() error { return tryDiag(unix.AF_INET, unix.IPPROTO_TCP) }},
		{"udp_diag", "Nothing; UDP sockets are read from /proc/net/udp", "use a kernel with udp_diag", func() error { return tryDiag(unix.AF_INET, unix.IPPROTO_UDP) }},
		{"vsock_diag", "Addresses of VM sockets", "use a kernel with vsock_diag", func() error { return tryDiag(unix.AF_VSOCK, 0) }},
	} {
		f := model.Feature{Group: "kernel", Name: k.name, Hidden: k.hidden, Advice: k.advice}
		err := k.try()
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			// The kernel has the call: on ipctop itself only a filter can refuse it.
			f.Advice = "let the container or sandbox use " + k.name + " (seccomp refuses it)"
		}
		f.State, f.Found = stateOf(err)
		d.add(f)
	}
	d.fsopen()
	d.statAny()
	d.ebpf()
}

// ebpf opens the eBPF source, as a scan would.
func (d *doctor) ebpf() {
	f := model.Feature{
		Group: "kernel", Name: "eBPF", Hidden: "Descriptors that the proc file system refuses even to root; reading takes longer, and pipes are asked through duplicates",
	}
	source, err := bpf.Open()
	unavailable := new(bpf.UnavailableError)
	switch {
	case err == nil:
		source.Close()
		defer d.rates()
		f.State, f.Found = model.FeatureOK, "works: descriptors and run counts are read by it where that is worth it (--source)"
	case errors.As(err, &unavailable):
		f.State, f.Found, f.Advice = model.FeatureMissing, unavailable.Reason+": the proc file system has the facts", unavailable.Advice
	default:
		f.State, f.Found = stateOf(err)
	}
	d.add(f)
}

// rates checks at which place traffic is counted. Neither place hides anything.
func (d *doctor) rates() {
	f := model.Feature{Group: "kernel", Name: "rates", State: model.FeatureOK, Found: "counted at the functions that carry data"}
	if err := bpf.TryFunctions(); err != nil {
		f.Found = "counted at the end of each system call, as " + err.Error()
	}
	d.add(f)
}

func tryPidfdGetfd() error {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	dup, err := unix.PidfdGetfd(pidfd, pidfd, 0)
	if err != nil {
		return err
	}
	return unix.Close(dup)
}

func tryKcmp() error {
	pid := int32(os.Getpid())
	_, err := kcmp.Compare(pid, pid, kcmp.VM, 0, 0)
	return err
}

func tryProcmapQuery() error {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer f.Close()
	// struct procmap_query of Linux 6.11: size, flags, address and answers.
	var q [13]uint64
	const (
		procmapQuery       = 0xc0686611 // _IOWR('f', 17, 104 bytes)
		coveringOrNext     = 0x10
		sizeOfProcmapQuery = uint64(len(q) * 8)
	)
	q[0], q[1] = sizeOfProcmapQuery, coveringOrNext
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), procmapQuery, uintptr(unsafe.Pointer(&q)))
	runtime.KeepAlive(&q)
	if errno != 0 {
		return errno
	}
	return nil
}

// tryDiag asks for the sockets of one family in an empty set of states. The kernel answers
// with an empty list if it has a diag module for the family (sock_diag(7)). Like any such
// request, it makes the kernel load the module.
func tryDiag(family, protocol byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	deadline := unix.NsecToTimeval(int64(guard.Deadline))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &deadline); err != nil {
		return err
	}
	// All requests begin with family and protocol. In those of unix_diag, inet_diag and
	// vsock_diag the states are the second word at the latest.
	body := 24
	if family == unix.AF_INET {
		body = 56
	}
	b := make([]byte, unix.SizeofNlMsghdr+body)
	binary.NativeEndian.PutUint32(b[0:], uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b[16], b[17] = family, protocol
	if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	var answer [4096]byte
	n, _, err := unix.Recvfrom(fd, answer[:], 0)
	switch {
	case err != nil:
		return err
	case n < unix.SizeofNlMsghdr:
		return fmt.Errorf("sock_diag: %w: %d bytes", proc.ErrMalformed, n)
	}
	if binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR || n < unix.SizeofNlMsghdr+4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

const sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY (linux/sock_diag.h)

// fsopen is needed to list message queues where no mqueue file system is mounted. Invalid
// flags distinguish a kernel that has the call from one that does not; the kernel checks
// the right to mount first.
func (d *doctor) fsopen() {
	f := model.Feature{
		Group: "kernel", Name: "fsopen", Hidden: "POSIX message queues of other namespaces", Advice: "use Linux 5.2 or later, or CAP_SYS_ADMIN",
	}
	fd, err := unix.Fsopen("mqueue", ^0)
	switch err {
	case nil:
		_ = unix.Close(fd)
		f.State, f.Found = model.FeatureOK, "works"
	case unix.EINVAL:
		f.State, f.Found = model.FeatureOK, "works"
	case unix.EPERM:
		f.State, f.Found = model.FeatureUnknown, "the right to mount is missing"
		f = d.asRoot(f)
	default:
		f.State, f.Found = stateOf(err)
	}
	d.add(f)
}

// shmStatAny is SHM_STAT_ANY (shmctl(2)).
const shmStatAny = 15

// statAny tells whether System V objects can be listed without read permission. The kernel
// answers EINVAL both to an unknown command and to an unused slot. So without any segment
// only the kernel's release can tell.
func (d *doctor) statAny() {
	f := model.Feature{
		Group: "kernel", Name: "SHM_STAT_ANY", Hidden: "Limits of System V objects without read permission; /proc/sysvipc has the rest",
		Advice: "use Linux 4.17 or later",
	}
	var ds [256]byte // larger than any struct shmid_ds
	_, _, errno := unix.Syscall(unix.SYS_SHMCTL, 0, shmStatAny, uintptr(unsafe.Pointer(&ds)))
	switch {
	case errno == 0:
		f.State, f.Found = model.FeatureOK, "works"
	case errno != unix.EINVAL:
		f.State, f.Found = stateOf(errno)
	default:
		major, minor := kernelRelease()
		switch {
		case major == 0:
			f.State, f.Found = model.FeatureUnknown, "no segment exists to test with"
		case major > 4 || major == 4 && minor >= 17:
			f.State, f.Found = model.FeatureOK, fmt.Sprintf("by the release, %d.%d", major, minor)
		default:
			f.State, f.Found = model.FeatureMissing, fmt.Sprintf("by the release, %d.%d", major, minor)
		}
	}
	d.add(f)
}

// kernelRelease is the first two numbers of uname's release; 0 if there are
// none.
func kernelRelease() (major, minor int) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return 0, 0
	}
	if n, _ := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); n != 2 {
		return 0, 0
	}
	return major, minor
}
