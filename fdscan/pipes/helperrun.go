package pipes

import (
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/probe"
)

// RunHelper returns at once in an ordinary process. In a process that ipctop started as its
// helper, it asks pipes and never returns. The name alone does not make a process a helper: it
// must also have a socket whose other end its parent made. Programs that set
// [probe.Options].Helper to themselves call it before anything else.
func RunHelper() {
	if os.Args[0] != probe.HelperName {
		return
	}
	if !isHelper() {
		// Its parent has ended already, or was never an ipctop. If it went on as ipctop, it would
		// start the next helper, whose parent may end just as soon: an endless chain of processes.
		unix.Exit(1)
	}
	_ = os.WriteFile("/proc/self/comm", []byte(probe.HelperName), 0) // else its name is "exe"
	closeInherited()
	// A user who has started a set-user-ID program may stop and end it, as long as one of its ids is
	// the user's.
	if euid := os.Geteuid(); euid != os.Getuid() {
		_ = syscall.Setresuid(euid, euid, euid)
	}
	if err := checkParent(); err != nil {
		unix.Exit(1) // the probe does not learn the reason
	}
	link := os.NewFile(helperSocket, "ipctop")
	out := &answerWriter{w: link}
	var text []byte
	for {
		var err error
		if text, err = readBatch(link, text); err != nil {
			unix.Exit(0) // no process asks any more
		}
		done := out.flushOften()
		questions, ids := parseQuestions(text)
		answerAll(questions, func(i int, a pipeAnswer) { out.write(ids[i], a) })
		out.write(batchEnd, pipeAnswer{})
		out.flush()
		done()
	}
}

// closeInherited closes descriptors that a shell left open in ipctop: if the
// helper held them, other processes could wait for it.
func closeInherited() {
	for fd := 3; fd < 1024; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// answerWriter sends many answers at a time: one write for each would wake
// ipctop for each.
type answerWriter struct {
	w   io.Writer
	mu  sync.Mutex
	buf []byte
}

const answersAtOnce = 512 * helperAnswerSize

func (w *answerWriter) write(id uint32, a pipeAnswer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = appendAnswer(w.buf, id, a)
	if len(w.buf) >= answersAtOnce {
		w.send()
	}
}

func (w *answerWriter) send() {
	_, _ = w.w.Write(w.buf) // if this fails, there is no process to report it to
	w.buf = w.buf[:0]
}

func (w *answerWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send()
}

// flushOften sends answers regularly, so that they do not wait for a question
// that is stuck. It ends when done is called.
func (w *answerWriter) flushOften() (done func()) {
	tick := time.NewTicker(guard.Deadline / 10)
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				w.flush()
			case <-ended:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(ended)
	}
}

// answerAll asks every pipe, one after the other, so that there is only one duplicate
// at a time. If asking a pipe gets stuck, that pipe is given up and the others are
// asked on another thread.
func answerAll(questions []pipeQuestion, answer func(i int, a pipeAnswer)) {
	const (
		open = iota
		asked
		answered
	)
	state := make([]atomic.Int32, len(questions))
	groups := byProcess(questions)
	const oneAtATime = 1
	g := guard.New().WithAccounts(probe.NewAccounts("/proc").Of)
	g.Each(len(groups), oneAtATime, func(i int) guard.Item { return guard.Item{Key: i} }, func(t *guard.Task, n int) func() {
		var p querier
		defer p.close()
		for _, i := range groups[n] {
			a := pipeAnswer{status: statusSkipped}
			switch {
			case state[i].Load() == answered:
				continue
			case !state[i].CompareAndSwap(open, asked):
				a.status = statusStuck // an earlier attempt asked this and did not finish
			case t.BeginFor(guard.Item{Key: &questions[i], Owner: questions[i].owner}, fillOp, 0):
				a = questions[i].query(&p)
				t.End()
			}
			if state[i].CompareAndSwap(asked, answered) {
				answer(i, a)
			}
		}
		return nil
	})
}

// maxGroup bounds the questions that a thread takes at a time, so that if one
// process has most of the pipes, the other threads are not idle.
const maxGroup = 256

// byProcess groups questions by the process that is asked first.
func byProcess(questions []pipeQuestion) [][]int {
	order := make([]int, len(questions))
	for i := range order {
		order[i] = i
	}
	first := func(i int) int32 { return questions[i].holders[0].pid }
	slices.SortStableFunc(order, func(a, b int) int { return int(first(a)) - int(first(b)) })
	var groups [][]int
	for len(order) > 0 {
		n := 1
		for n < len(order) && n < maxGroup && first(order[n]) == first(order[0]) {
			n++
		}
		groups = append(groups, order[:n])
		order = order[n:]
	}
	return groups
}
