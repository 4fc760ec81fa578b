package bpf

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linkCreate is the part of union bpf_attr that BPF_LINK_CREATE uses for an iterator.
// iteratorTask is the union bpf_iter_link_info that it points to, for one process (Linux
// 6.1). The library has no parameters for this.
type linkCreate struct {
	program, target, attachType, flags uint32
	info                               uint64
	infoLength, _                      uint32
}

type iteratorTask struct{ tid, pid, pidfd, _ uint32 }

// iteratorCreate is the part that BPF_ITER_CREATE uses.
type iteratorCreate struct{ link, flags uint32 }

const (
	bpfLinkCreate = 28 // include/uapi/linux/bpf.h
	bpfIterCreate = 33
	traceIter     = 28 // BPF_TRACE_ITER
)

// FilesOf calls f for the descriptors of one process, as [Source.Files] does. It needs
// Linux 6.1; older kernels return EINVAL.
func (s *Source) FilesOf(pid int, f func(d *File)) error {
	it, err := s.use(func(s *Source) *iterator { return s.files })
	if err != nil {
		return err
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	r, err := it.openFor(pid)
	if err != nil {
		return fmt.Errorf("read descriptors of %d: %w", pid, err)
	}
	defer r.Close()
	return it.read(r, fileLength, eachFile(func(d *File) {
		if d.PID == pid {
			f(d)
		}
	}))
}

// openFor opens the iterator for one process.
func (it *iterator) openFor(pid int) (*os.File, error) {
	task := iteratorTask{pid: uint32(pid)}
	create := linkCreate{
		program: uint32(it.collection.Programs[it.name].FD()), attachType: traceIter,
		info: uint64(uintptr(unsafe.Pointer(&task))), infoLength: uint32(unsafe.Sizeof(task)),
	}
	link, _, errno := unix.Syscall(unix.SYS_BPF, bpfLinkCreate, uintptr(unsafe.Pointer(&create)), unsafe.Sizeof(create))
	runtime.KeepAlive(&task)
	if errno != 0 {
		return nil, os.NewSyscallError("bpf BPF_LINK_CREATE", errno)
	}
	defer unix.Close(int(link))
	iter := iteratorCreate{link: uint32(link)}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, bpfIterCreate, uintptr(unsafe.Pointer(&iter)), unsafe.Sizeof(iter))
	if errno != 0 {
		return nil, os.NewSyscallError("bpf BPF_ITER_CREATE", errno)
	}
	return os.NewFile(fd, "bpf_iter"), nil
}
