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

// How long a holder may take to become ready, and all of them to end once they are told
// to. A holder that is killed before it has ended and collected its children leaves these
// for a moment to the kernel and to init: on a machine under load it needs its time.
const (
	readyWithin = 20 * time.Second
	endWithin   = 20 * time.Second
)

// process is a holder seen by who started it.
type process struct {
	pid     int
	comm    string
	reports *os.File
	lines   *bufio.Reader
	ctx     context.Context
	reaped  bool
}

// part says how a holder is started.
type part struct {
	fds        []int    // what it inherits, from descriptor 3 on
	args       []string // what it is to know
	namespaces uintptr  // CLONE_NEW… flags
}

// OwnProgram is the running program. It also works when the binary was replaced or removed.
const OwnProgram = "/proc/self/exe"

// Program returns the path of the program that is executed to take a role: it calls [RunRole].
// It is the running one, unless tests have a smaller one, which starts sooner.
var Program = func() string { return OwnProgram }

// startProcess executes a program to take a role. deathPipe is the pipe end whose end of
// file ends it.
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
		// A process group of its own: Ctrl-C is for who started it alone.
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

// holderEnv makes a process a holder, with as few threads and descriptors of the
// Go runtime's own as can be.
func holderEnv(fds int) []string {
	return []string{roleEnv + "=" + strconv.Itoa(fds), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=containermaxprocs=0,asyncpreemptoff=1"}
}

// receive reads what the holder tells before it is ready.
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

// await waits until the holder is ready; report, if not nil, is set to what it
// has to tell then.
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
		rest, _ := io.ReadAll(p.lines) // a panic, most likely
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

// kill ends the holder now, whatever state it is in.
func (p *process) kill() {
	if !p.reaped {
		_ = unix.Kill(p.pid, unix.SIGKILL) // the pid is ours until it is reaped
	}
	p.wait(time.Now().Add(endWithin))
}

// wait waits until the holder has ended; past the deadline it is killed.
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

// fd is this holder as a dump shows it among an object's holders.
func (p *process) fd(fd int, access string) tree {
	h := tree{"pid": p.pid, "comm": p.comm, "via": "fd", "fd": fd}
	if access != "" {
		h["access"] = access
	}
	return h
}
