package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// isolatedEnv is the environment variable that tells a program that it was started in
// an IPC namespace of its own.
const isolatedEnv = "IPCTOP_ISOLATED"

// Isolated reports whether Isolate started this program. The command that it runs
// does not inherit the variable.
func Isolated() bool {
	_, ok := os.LookupEnv(isolatedEnv)
	os.Unsetenv(isolatedEnv)
	return ok
}

// Isolate starts this program again, with its arguments, in a new IPC namespace, and
// returns its exit status. The new process does all the work, and the namespace exists
// until it has taken its last snapshot.
func Isolate(o *Options) (status int, err error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), isolatedEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Stdin, o.Stdout, o.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC, Pdeathsig: syscall.SIGTERM}
	if os.Geteuid() != 0 {
		// A user namespace that maps the user and the group to themselves.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	relay := newRelay()
	if err := cmd.Start(); err != nil {
		relay.stop()
		return 0, fmt.Errorf("--isolate: no IPC namespace: %w (it needs root or user namespaces)", errors.Unwrap(err))
	}
	relay.to(cmd.Process)
	err = cmd.Wait()
	relay.stop()
	if cmd.ProcessState == nil {
		return 0, err
	}
	return statusOf(cmd), nil
}
