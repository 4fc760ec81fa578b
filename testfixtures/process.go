package testfixtures

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long a holder may take to become ready, and how long all of them may take to end once
// they are told to. If a holder is killed before it has reaped its children, these remain
// for a moment, until init has reaped them: so give it enough time on a machine under load.
const (
	readyWithin = 20 * time.Second
	endWithin   = 20 * time.Second
)

// process is a holder, as seen by the process that started it.
type process struct {
	pid     int
	comm    string
	reports *os.File
	lines   *bufio.Reader
	ctx     context.Context
	reaped  bool
}

// part says how to start a holder.
type part struct {
	fds        []int    // descriptors to inherit, from 3 on
	args       []string // arguments of the role
	namespaces uintptr  // CLONE_NEW… flags
}

// OwnProgram is the running program. It works even if the binary was replaced or removed.
const OwnProgram = "/proc/self/exe"

// Program returns the path of the program that is executed to run a role: it must call
// [RunRole]. It is the running program, unless tests set a smaller one, which starts faster.
var Program = func() string { return OwnProgram }

// startProcess executes a program to run a role. The process ends at the end of file of deathPipe.
func startProcess(ctx context.Context, f *Fixture, role string, deathPipe int, o part) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	files := []uintptr{uintptr(deathPipe), w.Fd(), w.Fd()}
	for _, fd := range o.fds {
		files = append(files, uintptr(fd))
	}
	pid, err := syscall.ForkExec(Program(), append([]string{"ipctop-fixture", f.Name, role}, o.args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(os.Environ(), holderEnv(len(o.fds))...),
		Files: files,
		// A process group of its own: Ctrl-C is meant only for the process that started it.
		Sys: &syscall.SysProcAttr{Setpgid: true, Cloneflags: o.namespaces},
	})
	if err != nil {
		r.Close()
		err = fmt.Errorf("start %s: %w", f.comm(role), err)
		if o.namespaces != 0 {
			err = needing("CAP_SYS_ADMIN to make namespaces", err)
		}
		return nil, err
	}
	return &process{pid: pid, comm: f.comm(role), reports: r, lines: bufio.NewReader(r), ctx: ctx}, nil
}

// holderEnv is the environment that makes a process a holder, with as few threads and
// descriptors of the Go runtime as possible.
func holderEnv(fds int) []string {
	return []string{roleEnv + "=" + strconv.Itoa(fds), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=containermaxprocs=0,asyncpreemptoff=1"}
}

// receive reads what the holder reports before it is ready.
func (p *process) receive(report any) error {
	m, err := p.next()
	if err == nil && m.Ready {
		err = fmt.Errorf("%s is ready and should have told something before", p.who())
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Report, report)
}

// await waits until the holder is ready. If report is not nil it is set to what the holder reports then.
func (p *process) await(report any) error {
	m, err := p.next()
	if err == nil && !m.Ready {
		err = fmt.Errorf("%s says %s and is not ready", p.who(), m.Report)
	}
	p.reports.Close()
	if err != nil || report == nil {
		return err
	}
	return json.Unmarshal(m.Report, report)
}

func (p *process) who() string { return fmt.Sprintf("%s(%d)", p.comm, p.pid) }

func (p *process) next() (message, error) {
	var m message
	if err := p.reports.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
		return m, err
	}
	defer context.AfterFunc(p.ctx, func() { _ = p.reports.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := p.lines.ReadString('\n')
	switch {
	case p.ctx.Err() != nil:
		return m, p.ctx.Err()
	case err != nil && !errors.Is(err, io.EOF):
		return m, fmt.Errorf("%s: %w", p.who(), err)
	}
	if json.Unmarshal([]byte(line), &m) != nil {
		rest, _ := io.ReadAll(p.lines) // probably a panic
		return m, fmt.Errorf("%s ended without a word it was to say: %s", p.who(), strings.TrimSpace(line+string(rest)))
	}
	switch {
	case m.Unavailable:
		return m, &Unavailable{Reason: m.Error}
	case m.Error != "":
		return m, fmt.Errorf("%s: %s", p.who(), m.Error)
	}
	return m, nil
}

// kill ends the holder at once, whatever its state.
func (p *process) kill() {
	if !p.reaped {
		_ = unix.Kill(p.pid, unix.SIGKILL) // the pid is ours until it is reaped
	}
	p.wait(time.Now().Add(endWithin))
}

// wait waits until the holder has ended, and kills it at the deadline.
func (p *process) wait(deadline time.Time) {
	p.reports.Close()
	for !p.reaped {
		options := unix.WNOHANG
		if time.Now().After(deadline) {
			_ = unix.Kill(p.pid, unix.SIGKILL)
			options = 0
		}
		pid, err := unix.Wait4(p.pid, nil, options, nil)
		switch {
		case pid == p.pid, err != nil && err != unix.EINTR:
			p.reaped = true
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// fd is this holder's descriptor in the form of a dump's list of holders.
func (p *process) fd(fd int, access string) tree {
	h := tree{"pid": p.pid, "comm": p.comm, "via": "fd", "fd": fd}
	if access != "" {
		h["access"] = access
	}
	return h
}
