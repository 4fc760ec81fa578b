package remediate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// ErrChanged says that what has the name now is not what was seen.
var ErrChanged = errors.New("another object or process has its name now")

// Process is a process that is held: its pid cannot become another's while a
// signal is being chosen (pidfd_open(2)).
type Process struct {
	mu    sync.Mutex
	pid   int
	pidfd int // -1: let go
}

// Hold takes hold of the process (pid, start ticks). The error is [ErrChanged] or
// an errno: ESRCH if it has ended.
func Hold(pid int, startTicks uint64) (*Process, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("hold process %d: %w", pid, err)
	}
	// In this order: if the start time is right now, the pidfd is that process's.
	ticks, err := startTicksOf(pid)
	if err == nil && ticks != startTicks {
		err = ErrChanged
	}
	if err != nil {
		_ = unix.Close(pidfd)
		return nil, fmt.Errorf("hold process %d: %w", pid, err)
	}
	return &Process{pid: pid, pidfd: pidfd}, nil
}

// Signal sends a signal by its name (SIGTERM). The error wraps the errno of
// pidfd_send_signal(2).
func (p *Process) Signal(name string) error {
	number, err := model.SignalNumber(name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pidfd < 0 {
		return fmt.Errorf("send %s to process %d: %w", name, p.pid, os.ErrClosed)
	}
	if err := unix.PidfdSendSignal(p.pidfd, unix.Signal(number), nil, 0); err != nil {
		return fmt.Errorf("send %s to process %d: %w", name, p.pid, err)
	}
	return nil
}

// Close lets go of the process.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pidfd < 0 {
		return nil
	}
	err := unix.Close(p.pidfd)
	p.pidfd = -1
	return err
}

func startTicksOf(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = unix.ESRCH
		}
		return 0, err
	}
	return parseStartTicks(text)
}

// parseStartTicks reads the start time, field 22 of /proc/PID/stat
// (proc_pid_stat(5)), in clock ticks. The name before it may hold anything.
func parseStartTicks(text []byte) (uint64, error) {
	const fieldsAfterName = 19 // from field 3 to field 22
	f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(f) <= fieldsAfterName {
		return 0, fmt.Errorf("stat has no start time: %q", text)
	}
	return strconv.ParseUint(string(f[fieldsAfterName]), 10, 64)
}
