package pipes

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// busyError says why a pipe is not asked.
type busyError struct {
	pid, tid int
	wchan    string
}

func (e *busyError) Error() string {
	return fmt.Sprintf("thread %d of process %d may hold the pipe's mutex while it is blocked in %s: it is not asked", e.tid, e.pid, e.wchan)
}

// Unwrap makes the error a timeout, which asking would have been.
func (e *busyError) Unwrap() error { return guard.ErrGivenUp }

// pipeArg is an argument of a system call that may be a pipe, and whether the call
// writes to it.
type pipeArg struct {
	index int
	write bool
}

// pipeCalls are the system calls that work on a pipe with its mutex held. The
// effect of vmsplice(2) depends on which end it is given.
var pipeCalls = map[uint64][]pipeArg{
	unix.SYS_READ: {{0, false}}, unix.SYS_READV: {{0, false}}, unix.SYS_PREADV2: {{0, false}},
	unix.SYS_WRITE: {{0, true}}, unix.SYS_WRITEV: {{0, true}}, unix.SYS_PWRITEV2: {{0, true}},
	unix.SYS_VMSPLICE: {{0, true}}, unix.SYS_SENDFILE: {{0, true}},
	unix.SYS_TEE: {{0, false}, {1, true}}, unix.SYS_SPLICE: {{0, false}, {2, true}},
}

// writesPipe reports whether a call may write to a pipe.
func writesPipe(number int) bool {
	return slices.ContainsFunc(pipeCalls[uint64(number)], func(a pipeArg) bool { return a.write })
}

// pipeWaitFunctions are the kernel functions in which a thread waits for data or space
// in a pipe after releasing its mutex (/proc/PID/wchan; names since Linux 3.0),
// and those in which it is stopped before or after the call.
var pipeWaitFunctions = map[string]bool{
	"anon_pipe_read": true, "anon_pipe_write": true, "fifo_pipe_read": true, "fifo_pipe_write": true,
	"pipe_read": true, "pipe_write": true, "pipe_wait": true, "pipe_wait_readable": true, "pipe_wait_writable": true,
	"wait_for_partner": true, "wait_for_space": true, "ipipe_prep": true, "opipe_prep": true,
	"ptrace_stop": true, "do_signal_stop": true, "do_freezer_trap": true, "get_signal": true, "0": true, "": true,
}

// pipeSleeper is a thread that sleeps in a call on a pipe.
type pipeSleeper struct {
	pipe  *probe.Entry
	proc  *model.Process
	tid   int
	fd    int32
	write bool
	call  string // its syscall line
	wchan string // the kernel function it sleeps in; "" if that is one of pipeWaitFunctions
}

// busyPipes finds the pipes on which a thread works that sleeps anywhere but in
// pipeWaitFunctions. It does not notice a descriptor that another thread closed
// meanwhile, or io_uring: it spares ipctop most of the calls that could get
// stuck, not all. written are the pipes to which some thread sleeps in a call to
// write, anywhere. If writes is set, only these are looked at.
func busyPipes(idx *probe.Index, pipes []*probe.Entry, earlier *earlierSleepers, writes bool) (busy map[probe.Key]error, written map[*probe.Entry]bool) {
	sleepers := pipeSleepers(idx, pipes, earlier, writes)
	written = map[*probe.Entry]bool{}
	var suspects []pipeSleeper
	for _, s := range sleepers {
		if s.write {
			written[s.pipe] = true
		}
		if s.wchan != "" {
			suspects = append(suspects, s)
		}
	}
	if len(suspects) == 0 {
		return nil, written
	}
	// A thread that only had to wait a moment is elsewhere now.
	time.Sleep(2 * time.Millisecond)
	busy = map[probe.Key]error{}
	buf := make([]byte, 256)
	for _, s := range suspects {
		dir := proc.TaskDir(idx.Scan.ProcRoot, s.proc.PID, s.tid)
		call, err := proc.ReadSmall(dir+"/syscall", buf)
		if err != nil || string(call) != s.call {
			continue
		}
		if wchan, err := proc.ReadSmall(dir+"/wchan", buf); err == nil && string(wchan) == s.wchan {
			busy[s.pipe.Key] = &busyError{s.proc.PID, s.tid, s.wchan}
		}
	}
	return busy, written
}

// earlierSleepers are the threads that slept in calls on pipes in an earlier
// scan. If the process has not run since, they still do.
type earlierSleepers struct {
	byPID map[int]processSleepers
}

type processSleepers struct {
	ticks uint64
	scan  int
	list  []pipeSleeper
}

