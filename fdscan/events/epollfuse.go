package events

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// To find out whether a file on FUSE is ready, the kernel asks its server while it
// holds the epoll instance's mutex. While the server does not answer, reading
// fdinfo of such an instance blocks as well, beyond the reach of SIGKILL; a program
// with a thread in there cannot even end. So if FUSE is used, ipctop first looks
// whether a thread waits for a server.

// holdEpoll emits a descriptor of an epoll instance without reading its watches.
func holdEpoll(fd *probe.FD, out *probe.Collector) {
	k, o := epollClass.identify(fd)
	o.Detail = new(model.EpollDetail)
	h := fd.Holder()
	h.Access = fd.Access()
	out.AddHolder(k, h)
	out.Object(k, o)
}

// readHeldEpolls reads the watches of instances that were not asked before.
func readHeldEpolls(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	var list []*probe.Entry
	for _, e := range idx.In(epollClass.byDescription) {
		d, ok := e.Object.Detail.(*model.EpollDetail)
		if !ok || d.Watches != nil || len(e.Holders) == 0 {
			continue
		}
		if p := idx.Processes[e.Holders[0].PID]; p != nil && idx.Scan.SeesFUSE(p) {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return
	}
	stuck := servedAndWaiting(idx)
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		for i := range e.Holders {
			if err := stuck[e.Holders[i].PID]; err != nil {
				return func() {
					out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: int(e.Holders[i].PID), Object: e.Object.ID, Op: "fdinfo", Detail: err.Error()})
				}
			}
		}
		text, err := probe.QueryHolders(idx, t, e, probe.OpInfo, func(h *model.Holder, fd int32) ([]byte, error) {
			text, err := os.ReadFile(probe.HolderPath(idx.Scan.ProcRoot, h, "fdinfo", fd))
			if err == nil && !idx.Same(h.PID) {
				err = os.ErrNotExist
			}
			return text, err
		})
		var d model.Detail
		if err == nil {
			d, err = parseEpoll(text)
		}
		return func() {
			if d != nil {
				e.Object.Detail = d
			}
			if err != nil && !proc.Gone(err) {
				out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: int(e.Holders[0].PID), Object: e.Object.ID, Op: "fdinfo", Detail: err.Error()})
			}
		}
	})
}

// servedAndWaiting finds the processes that have a file on FUSE open and a thread
// that waits for a server. The errors are the reason not to read their epoll
// instances.
func servedAndWaiting(idx *probe.Index) map[int32]error {
	devs := idx.Scan.FUSEDevices()
	open := map[int32]bool{}
	for _, list := range [][]*probe.Entry{idx.Unclaimed(probe.Files), idx.In(probe.Files)} {
		for _, e := range list {
			if !devs[e.Key.Scope] {
				continue
			}
			for i := range e.Holders {
				open[e.Holders[i].PID] = true
			}
		}
	}
	look := func(of map[int32]error) map[int32]error {
		stuck := map[int32]error{}
		for pid := range of {
			if err := waitsForServer(idx.Scan.ProcRoot, idx.Processes[pid]); err != nil {
				stuck[pid] = err
			}
		}
		return stuck
	}
	all := map[int32]error{}
	for pid := range open {
		all[pid] = nil
	}
	stuck := look(all)
	if len(stuck) > 0 {
		// A thread that gets an answer soon is elsewhere now.
		time.Sleep(2 * time.Millisecond)
		stuck = look(stuck)
	}
	return stuck
}

// waitsForServer returns an error that names the thread of a process that waits
// for a FUSE server (/proc/PID/task/TID/wchan); nil if none does.
func waitsForServer(procRoot string, p *model.Process) error {
	if p == nil || p.Self {
		return nil
	}
	threads := p.AllThreads()
	buf := make([]byte, 256)
	for i := range threads {
		wchan, err := proc.ReadSmall(proc.TaskDir(procRoot, p.PID, threads[i].TID)+"/wchan", buf)
		if name := string(proc.PlainSymbol(wchan)); err == nil && (name == "request_wait_answer" || strings.HasPrefix(name, "fuse_") || strings.HasPrefix(name, "__fuse_")) {
			return &servedError{p.PID, threads[i].TID, name}
		}
	}
	return nil
}

// servedError says why an epoll instance is not read.
type servedError struct {
	pid, tid int
	wchan    string
}

func (e *servedError) Error() string {
	return fmt.Sprintf("thread %d of process %d waits for the server of a file system (%s) and may hold the mutex: it is not asked", e.tid, e.pid, e.wchan)
}

// Unwrap makes the error a timeout, which reading would have been.
func (e *servedError) Unwrap() error { return guard.ErrGivenUp }
