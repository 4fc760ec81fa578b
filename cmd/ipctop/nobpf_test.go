package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refuseEnv makes ipctop run under a seccomp filter that refuses bpf(2).
const refuseEnv = "IPCTOP_TEST_REFUSE_BPF"

// refuseBPF makes bpf(2) fail in all threads, as containers' filters do.
func refuseBPF() {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// The filter applies to all threads; permission is checked for the thread that installs it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if _, _, err := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter))); err != 0 {
		panic(err)
	}
}

// Without eBPF everything works through the proc file system. No command mentions it,
// except doctor, once, and a command that was told to use it.
func TestWithoutBPF(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Log("not root: the reasons below are not reached, as ipctop lacks capabilities")
	}
	for _, c := range []struct {
		name, before, env string
		attributes        syscall.SysProcAttr
		reason            string
	}{
		{name: "bpf refused by seccomp", env: refuseEnv + "=1", reason: "a seccomp filter refuses bpf(2)"},
		{
			name: "no type information", before: "mount -t tmpfs none /sys/kernel/btf && ", reason: "there is no /sys/kernel/btf/vmlinux",
			attributes: syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS},
		},
		{name: "in a container", reason: "ipctop is not in the first user namespace", attributes: syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}},
		{name: "unprivileged", before: "setpriv --bounding-set -all --inh-caps -all --no-new-privs ", reason: "ipctop lacks CAP_BPF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				c.before, c.attributes, c.reason = "", syscall.SysProcAttr{}, "ipctop lacks CAP_BPF"
			} else {
				sourceOrSkip(t)
			}
			if strings.HasPrefix(c.before, "setpriv") {
				if _, err := exec.LookPath("setpriv"); err != nil {
					t.Skip(err)
				}
			}
			ipctop := func(args string) (status int, stdout, stderr string) {
				t.Helper()
				cmd := exec.Command("sh", "-c", c.before+`exec "$0" `+args, exe)
				if strings.HasPrefix(c.before, "setpriv") {
					cmd.Args[2] = c.before + `"$0" ` + args
				}
				cmd.Env = append(os.Environ(), mainEnv+"=1", c.env)
				cmd.SysProcAttr = &c.attributes
				var out, err strings.Builder
				cmd.Stdout, cmd.Stderr = &out, &err
				if e := cmd.Run(); e != nil && cmd.ProcessState == nil {
					t.Skipf("not here: %v", e)
				}
				return cmd.ProcessState.ExitCode(), out.String(), err.String()
			}
			_, said, _ := ipctop("doctor")
			if n := strings.Count(said, c.reason); n != 1 {
				t.Errorf("doctor says %q %d times:\n%s", c.reason, n, said)
			}
			for _, source := range []string{"auto", "procfs"} {
				if status, out, stderr := ipctop("dump --json --source " + source); status != exitOK || strings.Contains(stderr, "bpf") || strings.Contains(out, c.reason) {
					t.Errorf("dump --source %s: status %d, stderr %q", source, status, stderr)
				}
			}
			if status, _, stderr := ipctop("dump --json --source bpf"); status != exitFailed || !strings.Contains(stderr, c.reason) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("dump --source bpf: status %d, stderr %q", status, stderr)
			}
		})
	}
}
