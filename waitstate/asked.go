package waitstate

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// asked are the objects through which the kernel may ask a program something before a thread continues.
type asked struct {
	fanotify []*probe.Entry           // groups that decide about opening and reading files
	faults   []*probe.Entry           // userfaultfds with threads that wait for a page
	faultsOf map[int32][]*probe.Entry // … by the process that holds them
}

// maxAsked is the largest number of objects that are listed as possibly asked; any user can make
// more.
const maxAsked = 32

// findAsked collects these objects. If there are none, wchan of the threads need not be read.
func findAsked(list []*probe.Entry) *asked {
	a := &asked{faultsOf: map[int32][]*probe.Entry{}}
	for _, e := range list {
		switch d := e.Object.Detail.(type) {
		case *model.FanotifyDetail:
			if decides(d) {
				a.fanotify = append(a.fanotify, e)
			}
		case *model.UserfaultfdDetail:
			if d.Total.Or(1) == 0 {
				continue
			}
			a.faults = append(a.faults, e)
			for i := range e.Holders {
				pid := e.Holders[i].PID
				if list := a.faultsOf[pid]; len(list) == 0 || list[len(list)-1] != e {
					a.faultsOf[pid] = append(list, e)
				}
			}
		}
	}
	return a
}

// decides reports whether a fanotify group gets permission events (FAN_OPEN_PERM and the like).
func decides(d *model.FanotifyDetail) bool {
	if d.Class == "notif" {
		return false
	}
	return d.Watches == nil || slices.ContainsFunc(d.Watches, func(w model.FanotifyWatch) bool {
		return slices.ContainsFunc(w.Events, func(event string) bool { return strings.HasSuffix(event, "_PERM") || event == "FAN_PRE_ACCESS" })
	})
}

// decodeAsked returns a wait if the kernel has asked a program something and the thread must wait for
// the answer, in a system call or in a page fault; else nil. It reads where the thread sleeps (wchan)
// only if there may be such a program.
func (c *caller) decodeAsked(name string) *waiting {
	if c.asks == nil {
		return nil
	}
	_, file := fileCalls[name]
	file = file || name == "" || name == "connect" || strings.HasPrefix(name, "open")
	if !file && len(c.asks.fanotify)+len(c.asks.faults) == 0 {
		return nil
	}
	w := &waiting{call: name, needs: model.NeedsAnswer}
	switch c.wchan() {
	case "fanotify_handle_event", "fanotify_get_response":
		w.target.Asked, w.asked = model.AskedFanotify, c.asks.fanotify
	case "handle_userfault":
		w.target.Asked, w.asked = model.AskedUserfaultfd, c.ownFaults()
	case "seccomp_do_user_notification", "__seccomp_filter":
		w.target.Asked = model.AskedSeccomp
	default:
		return nil
	}
	if len(w.asked) > maxAsked {
		w.asked = nil
	}
	switch {
	case c.line.state == outside:
		w.call = "page fault"
	case name == "":
		w.call = "system call " + itoa(c.line.number)
	default:
		c.subject(w)
	}
	return w
}

// ownFaults returns the userfaultfds of the process itself: a program may handle the page faults
// of its own threads. If it has none, all are returned.
func (c *caller) ownFaults() []*probe.Entry {
	if own := c.asks.faultsOf[c.proc.PID()]; own != nil {
		return own
	}
	return c.asks.faults
}

// subject notes the file that a call is about: the path that it names, or the file of its descriptor.
func (c *caller) subject(w *waiting) {
	args := c.line.args
	switch at, ok := fileCalls[w.call]; {
	case w.call == "open":
		w.target.Path, _ = c.absolute(unix.AT_FDCWD, c.path(args[0]))
	case strings.HasPrefix(w.call, "open"):
		w.target.Path, _ = c.absolute(c.line.fd(0), c.path(args[1]))
	case ok && at.path >= 0:
		dir := int32(unix.AT_FDCWD)
		if at.dir >= 0 {
			dir = c.line.fd(at.dir)
		}
		w.target.Path, _ = c.absolute(dir, c.path(args[at.path]))
	case blockedAtFile(w.call) || ok:
		fd := c.line.fd(0)
		w.target.FD = model.Some(int(fd))
		if link, err := c.proc.Dir.Readlink("task/" + itoa(c.tid) + "/fd/" + itoa(int(fd))); err == nil {
			w.target.Path = link
		}
	}
}

// blockedAtFile reports whether the first argument of a call is the descriptor that it reads or writes.
func blockedAtFile(call string) bool {
	switch call {
	case "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2":
		return true
	}
	return false
}

// answers finds the processes that could answer the kernel's questions: those that have the object
// open. For system calls about which a seccomp filter lets another process decide, these are all
// processes with a seccomp notify descriptor: the kernel does not show whose filter it is.
func (r *pass) answers(ctx context.Context) {
	var deciders []int
	found := false
	for _, t := range r.threads {
		switch {
		case t.target.Asked == model.AskedSeccomp:
			if !found {
				deciders, found = r.holdersOf(ctx, seccompNotify), true
			}
			t.target.Servers = deciders
		case t.target.Asked != "":
			var pids []int
			for _, e := range t.asked {
				for i := range e.Holders {
					if pid := int(e.Holders[i].PID); pid != 0 {
						pids = append(pids, pid)
					}
				}
			}
			slices.Sort(pids)
			t.target.Servers = slices.Compact(pids)
		}
	}
}

const seccompNotify = "anon_inode:seccomp notify"

// holdersOf returns the pids of the processes that have a descriptor with this link target, sorted.
func (r *pass) holdersOf(ctx context.Context, link string) []int {
	pids := []int{}
	r.j.EachProcess(r.programs(), func(_ *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil {
			return nil
		}
		dir, err := p.Dir.Open("fd")
		if err != nil {
			return nil
		}
		defer dir.Close()
		has := false
		_ = dir.Each(make([]byte, 32<<10), func(e proc.Entry) bool {
			if fd, ok := e.Number(); ok {
				to, err := dir.Readlink(itoa(fd))
				has = err == nil && to == link
			}
			return !has
		})
		return func() {
			if has {
				pids = append(pids, p.Model.PID)
			}
		}
	}, func(*model.Process, error) {})
	slices.Sort(pids)
	return pids
}

// askedObjects names in the wait the objects through which the kernel asks.
func (n *naming) askedObjects() {
	for _, e := range n.thread.asked {
		n.wait.Objects = append(n.wait.Objects, e.Object.ID)
	}
	slices.SortFunc(n.wait.Objects, model.CompareIDs)
	if len(n.wait.Objects) == 1 {
		n.wait.Object, n.wait.Objects = n.wait.Objects[0], nil
	}
}
