package waitstate

import (
	"bytes"
	"context"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// kernelAdds finds out, for threads that wait at an eventfd which only their own process holds,
// whether a part of the kernel may add to it: io_uring and AIO to report finished operations, KVM
// and VFIO to report a guest's or device's notification. They hold the eventfd without a
// descriptor, but a process that uses them has their memory mapped.
func (r *pass) kernelAdds(ctx context.Context, x *index) {
	byPID := map[int][]*thread{}
	var list []*model.Process
	for _, t := range r.threads {
		if !t.same || t.known || !r.atOwnCounter(x, t) {
			continue
		}
		if byPID[t.proc.PID] == nil {
			list = append(list, t.proc)
		}
		byPID[t.proc.PID] = append(byPID[t.proc.PID], t)
	}
	r.j.EachProcess(list, func(task *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil || !task.Begin("maps", 0) {
			return nil
		}
		part, m := "", proc.MapsEntry{}
		err := p.Dir.SharedMappings("maps", &m, make([]byte, 4200), func() {
			if s := kernelPart(m.Name); s != "" {
				part = s
			}
		})
		task.End()
		return func() {
			for _, t := range byPID[p.Model.PID] {
				t.kernel, t.partial = part, t.partial || err != nil
			}
		}
	}, func(p *model.Process, _ error) {
		for _, t := range byPID[p.PID] {
			t.partial = true
		}
	})
}

// atOwnCounter reports whether a thread waits at an eventfd that no other process holds.
func (r *pass) atOwnCounter(x *index, t *thread) bool {
	if len(t.fds) != 1 || t.set {
		return false
	}
	e := x.descriptor(t, t.fds[0].fd)
	if e == nil || e.Object.Kind != model.Eventfd {
		return false
	}
	for i := range e.Holders {
		if int(e.Holders[i].PID) != t.proc.PID {
			return false
		}
	}
	return true
}

// kernelPart names the part of the kernel to which a mapping belongs; "" if it is not one that
// adds to eventfds.
func kernelPart(name []byte) string {
	for _, k := range []struct{ prefix, part string }{
		{"anon_inode:[io_uring]", "io_uring"}, {"/[aio]", "AIO"}, {"anon_inode:kvm-", "KVM"}, {"anon_inode:[vfio", "VFIO"}, {"/dev/vfio/", "VFIO"},
	} {
		if bytes.HasPrefix(name, []byte(k.prefix)) {
			return k.part
		}
	}
	return ""
}
