package testfixtures

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// owner identifies the process that runs fixtures, in a form that stays valid after it has ended:
// pids are reused, start ticks restart at each boot, and both are relative to a pid namespace.
type owner struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"`
	BootID     string `json:"boot_id"`
	PIDNS      uint64 `json:"pid_ns"`
	IPCNS      uint64 `json:"ipc_ns"` // System V ids are valid only in it
}

func thisProcess() (owner, error) {
	o := owner{PID: os.Getpid()}
	var err error
	if o.StartTicks, _, err = startTicks(o.PID); err != nil {
		return o, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return o, err
	}
	o.BootID = strings.TrimSpace(string(boot))
	if o.PIDNS, err = namespaceInode("pid"); err != nil {
		return o, err
	}
	o.IPCNS, err = namespaceInode("ipc")
	return o, err
}

// alive reports whether the process (pid, ticks) still runs.
func alive(pid int, ticks uint64) bool {
	now, state, err := startTicks(pid)
	return err == nil && now == ticks && state != 'Z' && state != 'X'
}

// startTicks reads the start time and the state of a process from its stat file
// (proc_pid_stat(5)).
func startTicks(pid int) (uint64, byte, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 {
		return 0, 0, fmt.Errorf("%s: only %d fields after the command name", path, len(f))
	}
	ticks, err := strconv.ParseUint(string(f[19]), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: start time: %w", path, err)
	}
	return ticks, f[0][0], nil
}

// namespaceInode is the inode number of one of this process's namespaces.
func namespaceInode(kind string) (uint64, error) {
	var st unix.Stat_t
	path := "/proc/self/ns/" + kind
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return st.Ino, nil
}
