package waitstate

import (
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// leaseLock is the type of leases among the locks of a file.
const leaseLock = "lease"

// leases describes waits in open(2) until other processes give up their leases.
type leases struct {
	files map[int][]*probe.Entry // by the process that waits, as the kernel's table of locks lists it below a lease
	limit model.Opt[int64]       // how long the kernel waits before it breaks a lease, ns; 0: for ever
}

// leases reads them, once per scan.
func (r *pass) leases() *leases {
	if r.leaseWaits != nil {
		return r.leaseWaits
	}
	l := &leases{files: map[int][]*probe.Entry{}}
	r.leaseWaits = l
	if n := r.j.Scan.Sysctl(r.out, "fs.lease-break-time"); len(n) == 1 {
		l.limit = model.Some(int64(n[0]) * int64(time.Second))
	}
	for _, e := range r.j.OfKind(model.File) {
		d, ok := e.Object.Detail.(*model.FileDetail)
		if !ok {
			continue
		}
		for i := range d.Locks {
			k := &d.Locks[i]
			if pid, known := k.PID.Get(); known && k.Type == leaseLock && k.Blocked {
				l.files[pid] = append(l.files[pid], e)
			}
		}
	}
	return l
}

// lease finds the file on whose lease a thread waits, and the time limit of that wait.
func (r *pass) lease(w *model.Wait, t *thread) {
	l := r.leases()
	switch limit, known := l.limit.Get(); {
	case known && limit == 0:
		w.Timed = model.Some(false)
	case known:
		w.Timeout = l.limit
	}
	for _, e := range l.files[w.PID] {
		if e.Object.Path == t.target.Path {
			w.Object = e.Object.ID
		}
	}
	if found := l.files[w.PID]; w.Object == "" && len(found) == 1 { // opened by another name
		w.Object = found[0].Object.ID
	}
}
