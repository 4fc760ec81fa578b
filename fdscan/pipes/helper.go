package pipes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/probe"
)

// helper is ipctop's side of the process that asks pipes.
type helper struct {
	cmd     *exec.Cmd
	link    *os.File // questions and answers
	batch   []byte   // memory for questions
	stopped atomic.Bool
	gone    chan struct{}
	backs   []func()
}

// Why the helper did not answer.
var (
	errHelperStopped = fmt.Errorf("the pipe helper (%s) was stopped, so ipctop ended it", probe.HelperName)
	errHelperEnded   = fmt.Errorf("the pipe helper (%s) has ended", probe.HelperName)
)

// startHelper starts the process. It holds nothing that others wait for: not ipctop's
// output, nor its terminal, nor its directory. It ends when there is no process left
// that could ask it.
func startHelper(program string) (*helper, error) {
	own, link, err := newHelperLink()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Args = []string{probe.HelperName}
	cmd.Dir, cmd.Stdin = "/", link
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	link.Close() // else the end of the process would not be noticed
	if err != nil {
		own.Close()
		return nil, err
	}
	h := &helper{cmd: cmd, link: own, gone: make(chan struct{})}
	go h.watch()
	ready := make(chan struct{})
	go func() {
		err = answerChallenge(own)
		close(ready)
	}()
	if !guard.Within(startDeadline, ready, nil) {
		_ = own.SetDeadline(time.Unix(1, 0))
		<-ready
	}
	if err != nil {
		h.end()
		if h.stopped.Load() {
			return nil, errHelperStopped
		}
		return nil, fmt.Errorf("the helper process did not start: %w", err)
	}
	_ = own.SetDeadline(time.Time{})
	return h, nil
}

// watch waits for the end of the process. If the process is stopped, watch ends it at
// once: it may have a duplicate for which others wait. Any process of the same user can
// stop it, even if it has more rights than that user.
func (h *helper) watch() {
	defer close(h.gone)
	var info unix.Siginfo
	err := error(unix.EINTR)
	for err == unix.EINTR {
		err = unix.Waitid(unix.P_PID, h.cmd.Process.Pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err == nil && info.Code == cldStopped {
		h.stopped.Store(true)
		_ = h.cmd.Process.Kill()
	}
	_ = h.cmd.Wait()
}

// cldStopped is CLD_STOPPED of include/uapi/asm-generic/siginfo.h.
const cldStopped = 5

// startDeadline is how long the helper may take to become ready.
const startDeadline = 8 * guard.Deadline

// helperTick is how often the time is checked while the helper sends nothing.
const helperTick = guard.Deadline / 10

// ask asks questions and calls f for every answer. It returns nil when all are answered.
// It returns an error if the process has ended, or sends nothing for longer than it
// takes to give up on a pipe.
func (h *helper) ask(ctx context.Context, questions []pipeQuestion, f func(i int, answer pipeAnswer)) error {
	b := encodeQuestions(h.batch, questions)
	h.batch = nil
	written := make(chan struct{})
	go func() {
		_, _ = h.link.Write(b)
		close(written)
	}()
	defer context.AfterFunc(ctx, func() { _ = h.link.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 0, 64<<10)
	clock := guard.NewClock(helperTick)
	said := clock.Now()
	for ctx.Err() == nil {
		_ = h.link.SetReadDeadline(time.Now().Add(helperTick))
		n, err := h.link.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		text := buf
		for ; len(text) >= helperAnswerSize; text = text[helperAnswerSize:] {
			id, answer := parseAnswer(text)
			if id == batchEnd {
				select {
				case <-written:
					h.batch = b
				default:
				}
				return nil
			}
			f(int(id), answer)
		}
		buf = append(buf[:0], text...)
		clock.Tick()
		switch {
		case n > 0:
			said = clock.Now()
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && clock.Now()-said < 4*guard.Deadline:
			// Nothing was sent yet.
		case errors.Is(err, os.ErrDeadlineExceeded):
			return guard.ErrGivenUp
		case err != nil:
			return h.whyEnded()
		}
	}
	return ctx.Err()
}

// whyEnded returns the reason why the process no longer listens.
func (h *helper) whyEnded() error {
	guard.Within(endDeadline, h.gone, nil)
	if h.stopped.Load() {
		return errHelperStopped
	}
	return errHelperEnded
}

// whenGone makes f be called when the process has ended.
func (h *helper) whenGone(f func()) { h.backs = append(h.backs, f) }

// endDeadline is how long to wait for the end of the process, so that it does not
// become a zombie of an init that does not reap children.
const endDeadline = 300 * time.Millisecond

// end ends the process. If it is stuck, end does not wait for it: it ends when
// the kernel lets it go.
func (h *helper) end() {
	h.link.Close()
	_ = h.cmd.Process.Kill()
	if len(h.backs) == 0 {
		select {
		case <-h.gone:
		case <-time.After(endDeadline):
		}
	}
	backs := h.backs
	go func() {
		<-h.gone
		for _, back := range backs {
			back()
		}
	}()
}

// helperCache keeps the process for the next questions, in this scan or a later one:
// starting it takes as long as asking a thousand pipes.
type helperCache struct {
	mu     sync.Mutex
	idle   *helper
	failed error // error of the early start
	late   bool  // too late for an early start: the helper was asked for already, or will not be any more
}

// prefetch starts the process, if there is one to start, while the scan still reads other things.
func (k *helperCache) prefetch(s *probe.Scan) {
	if s.Helper() == "" || !s.PIDCalls || s.WaitsOnly() || s.HasSource() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.late && k.idle == nil {
		k.idle, k.failed = startHelper(s.Helper())
	}
}

// get returns the idle process, or starts one.
func (k *helperCache) get(program string) (h *helper, used bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.late = true
	if h, k.idle = k.idle, nil; h != nil {
		select {
		case <-h.gone:
			h.end()
		default:
			return h, true, nil
		}
	}
	if err, k.failed = k.failed, nil; err != nil {
		return nil, false, err
	}
	h, err = startHelper(program)
	return h, false, err
}

// put takes back a process that has answered.
func (k *helperCache) put(h *helper) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle = h
}

func (k *helperCache) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.late = true
	if k.idle != nil {
		k.idle.end()
		k.idle = nil
	}
}
