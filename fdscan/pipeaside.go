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
	cmd     *exec.Cmd
	answers *os.File
	gone    chan struct{}
	backs   []func()
}

// startAside starts a process that asks these questions. It has nothing that
// anybody waits for: not ipctop's output, nor its terminal, nor its directory.
func startAside(program string, questions []pipeQuestion) (*aside, error) {
	b := encodeQuestions(questions)
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
	a := &aside{cmd: cmd, answers: answers, gone: make(chan struct{})}
	go func() {
		_, _ = stdin.Write(b)
		stdin.Close()
	}()
	go func() {
		_ = cmd.Wait()
		close(a.gone)
	}()
	return a, nil
}

// each calls f for every answer. It returns when there are no more, or when the
// process does not say anything for longer than it takes to give a pipe up.
func (a *aside) each(ctx context.Context, f func(i int, answer pipeAnswer)) {
	defer context.AfterFunc(ctx, func() { _ = a.answers.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 0, 64<<10)
	for ctx.Err() == nil {
		_ = a.answers.SetReadDeadline(time.Now().Add(4 * probe.Deadline))
		n, err := a.answers.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		text := buf
		for ; len(text) >= asideAnswerSize; text = text[asideAnswerSize:] {
			f(parseAnswer(text))
		}
		buf = append(buf[:0], text...)
		if err != nil {
			return
		}
	}
}

// whenGone has f called when the process has ended.
func (a *aside) whenGone(f func()) { a.backs = append(a.backs, f) }

// end ends the process. If it is stuck nobody waits for it: it ends when the
// kernel lets go of it.
func (a *aside) end() {
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
