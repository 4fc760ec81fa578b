package corefile

import (
	"debug/elf"
	"encoding/binary"

	"github.com/ipctop/ipctop/model"
)

// arch is what differs between architectures.
type arch struct {
	name      string
	statusLen int // of struct elf_prstatus
	// registers reads the thread pointer and the system call from the registers.
	registers func(b []byte, t *Thread)
	calls     map[int]string
}

var arches = map[elf.Machine]*arch{
	elf.EM_X86_64:  {"amd64", 336, registersAMD64, callsAMD64},
	elf.EM_AARCH64: {"arm64", 392, registersARM64, callsARM64},
}

// interrupted reports whether a result is one that the kernel gives a call that it
// interrupted to deliver a signal: EINTR, ERESTARTSYS, ERESTARTNOINTR,
// ERESTARTNOHAND, ERESTART_RESTARTBLOCK.
func interrupted(result uint64) bool {
	switch -int64(result) {
	case 4, 512, 513, 514, 516:
		return true
	}
	return false
}

// registersAMD64 reads struct user_regs_struct: r10@7, r9, r8, rax@10, rdx@12, rsi, rdi,
// orig_rax@15, fs_base@21, each of 8 bytes. orig_rax is the call's number, -1 outside
// of one.
func registersAMD64(b []byte, t *Thread) {
	r := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	t.pointer = r(21)
	if n := int64(r(15)); n >= 0 && n < maxCall {
		t.Call = &Call{Number: int(n), Args: addresses(r(14), r(13), r(12), r(7), r(9), r(8)), Interrupted: interrupted(r(10))}
	}
}

// registersARM64 reads struct user_pt_regs: x0 to x30, sp, pc. x8 is the number of
// the last call, even if it has ended; x0 is its first argument, or its result.
func registersARM64(b []byte, t *Thread) {
	r := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	if n := int64(r(8)); n >= 0 && n < maxCall {
		t.Call = &Call{Number: int(n), Args: addresses(r(0), r(1), r(2), r(3), r(4), r(5)), Interrupted: interrupted(r(0))}
	}
}

// maxCall is above all system call numbers.
const maxCall = 1024

func addresses(list ...uint64) []model.Addr {
	args := make([]model.Addr, len(list))
	for i, v := range list {
		args[i] = model.Addr(v)
	}
	return args
}

// callsAMD64 are the calls in which a thread can wait, by number.
var callsAMD64 = map[int]string{
	0: "read", 1: "write", 7: "poll", 19: "readv", 20: "writev", 23: "select", 34: "pause", 35: "nanosleep", 42: "connect", 43: "accept", 44: "sendto",
	45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4", 65: "semop", 69: "msgsnd", 70: "msgrcv", 72: "fcntl", 73: "flock",
	128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex", 219: "restart_syscall", 220: "semtimedop", 230: "clock_nanosleep", 232: "epoll_wait",
	242: "mq_timedsend", 243: "mq_timedreceive", 247: "waitid", 257: "openat", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 288: "accept4",
	426: "io_uring_enter", 441: "epoll_pwait2", 449: "futex_waitv", 62: "kill", 200: "tkill", 234: "tgkill",
}

// callsARM64 are those of arm64, which uses the numbers of asm-generic/unistd.h.
var callsARM64 = map[int]string{
	22: "epoll_pwait", 25: "fcntl", 32: "flock", 56: "openat", 63: "read", 64: "write", 65: "readv", 66: "writev", 72: "pselect6", 73: "ppoll",
	95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep", 128: "restart_syscall", 129: "kill", 130: "tkill", 131: "tgkill",
	133: "rt_sigsuspend", 137: "rt_sigtimedwait", 182: "mq_timedsend", 183: "mq_timedreceive", 188: "msgrcv", 189: "msgsnd",
	192: "semtimedop", 193: "semop", 202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 242: "accept4",
	260: "wait4", 426: "io_uring_enter", 441: "epoll_pwait2", 449: "futex_waitv",
}
