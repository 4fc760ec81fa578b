package fdscan

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/ipctop/ipctop/probe"
)

// asideEnv makes a process the one that asks pipes on behalf of ipctop.
const asideEnv = "IPCTOP_ASIDE"

// aside is the process that asks pipes, seen by ipctop.
type aside struct {
	cmd       *exec.Cmd
	questions *os.File
	answers   *os.File
	gone      chan struct{}
	backs     []func()
}

// startAside starts the process. It has nothing that anybody waits for: not ipctop's
// output, nor its terminal, nor its directory. It ends when nobody is left to ask it.
func startAside(program string) (*aside, error) {
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	answers, stdout, err := os.Pipe()
	if err != nil {
		stdin.Close()
		return nil, err
	}
	defer stdout.Close()
	cmd := exec.Command(program)
	cmd.Args = []string{"ipctop: asks pipes"}
	cmd.Env = append(os.Environ(), asideEnv+"=pipes")
	cmd.Dir, cmd.Stdin, cmd.Stdout = "/", in, stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		stdin.Close()
		answers.Close()
		return nil, err
	}
	a := &aside{cmd: cmd, questions: stdin, answers: answers, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(a.gone)
	}()
	return a, nil
}

// ask asks questions and calls f for every answer. It returns when there are no
// more, or when the process does not say anything for longer than it takes to give
// a pipe up; whole reports that it came to the end.
func (a *aside) ask(ctx context.Context, questions []pipeQuestion, f func(i int, answer pipeAnswer)) (whole bool) {
	b := encodeQuestions(questions)
	go func() { _, _ = a.questions.Write(b) }()
	defer context.AfterFunc(ctx, func() { _ = a.answers.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 0, 64<<10)
	for ctx.Err() == nil {
		_ = a.answers.SetReadDeadline(time.Now().Add(4 * probe.Deadline))
		n, err := a.answers.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		text := buf
		for ; len(text) >= asideAnswerSize; text = text[asideAnswerSize:] {
			id, answer := parseAnswer(text)
			if id == roundEnd {
				return true
			}
			f(int(id), answer)
		}
		buf = append(buf[:0], text...)
		if err != nil {
			break
		}
	}
	return false
}

// whenGone has f called when the process has ended.
func (a *aside) whenGone(f func()) { a.backs = append(a.backs, f) }

// end ends the process. If it is stuck nobody waits for it: it ends when the
// kernel lets go of it.
func (a *aside) end() {
	a.questions.Close()
	a.answers.Close()
	_ = a.cmd.Process.Kill()
	backs := a.backs
	go func() {
		<-a.gone
		for _, back := range backs {
			back()
		}
	}()
}

// asideKeeper keeps the process from one scan to the next: to start it takes as
// long as to ask a thousand pipes.
type asideKeeper struct{ idle *aside }

// take returns the idle process, or starts one.
func (k *asideKeeper) take(program string) (a *aside, used bool, err error) {
	if a, k.idle = k.idle, nil; a != nil {
		select {
		case <-a.gone:
			a.end()
		default:
			return a, true, nil
		}
	}
	a, err = startAside(program)
	return a, false, err
}

func (k *asideKeeper) close() {
	if k.idle != nil {
		k.idle.end()
		k.idle = nil
	}
}
