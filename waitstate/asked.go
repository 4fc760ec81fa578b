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

// asked are the objects by which programs may be asked something before another thread goes on.
type asked struct {
	fanotify []*probe.Entry           // groups that decide about opening and reading files
	faults   []*probe.Entry           // userfaultfds of which threads wait for a page
	faultsOf map[int32][]*probe.Entry // by the process that has them
}

// maxAsked is of how many it is told that any of them may be the one that is asked: anybody can make
// more.
const maxAsked = 32

// whoIsAsked looks for them: where there are none, threads need not be asked where they sleep.
func whoIsAsked(list []*probe.Entry) *asked {
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

// decides reports whether a fanotify group is asked for permission (FAN_OPEN_PERM and the like).
func decides(d *model.FanotifyDetail) bool {
	if d.Class == "notif" {
		return false
	}
	return d.Watches == nil || slices.ContainsFunc(d.Watches, func(w model.FanotifyWatch) bool {
		return slices.ContainsFunc(w.Events, func(event string) bool { return strings.HasSuffix(event, "_PERM") || event == "FAN_PRE_ACCESS" })
	})
}

// decodeAsked tells whether the kernel has asked a program something that must be answered before
// the thread goes on with its call, or, without one, with the access to memory that it is at; nil
// if not. Where the thread sleeps is looked at only if there may be such a program.
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
		w.target.Asked, w.asked = model.AskedUserfaultfd, c.faultsOfOwn()
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

// faultsOfOwn are the userfaultfds that the process has itself, as a program does that handles
// the page faults of its own threads; all where it has none.
func (c *caller) faultsOfOwn() []*probe.Entry {
	if own := c.asks.faultsOf[c.proc.PID()]; own != nil {
		return own
	}
	return c.asks.faults
}

// subject is the file that a call is about: the one that it names, or that of its descriptor.
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

// blockedAtFile reports whether the first argument of a call is the descriptor that it is about.
func blockedAtFile(call string) bool {
	switch call {
	case "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2":
		return true
	}
	return false
}

// answers finds the processes that could answer what threads were asked for: those that have the
// object open, or, of system calls that a seccomp filter has others decide about, those that have a
// descriptor for that at all. Whose filter that is the kernel does not tell.
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

// holdersOf are the processes that have a descriptor of which the link is this, in order.
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

// askedObjects names the objects by which an answer is asked for.
func (n *naming) askedObjects() {
	for _, e := range n.thread.asked {
		n.wait.Objects = append(n.wait.Objects, e.Object.ID)
	}
	slices.SortFunc(n.wait.Objects, model.CompareIDs)
	if len(n.wait.Objects) == 1 {
		n.wait.Object, n.wait.Objects = n.wait.Objects[0], nil
	}
}
