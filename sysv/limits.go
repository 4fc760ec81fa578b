package sysv

import (
	"os"
	"unsafe"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// usage is how much of a mechanism's limits one namespace uses.
type usage struct {
	objects, total model.Opt[int64]
	// estimated: counted in a list, from which some may have been missing
	estimated bool
}

// usage asks the kernel for its own count, which it compares with the limits. If
// that fails, it counts the text's objects; add returns what an object adds to
// the total.
func (m *mechanism) usage(ns probe.NS, add func(r *record) int64) usage {
	if l := m.listing; l != nil {
		var buf ctlBuffer
		if _, errno := l.info(unsafe.Pointer(&buf)); errno == 0 {
			u := usage{objects: model.Some(int64(l.used(unsafe.Pointer(&buf))))}
			if l.total != nil {
				u.total = model.Some(l.total(unsafe.Pointer(&buf)))
			}
			return u
		}
	}
	var out probe.Collector // Table reports what is wrong with the text
	records, err := m.text(ns, &out)
	if err != nil {
		return usage{}
	}
	return count(records, add)
}

func count(records []record, add func(r *record) int64) usage {
	u := usage{objects: model.Some(int64(len(records))), estimated: true}
	if add != nil {
		var sum int64
		for i := range records {
			sum += add(&records[i])
		}
		u.total = model.Some(sum)
	}
	return u
}

// limit emits one bound of the namespace.
func limit(ns probe.NS, out *probe.Collector, kind model.Kind, name, unit string, n uint64, used model.Opt[int64], estimated bool) {
	l := probe.NewLimit(kind, name, unit, n)
	l.Scope, l.Used, l.Estimated = ns.LimitScope(), used, estimated && used.Known()
	out.Limit(l)
}

// limits emits the bounds of a mechanism that have their own sysctl file. The
// first one bounds the number of objects.
func (m *mechanism) limits(ns probe.NS, out *probe.Collector, u usage, files ...[2]string) {
	for i, f := range files {
		n := ns.Scan.Sysctl(out, f[0])
		if len(n) == 0 {
			continue
		}
		var used model.Opt[int64]
		if i == 0 {
			used = u.objects
		}
		limit(ns, out, m.kind, f[0], f[1], n[0], used, u.estimated)
	}
}

func msgLimits(ns probe.NS, out *probe.Collector) {
	msgMechanism.limits(ns, out, msgMechanism.usage(ns, nil),
		[2]string{"kernel.msgmni", "queues"},
		[2]string{"kernel.msgmnb", "bytes per new queue"},
		[2]string{"kernel.msgmax", "bytes per message"})
}

// semLimits reads the four numbers of kernel.sem (proc_sys_kernel(5)), which have
// names only in semctl(2).
func semLimits(ns probe.NS, out *probe.Collector) {
	n := ns.Scan.Sysctl(out, "kernel.sem")
	if len(n) < 4 {
		return
	}
	u := semMechanism.usage(ns, func(r *record) int64 { return r.opt(colSems).Or(0) })
	var unknown model.Opt[int64]
	limit(ns, out, model.SysvSem, "kernel.sem.semmsl", "semaphores per set", n[0], unknown, false)
	limit(ns, out, model.SysvSem, "kernel.sem.semmns", "semaphores", n[1], u.total, u.estimated)
	limit(ns, out, model.SysvSem, "kernel.sem.semopm", "operations per call", n[2], unknown, false)
	limit(ns, out, model.SysvSem, "kernel.sem.semmni", "sets", n[3], u.objects, u.estimated)
}

func shmLimits(ns probe.NS, out *probe.Collector) {
	page := int64(os.Getpagesize())
	u := shmMechanism.usage(ns, func(r *record) int64 { return (r.opt(colBytes).Or(0) + page - 1) / page })
	shmMechanism.limits(ns, out, u,
		[2]string{"kernel.shmmni", "segments"},
		[2]string{"kernel.shmmax", "bytes per segment"})
	if n := ns.Scan.Sysctl(out, "kernel.shmall"); len(n) > 0 {
		limit(ns, out, model.SysvShm, "kernel.shmall", "pages", n[0], u.total, u.estimated)
	}
}