// pipeSleepers finds the threads that sleep in calls on pipes, but not in pipeWaitFunctions. If
// writes is set, it finds all that sleep in calls that write.
func pipeSleepers(idx *probe.Index, pipes []*probe.Entry, earlier *earlierSleepers, writes bool) []pipeSleeper {
	if earlier.byPID == nil {
		earlier.byPID = map[int]processSleepers{}
	}
	var list []*model.Process
	seen := map[int32]bool{}
	for _, e := range pipes {
		for i := range e.Holders {
			h := &e.Holders[i]
			if p := idx.Processes[h.PID]; !seen[h.PID] && h.FD.Known() && p != nil && !p.Self &&
				(!writes || slices.ContainsFunc(idx.Scan.Calls(h.PID), writesPipe)) {
				list = append(list, p)
			}
			seen[h.PID] = true
		}
	}
	at := map[descriptor][]pipeSleeper{}
	take := func(p *model.Process, list []pipeSleeper) {
		for _, s := range list {
			if s.wchan == "" && !writes {
				continue // it waits for the pipe
			}
			s.proc = p
			d := descriptor{int32(p.PID), s.fd}
			at[d] = append(at[d], s)
		}
	}
	list = slices.DeleteFunc(list, func(p *model.Process) bool {
		known, ok := earlier.byPID[p.PID]
		if !ok || known.ticks != p.StartTicks || idx.Since(int32(p.PID)) > known.scan {
			return false
		}
		take(p, known.list)
		return true
	})
	idx.EachProcess(list, func(t *guard.Task, p *probe.Proc) func() {
		sleepers, whole := sleepersOf(t, p, writes)
		return func() {
			take(p.Model, sleepers)
			if whole {
				earlier.byPID[p.Model.PID] = processSleepers{p.Model.StartTicks, idx.Number(), sleepers}
			}
		}
	}, func(*model.Process, error) {})
	maps.DeleteFunc(earlier.byPID, func(pid int, _ processSleepers) bool { return idx.Processes[int32(pid)] == nil })
	if len(at) == 0 {
		return nil
	}
	var found []pipeSleeper
	for _, e := range pipes {
		for i := range e.Holders {
			fd, _ := e.Holders[i].FD.Get()
			for _, s := range at[descriptor{e.Holders[i].PID, fd}] {
				s.pipe = e
				found = append(found, s)
			}
		}
	}
	return found
}

// sleepersOf finds the threads of a process that sleep in calls that can work on
// pipes, if their arguments are pipes. whole reports whether nothing is missing.
func sleepersOf(t *guard.Task, p *probe.Proc, writes bool) (list []pipeSleeper, whole bool) {
	threads := p.Model.AllThreads()
	whole = true
	var line, wchan [256]byte
	for i := range threads {
		if s := threads[i].State; s != "S" && s != "D" {
			continue
		}
		tid := threads[i].TID
		if !t.Begin("syscall", int32(tid)) {
			whole = false
			continue
		}
		dir := "task/" + strconv.Itoa(tid)
		text, err := p.Dir.ReadRecord(dir+"/syscall", line[:0])
		t.End()
		if err != nil {
			if proc.ReasonOf(err) == model.Denied {
				break // it is denied for the other threads of the process, too
			}
			continue
		}
		for _, u := range pipesInCall(text) {
			if writes && !u.write {
				continue
			}
			s := pipeSleeper{proc: p.Model, tid: tid, fd: u.fd, write: u.write, call: string(text)}
			if where, err := p.Dir.ReadRecord(dir+"/wchan", wchan[:0]); err == nil && !pipeWaitFunctions[string(proc.PlainSymbol(where))] {
				s.wchan = string(where)
			}
			list = append(list, s)
		}
	}
	return list, whole
}

// pipeUse is a descriptor that a call may be using as a pipe.
type pipeUse struct {
	fd    int32
	write bool
}

// pipesInCall reads /proc/PID/task/TID/syscall (proc_pid_syscall(5)) and returns
// the descriptors that the call may be using as pipes.
func pipesInCall(text []byte) []pipeUse {
	f := bytes.Fields(text)
	if len(f) < 7 {
		return nil // running, or in no system call
	}
	nr, err := strconv.ParseUint(string(f[0]), 10, 64)
	if err != nil {
		return nil
	}
	var uses []pipeUse
	for _, a := range pipeCalls[nr] {
		if fd, err := strconv.ParseUint(string(f[1+a.index]), 0, 64); err == nil {
			uses = append(uses, pipeUse{int32(fd), a.write})
		}
	}
	return uses
}
