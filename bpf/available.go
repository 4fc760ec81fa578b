package bpf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/privilege"
)

// UnavailableError says why the source cannot be used here.
type UnavailableError struct {
	Reason string // a sentence without its full stop
	Advice string // what to do about it; "" if there is nothing to do
}

func (e *UnavailableError) Error() string { return e.Reason }

const (
	typeInformation = "/sys/kernel/btf/vmlinux"

	minMajor, minMinor = 5, 15

	initialUserNamespace = "user:[4026531837]" // include/linux/proc_ns.h
)

// check looks for everything without which the source does not work.
func check() error {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return &UnavailableError{Reason: "there are no eBPF programs for " + runtime.GOARCH}
	}
	// The kernel's structures do not tell what the user is allowed to see.
	if beyond := privilege.Beyond(); beyond != "" {
		return &UnavailableError{Reason: beyond, Advice: "run ipctop as root"}
	}
	if major, minor, known := kernelRelease(); known && (major < minMajor || major == minMajor && minor < minMinor) {
		return &UnavailableError{
			Reason: fmt.Sprintf("the kernel is Linux %d.%d", major, minor), Advice: fmt.Sprintf("use Linux %d.%d or later", minMajor, minMinor),
		}
	}
	if ns, err := os.Readlink("/proc/self/ns/user"); err == nil && ns != initialUserNamespace {
		return &UnavailableError{Reason: "ipctop is not in the first user namespace", Advice: "run ipctop as root on the host itself"}
	}
	if missing := missingCapabilities(); missing != "" {
		return &UnavailableError{Reason: "ipctop lacks " + missing, Advice: "run ipctop as root"}
	}
	if _, err := os.Stat(typeInformation); errors.Is(err, fs.ErrNotExist) {
		return &UnavailableError{Reason: "there is no " + typeInformation, Advice: "use a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys"}
	}
	return nil
}

// explain turns the error of a system call into a reason.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		switch {
		case lockedDown():
			return &UnavailableError{Reason: "the kernel is locked down (kernel_lockdown(7), confidentiality): eBPF programs may not read its memory"}
		case filtered():
			return &UnavailableError{Reason: "a seccomp filter refuses bpf(2)", Advice: "let the container or sandbox use bpf(2)"}
		}
	case errors.Is(err, unix.ENOSYS):
		return &UnavailableError{Reason: "the kernel has no bpf(2)", Advice: "use a kernel built with CONFIG_BPF_SYSCALL"}
	}
	return err
}

// missingCapabilities names the capabilities that ipctop needs and lacks, "" if it has all.
func missingCapabilities() string {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err.Error()
	}
	missing := ""
	for _, c := range []struct {
		number int
		name   string
	}{{unix.CAP_BPF, "CAP_BPF"}, {unix.CAP_PERFMON, "CAP_PERFMON"}, {unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}} {
		has := func(number int) bool { return data[number/32].Effective>>(number%32)&1 == 1 }
		if has(c.number) || c.number != unix.CAP_SYS_PTRACE && has(unix.CAP_SYS_ADMIN) {
			continue
		}
		if missing != "" {
			missing += " "
		}
		missing += c.name
	}
	return missing
}

// kernelRelease returns the first two numbers of uname(2)'s release.
func kernelRelease() (major, minor int, known bool) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return 0, 0, false
	}
	n, _ := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return major, minor, n == 2
}

// lockedDown reports whether the kernel hides its memory from root.
func lockedDown() bool {
	b, err := os.ReadFile("/sys/kernel/security/lockdown")
	return err == nil && bytes.Contains(b, []byte("[confidentiality]"))
}

// filtered reports whether a seccomp filter checks ipctop's system calls.
func filtered() bool {
	b, err := os.ReadFile("/proc/self/status")
	return err == nil && bytes.Contains(b, []byte("\nSeccomp:\t2\n"))
}
