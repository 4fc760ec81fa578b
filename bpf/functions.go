package bpf

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// TryFunctions tries whether calls can be counted at the functions that carry data.
// If they cannot, it returns the reason: then a [Counter] counts at the end of all
// system calls.
func TryFunctions() error {
	p, err := loadForFunction()
	if err != nil {
		return err
	}
	defer p.Close()
	var s statistics // tells checkFunctions whether programs run
	if err := s.set(true); err != nil {
		return err
	}
	if err := s.set(false); err != nil {
		return err
	}
	l, err := link.AttachTracing(link.TracingOptions{Program: p})
	if err != nil {
		return fmt.Errorf("no program can be attached to the end of a function: %w", err)
	}
	return l.Close()
}

// loadForFunction loads a program that does nothing, at the end of a function that is
// seldom called. That takes less time than trying with all the real programs.
func loadForFunction() (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFExit, AttachTo: "do_tee", License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	switch {
	case errors.Is(err, unix.EPERM):
		return nil, errors.New("the kernel refuses programs at the end of functions") // the loader's own message, about memory, is wrong
	case err != nil:
		return nil, fmt.Errorf("no program for the end of a function can be loaded: %w", err)
	}
	return p, nil
}

// ofFunctions is the prefix of the program names in functions.h; the name of the function
// follows.
const ofFunctions = "counts_"

// chooseFunctions keeps only the programs that this kernel needs.
func chooseFunctions(spec *ebpf.CollectionSpec, types *btf.Spec) error {
	needed := callers()
	for name := range spec.Programs {
		function, ok := strings.CutPrefix(name, ofFunctions)
		if !ok || types.TypeByName(function, new(*btf.Func)) == nil {
			continue
		}
		if needed[function] != nil {
			return fmt.Errorf("this kernel has no function %s", function)
		}
		delete(spec.Programs, name) // the entry point of another architecture, or for 32-bit callers
	}
	return nil
}

// callers call the functions at which functions.h counts, by system calls that fail
// because their descriptor, id or address does not exist.
func callers() map[string]func() {
	const none = ^uintptr(0)
	on := func(number, first, second uintptr) func() {
		return func() { _, _, _ = unix.RawSyscall(number, first, second, 0) }
	}
	call := func(number uintptr) func() { return on(number, none, 0) }
	own := calls[runtime.GOARCH].wide
	return map[string]func(){
		"ksys_read":             call(unix.SYS_READ),
		"ksys_write":            call(unix.SYS_WRITE),
		"do_readv":              call(unix.SYS_READV),
		"do_writev":             call(unix.SYS_WRITEV),
		"__sys_sendto":          call(unix.SYS_SENDTO),
		"__sys_recvfrom":        call(unix.SYS_RECVFROM),
		"__sys_sendmsg":         call(unix.SYS_SENDMSG),
		"__sys_recvmsg":         call(unix.SYS_RECVMSG),
		"__sys_sendmmsg":        call(unix.SYS_SENDMMSG),
		"do_recvmmsg":           call(unix.SYS_RECVMMSG),
		"do_sendfile":           on(unix.SYS_SENDFILE, none, none),
		"do_mq_timedsend":       call(unix.SYS_MQ_TIMEDSEND),
		"do_mq_timedreceive":    call(unix.SYS_MQ_TIMEDRECEIVE),
		"do_msgsnd":             on(unix.SYS_MSGSND, none, uintptr(unsafe.Pointer(&message))),
		"do_msgrcv":             call(unix.SYS_MSGRCV),
		"do_semtimedop":         call(uintptr(own[callSysVOperate][0])),
		"futex_wait":            on(unix.SYS_FUTEX, none, 0),
		"futex_wake":            on(unix.SYS_FUTEX, none, 1),
		"futex_wake_op":         on(unix.SYS_FUTEX, none, 5),
		"futex_lock_pi":         on(unix.SYS_FUTEX, none, 6),
		"futex_unlock_pi":       on(unix.SYS_FUTEX, none, 7),
		"futex_wait_requeue_pi": on(unix.SYS_FUTEX, none, 11),
		"do_splice": func() {
			withPipe(func(in, out int) { _, _ = unix.Splice(in, nil, out, nil, 1, unix.SPLICE_F_NONBLOCK) })
		},
		"do_tee": func() { withPipe(func(in, out int) { _, _ = unix.Tee(in, out, 1, unix.SPLICE_F_NONBLOCK) }) },
		map[string]string{"amd64": "__x64_sys_vmsplice", "arm64": "__arm64_sys_vmsplice"}[runtime.GOARCH]: call(unix.SYS_VMSPLICE),
	}
}

// message is never sent. Its type is valid, because the kernel checks that first.
var message = [2]uint64{1}

func withPipe(f func(in, out int)) {
	var pipe [2]int
	if unix.Pipe2(pipe[:], unix.O_CLOEXEC) != nil {
		return
	}
	f(pipe[0], pipe[1])
	_, _ = unix.Close(pipe[0]), unix.Close(pipe[1])
}

// checkFunctions makes sure that system calls pass through all the functions: the
// compiler may have inlined a function into its callers, and kept an unused copy.
func (c *Counter) checkFunctions() error {
	if err := c.statistics.set(true); err != nil {
		return err
	}
	defer func() { _ = c.statistics.set(false) }()
	for function, call := range callers() {
		p := c.collection.Programs[ofFunctions+function]
		if p == nil {
			return fmt.Errorf("nothing counts at the function %s", function)
		}
		call()
		if s, err := p.Stats(); err != nil || s.RunCount == 0 {
			return errors.Join(fmt.Errorf("system calls do not come through the function %s", function), err)
		}
	}
	return nil
}
