package fdscan

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
)

// asideEnv makes a process the one that asks pipes on behalf of ipctop.
const asideEnv = "IPCTOP_ASIDE"

// What goes through standard input and output: records of fixed size.
type (
	asideRow struct { // one descriptor of one question
		Question uint32
		PID, FD  int32
		_        uint32
		Scope    uint64
		Num      uint64
	}
	asideAnswer struct {
		Question         uint32
		Status           int32
		Queued, Capacity int64
	}
)

const asideAnswerSize = 24

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
	var b bytes.Buffer
	for i, q := range questions {
		for _, d := range q.holders {
			row := asideRow{Question: uint32(i), PID: d.pid, FD: d.fd, Scope: q.scope, Num: q.num}
			_ = binary.Write(&b, binary.NativeEndian, row) // to memory: cannot fail
		}
	}
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
		_, _ = stdin.Write(b.Bytes())
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
		for len(buf) >= asideAnswerSize {
			var r asideAnswer
			_ = binary.Read(bytes.NewReader(buf), binary.NativeEndian, &r)
			f(int(r.Question), pipeAnswer{r.Status, r.Queued, r.Capacity})
			buf = append(buf[:0], buf[asideAnswerSize:]...)
		}
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

// RunAside returns at once in an ordinary process. In one that was started to ask
// pipes it does that and never returns. Programs that set [probe.Options].Aside
// to themselves call it before anything else.
func RunAside() {
	if os.Getenv(asideEnv) == "" {
		return
	}
	closeInherited()
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		os.Exit(1)
	}
	answerAll(readQuestions(text), func(r asideAnswer) {
		_ = binary.Write(os.Stdout, binary.NativeEndian, r) // nobody to tell
	})
	unix.Exit(0)
}

// closeInherited closes what a shell left open in ipctop: to hold it would be to
// make others wait.
func closeInherited() {
	for fd := 3; fd < 1024; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// readQuestions brings the rows of each question together; they follow each
// other.
func readQuestions(text []byte) map[uint32]*pipeQuestion {
	questions := map[uint32]*pipeQuestion{}
	for r := bytes.NewReader(text); ; {
		var row asideRow
		if binary.Read(r, binary.NativeEndian, &row) != nil {
			return questions
		}
		q := questions[row.Question]
		if q == nil {
			q = &pipeQuestion{scope: row.Scope, num: row.Num}
			questions[row.Question] = q
		}
		q.holders = append(q.holders, descriptor{row.PID, row.FD})
	}
}

// answerAll asks every pipe. Those where that gets stuck are given up.
func answerAll(questions map[uint32]*pipeQuestion, answer func(asideAnswer)) {
	ids := make([]uint32, 0, len(questions))
	for id := range questions {
		ids = append(ids, id)
	}
	var tried sync.Map
	probe.Guarded(len(ids), runtime.GOMAXPROCS(0), func(t *probe.Task, i int) func() {
		id := ids[i]
		a := pipeAnswer{status: statusSkipped}
		if _, again := tried.Load(id); again {
			a.status = statusStuck
		} else if t.Enter(fillOp, 0) {
			tried.Store(id, true)
			a = questions[id].ask()
			t.Leave()
		}
		return func() { answer(asideAnswer{id, a.status, a.queued, a.capacity}) }
	})
}
