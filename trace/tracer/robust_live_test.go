//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func init() {
	// Holds a robust lock in the memory that is its standard input, and one in its own memory, and
	// prints their addresses. A third one on its list has another owner.
	roles["robust"] = func() {
		const link, other = 32, 1 << 29 // the offset of the list's link in a lock, and a thread that does not exist
		runtime.LockOSThread()
		shared, err := unix.Mmap(0, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			fmt.Println(err)
			return
		}
		own, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			fmt.Println(err)
			return
		}
		list := (*robustList)(unsafe.Pointer(&own[2048]))
		*list = robustList{offset: -link}
		at := &list.next
		for _, lock := range []struct {
			place []byte
			owner int
		}{{shared[128:], unix.Gettid()}, {own[64:], other}, {own[256:], unix.Gettid()}} {
			*(*uint32)(unsafe.Pointer(&lock.place[0])) = uint32(lock.owner)
			next := (*uintptr)(unsafe.Pointer(&lock.place[link]))
			*at, at = uintptr(unsafe.Pointer(next)), next
		}
		*at = uintptr(unsafe.Pointer(list))
		if _, _, errno := unix.Syscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(list)), unsafe.Sizeof(*list), 0); errno != 0 {
			fmt.Println(errno)
			return
		}
		fmt.Printf("%p\n", &own[256])
		select {} // until it is killed
	}
}

// robustList is struct robust_list_head (get_robust_list(2)).
type robustList struct {
	next    uintptr
	offset  int
	pending uintptr
}

// TestExitsOfOwners: which robust locks a process held when it was killed.
func TestExitsOfOwners(t *testing.T) {
	find := watch(t, tracer.Options{Exits: true})
	types, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip(err)
	}
	var function *btf.Typedef
	if err := types.TypeByName("btf_trace_sched_process_exit", &function); err != nil {
		t.Skip(err)
	}
	if p := function.Type.(*btf.Pointer).Target.(*btf.FuncProto).Params; len(p) < 3 {
		t.Skip("the kernel tells of exits when the locks are marked already (before Linux 6.16)")
	}
	fd, err := unix.MemfdCreate("locks", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	memory := os.NewFile(uintptr(fd), "locks")
	defer memory.Close()
	if err := memory.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	cmd := role("robust")
	cmd.Stdin = memory
	p := start(t, cmd)
	address := p.line(t)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	e := find("exit", func(e *trace.Event) bool { return e.Exit != nil && e.Target.PID == p.Process.Pid })
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	want := []trace.File{
		{Object: fmt.Sprintf("futex:memfd:%d:%d:%d+128", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)},
		{Object: fmt.Sprintf("futex:%d:%s", p.Process.Pid, address)},
	}
	if !slices.Equal(e.Robust, want) {
		t.Errorf("its locks were %v, not %v", e.Robust, want)
	}
	mapped, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	const ownerDied = 0x40000000
	if word := *(*uint32)(unsafe.Pointer(&mapped[128])); word&ownerDied == 0 {
		t.Errorf("the kernel has not marked the lock: %#x", word)
	}
}
