package pipes

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/ipctop/ipctop/guard"
)

// asideEnv makes a process the one that asks pipes on behalf of ipctop.
const helperEnv = "IPCTOP_ASIDE"

// helper is the process that asks pipes, seen by ipctop.
type helper struct {
	cmd       *exec.Cmd
	questions *os.File
	answers   *os.File
	gone      chan struct{}
	backs     []func()
}

// startAside starts the process. It has nothing that anybody waits for: not ipctop's
// output, nor its terminal, nor its directory. It ends when nobody is left to ask it.
func startHelper(program string) (*helper, error) {
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
	cmd.Env = append(os.Environ(), helperEnv+"=pipes")
	cmd.Dir, cmd.Stdin, cmd.Stdout = "/", in, stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		stdin.Close()
		answers.Close()
		return nil, err
	}
	h := &helper{cmd: cmd, questions: stdin, answers: answers, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(h.gone)
	}()
	return h, nil
}

// ask asks questions and calls f for every answer. It returns when there are no
// more, or when the process does not say anything for longer than it takes to give
// a pipe up; whole reports that it came to the end.
func (h *helper) ask(ctx context.Context, questions []pipeQuestion, f func(i int, answer pipeAnswer)) (whole bool) {
	b := encodeQuestions(questions)
	go func() { _, _ = h.questions.Write(b) }()
	defer context.AfterFunc(ctx, func() { _ = h.answers.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 0, 64<<10)
	for ctx.Err() == nil {
		_ = h.answers.SetReadDeadline(time.Now().Add(4 * guard.Deadline))
		n, err := h.answers.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		text := buf
		for ; len(text) >= helperAnswerSize; text = text[helperAnswerSize:] {
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
func (h *helper) whenGone(f func()) { h.backs = append(h.backs, f) }

// end ends the process. If it is stuck nobody waits for it: it ends when the
// kernel lets go of it.
func (h *helper) end() {
	h.questions.Close()
	h.answers.Close()
	_ = h.cmd.Process.Kill()
	backs := h.backs
	go func() {
		<-h.gone
		for _, back := range backs {
			back()
		}
	}()
}

// asideKeeper keeps the process from one scan to the next: to start it takes as
// long as to ask a thousand pipes.
type helperCache struct{ idle *helper }

// take returns the idle process, or starts one.
func (k *helperCache) get(program string) (h *helper, used bool, err error) {
	if h, k.idle = k.idle, nil; h != nil {
		select {
		case <-h.gone:
			h.end()
		default:
			return h, true, nil
		}
	}
	h, err = startHelper(program)
	return h, false, err
}

func (k *helperCache) close() {
	if k.idle != nil {
		k.idle.end()
		k.idle = nil
	}
}
