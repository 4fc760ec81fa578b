package fdscan

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// busyError says why a pipe is not asked.
type busyError struct {
	pid, tid int
	wchan    string
}

func (e *busyError) Error() string {
	return fmt.Sprintf("thread %d of process %d may hold the pipe's mutex while it is blocked in %s: it is not asked", e.tid, e.pid, e.wchan)
}

// Unwrap makes it a timeout, which it would have been.
func (e *busyError) Unwrap() error { return probe.ErrGivenUp }

// pipeCalls are the system calls that work on a pipe with its mutex held, with
// which of their arguments are descriptors.
var pipeCalls = map[uint64][]int{
	unix.SYS_READ: {0}, unix.SYS_READV: {0}, unix.SYS_PREADV2: {0},
	unix.SYS_WRITE: {0}, unix.SYS_WRITEV: {0}, unix.SYS_PWRITEV2: {0},
	unix.SYS_VMSPLICE: {0}, unix.SYS_TEE: {0, 1}, unix.SYS_SENDFILE: {0}, unix.SYS_SPLICE: {0, 2},
}

// restfulWaits are the places where a thread waits for data or space in a pipe
// and has let go of its mutex (/proc/PID/wchan; names since Linux 3.0), and those
// where it is stopped before or after the call.
var restfulWaits = map[string]bool{
	"anon_pipe_read": true, "anon_pipe_write": true, "fifo_pipe_read": true, "fifo_pipe_write": true,
	"pipe_read": true, "pipe_write": true, "pipe_wait": true, "pipe_wait_readable": true, "pipe_wait_writable": true,
	"wait_for_partner": true, "wait_for_space": true, "ipipe_prep": true, "opipe_prep": true,
	"ptrace_stop": true, "do_signal_stop": true, "do_freezer_trap": true, "get_signal": true, "0": true, "": true,
}

// asleep is where a thread sleeps, in a call on a pipe.
type asleep struct {
	pipe        *probe.Joint
	pid, tid    int
	call, wchan string
}

// busyPipes finds the pipes on which a thread works that has been put to sleep
// elsewhere than where one waits for a pipe. Another thread that closed the
// descriptor meanwhile, or io_uring, hide from it: it spares ipctop most of
// what could get stuck, not all. callers are the pipes in calls on which somebody
// sleeps, wherever.
func busyPipes(procRoot string, processes map[int32]*model.Process, pipes []*probe.Joint) (busy map[probe.Key]error, callers map[*probe.Joint]bool) {
	callers = map[*probe.Joint]bool{}
	of := map[descriptor]*probe.Joint{}
	pids := map[int32]bool{}
	for _, e := range pipes {
		for i := range e.Holders {
			if fd, ok := e.Holders[i].FD.Get(); ok {
				of[descriptor{e.Holders[i].PID, fd}] = e
				pids[e.Holders[i].PID] = true
			}
		}
	}
	var suspects []asleep
	buf := make([]byte, 256)
	for pid := range pids {
		if p := processes[pid]; p != nil && !p.Self {
			suspects = append(suspects, sleepersOf(procRoot, p, of, callers, buf)...)
		}
	}
	if len(suspects) == 0 {
		return nil, callers
	}
	// Whoever merely had to wait a moment is elsewhere by now.
	time.Sleep(2 * time.Millisecond)
	busy = map[probe.Key]error{}
	for _, s := range suspects {
		dir := taskDir(procRoot, s.pid, s.tid)
		call, err := readSmall(dir+"/syscall", buf)
		if err != nil || string(call) != s.call {
			continue
		}
		if wchan, err := readSmall(dir+"/wchan", buf); err == nil && string(wchan) == s.wchan {
			busy[s.pipe.Key] = &busyError{s.pid, s.tid, s.wchan}
		}
	}
	return busy, callers
}

// sleepersOf finds the threads of a process that sleep in calls on pipes, but not
// where one waits for a pipe. All that sleep are noted in callers.
func sleepersOf(procRoot string, p *model.Process, of map[descriptor]*probe.Joint, callers map[*probe.Joint]bool, buf []byte) []asleep {
	threads := p.ThreadList
	if len(threads) == 0 {
		threads = []model.Thread{{TID: p.PID, State: p.State}}
	}
	var list []asleep
	for i := range threads {
		if s := threads[i].State; s != "S" && s != "D" {
			continue
		}
		dir := taskDir(procRoot, p.PID, threads[i].TID)
		text, err := readSmall(dir+"/syscall", buf)
		if err != nil {
			if probe.ReasonOf(err) == model.Denied {
				break // and so are the other threads of the process
			}
			continue
		}
		for _, fd := range pipesInCall(text) {
			e := of[descriptor{int32(p.PID), fd}]
			if e == nil {
				continue
			}
			callers[e] = true
			call := string(text)
			if wchan, err := readSmall(dir+"/wchan", buf); err == nil && !restfulWaits[string(plainSymbol(wchan))] {
				list = append(list, asleep{e, p.PID, threads[i].TID, call, string(wchan)})
			}
			break
		}
	}
	return list
}

func taskDir(procRoot string, pid, tid int) string {
	return procRoot + "/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(tid)
}

// pipesInCall reads /proc/PID/task/TID/syscall (proc_pid_syscall(5)) and returns
// the descriptors that the call may hold as pipes.
func pipesInCall(text []byte) []int32 {
	f := bytes.Fields(text)
	if len(f) < 7 {
		return nil // running, or in no system call
	}
	nr, err := strconv.ParseUint(string(f[0]), 10, 64)
	if err != nil {
		return nil
	}
	var fds []int32
	for _, i := range pipeCalls[nr] {
		if fd, err := strconv.ParseUint(string(f[1+i]), 0, 64); err == nil {
			fds = append(fds, int32(fd))
		}
	}
	return fds
}

// plainSymbol takes off what compilers append: ".constprop.0", ".isra.0".
func plainSymbol(name []byte) []byte {
	plain, _, _ := bytes.Cut(name, []byte("."))
	return plain
}
