package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// isolatedEnv tells an ipctop that was started in an IPC namespace of its own that
// it is there.
const isolatedEnv = "IPCTOP_ISOLATED"

// runIsolated starts ipctop anew in a new IPC namespace, to do all the rest. It
// lives as long as the looking takes, and so does the namespace.
func (c command) runIsolated() error {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), isolatedEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, c.stdout, c.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC, Pdeathsig: syscall.SIGTERM}
	if os.Geteuid() != 0 {
		// A user namespace in which everybody is who they are.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	relay := newRelay()
	if err := cmd.Start(); err != nil {
		relay.stop()
		return fmt.Errorf("--isolate: no IPC namespace: %w (it needs root or user namespaces)", errors.Unwrap(err))
	}
	relay.to(cmd.Process)
	err := cmd.Wait()
	relay.stop()
	if cmd.ProcessState == nil {
		return err
	}
	if status := statusOf(cmd); status != 0 {
		return &exitError{status: status}
	}
	return nil
}

// statusOf is how a command ended, as shells have it.
func statusOf(cmd *exec.Cmd) int {
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return exitSignal + int(w.Signal())
	}
	return cmd.ProcessState.ExitCode()
}
