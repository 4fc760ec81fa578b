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

// ErrChanged says that another object or process has the name now than the one that was seen.
var ErrChanged = errors.New("another object or process has its name now")

// Process is a process held by a pidfd: a signal cannot reach another process that gets
// the same pid meanwhile (pidfd_open(2)).
type Process struct {
	mu    sync.Mutex
	pid   int
	pidfd int // -1: closed
}

// Hold opens a pidfd for the process (pid, start ticks). The error is [ErrChanged] or
// an errno: ESRCH if it has ended.
func Hold(pid int, startTicks uint64) (*Process, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("hold process %d: %w", pid, err)
	}
	// The order matters: if the start time is right now, the pidfd is that of the process.
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

// Close closes the pidfd.
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
// (proc_pid_stat(5)), in clock ticks. The name before it may contain any characters.
func parseStartTicks(text []byte) (uint64, error) {
	const fieldsAfterName = 19 // from field 3 to field 22
	f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(f) <= fieldsAfterName {
		return 0, fmt.Errorf("stat has no start time: %q", text)
	}
	return strconv.ParseUint(string(f[fieldsAfterName]), 10, 64)
}
