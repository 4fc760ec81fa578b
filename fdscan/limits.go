package fdscan

import (
	"context"
	"iter"
	"os"
	"reflect"
	"slices"

	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// Limits reads the bounds on what is behind descriptors. Some bounds are shared
// by a user's objects, perhaps of several kinds. These objects are counted when
// all are known, so this probe must come after the readers of those kinds.
func Limits() probe.Probe {
	return probe.Probe{Name: "fd-limits", Scope: "net", Limits: fdLimits, Complete: func(ctx context.Context, idx *probe.Index, out *probe.Collector) {
		if !idx.Scan.WaitsOnly() {
			userLimits(ctx, idx, out)
		}
	}}
}

// fdLimits emits the bounds on each single object, and on the machine.
func fdLimits(ns probe.NS, out *probe.Collector) {
	var unknown model.Opt[int64]
	s := ns.Scan
	s.SysctlLimit(out, model.TCP, "net.core.somaxconn", "connections per listener", ns.LimitScope(), unknown)
	s.SysctlLimit(out, model.Unix, "net.unix.max_dgram_qlen", "datagrams per socket", ns.LimitScope(), unknown)
	if !ns.Own {
		return // the other limits are the machine's
	}
	s.SysctlLimit(out, model.Pipe, "fs.pipe-max-size", "bytes per pipe", nil, unknown)
	s.SysctlLimit(out, model.Inotify, "fs.inotify.max_queued_events", "events per instance", nil, unknown)
	var open model.Opt[int64]
	if n := s.Sysctl(out, "kernel.pty.nr"); len(n) > 0 {
		open = model.Some(int64(n[0]))
	}
	s.SysctlLimit(out, model.Pty, "kernel.pty.max", "terminals", nil, open)
	// That many terminals are reserved for the first devpts: containers, which
	// mount their own, reach the limit that much earlier.
	s.SysctlLimit(out, model.Pty, "kernel.pty.reserve", "terminals kept for the host", nil, unknown)
}

// userLimit is a bound on what each user may have.
type userLimit struct {
	name, unit string
	kind       model.Kind
	readers    []string // the use is known only if these probes have run
	zeroIsNone bool     // 0 means that there is no bound
	// objects to count, and how much of the limit each takes
	objects func(idx *probe.Index) iter.Seq[*probe.Entry]
	takes   func(o *model.Object) model.Opt[int64]
}

var userLimitList = []userLimit{
	{
		name: "fs.pipe-user-pages-soft", unit: "pages", kind: model.Pipe, readers: []string{"pipe", "fifo"}, zeroIsNone: true,
		objects: pipesAndFIFOs, takes: pipePages,
	},
	{
		name: "fs.pipe-user-pages-hard", unit: "pages", kind: model.Pipe, readers: []string{"pipe", "fifo"}, zeroIsNone: true,
		objects: pipesAndFIFOs, takes: pipePages,
	},
	{
		name: "fs.inotify.max_user_instances", unit: "instances", kind: model.Inotify, readers: []string{"inotify"},
		objects: ofKind(model.Inotify), takes: func(*model.Object) model.Opt[int64] { return model.Some[int64](1) },
	},
	{
		name: "fs.inotify.max_user_watches", unit: "watches", kind: model.Inotify, readers: []string{"inotify"},
		objects: ofKind(model.Inotify), takes: watches,
	},
	{
		name: "fs.epoll.max_user_watches", unit: "watches", kind: model.Epoll, readers: []string{"epoll"},
		objects: ofKind(model.Epoll), takes: watches,
	},
}

func pipesAndFIFOs(idx *probe.Index) iter.Seq[*probe.Entry] {
	return func(yield func(*probe.Entry) bool) {
		for _, space := range []*probe.KeySpace{pipes.Space, pipes.FIFOSpace} {
			for e := range idx.Among(space) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func ofKind(k model.Kind) func(*probe.Index) iter.Seq[*probe.Entry] {
	return func(idx *probe.Index) iter.Seq[*probe.Entry] { return slices.Values(idx.OfKind(k)) }
}

// pipePages is how many pages a pipe may fill: the kernel counts these, no
// matter how full the pipe is (fs/pipe.c, account_pipe_buffers).
func pipePages(o *model.Object) model.Opt[int64] {
	d, ok := o.Detail.(*model.PipeDetail)
	if !ok {
		return model.Opt[int64]{}
	}
	n, ok := d.Capacity.Get()
	if !ok {
		return model.Opt[int64]{}
	}
	return model.Some(n / int64(os.Getpagesize()))
}

// watches is the number of watches in an object's detail; unknown if they could
// not be read.
func watches(o *model.Object) model.Opt[int64] {
	for _, f := range model.Values(o.Detail) {
		if v := reflect.ValueOf(f.Value); f.Path == "watches" && v.Kind() == reflect.Slice {
			return model.Some(int64(v.Len()))
		}
	}
	return model.Opt[int64]{}
}

// userLimits emits the bounds per user: one limit for each user who has such
// objects. If nothing was counted, it emits one limit without a user.
func userLimits(_ context.Context, idx *probe.Index, out *probe.Collector) {
	type counted struct {
		kind model.Kind
		unit string
	}
	sums := map[counted]map[int]model.Opt[int64]{} // several limits may bound the same objects
	for i := range userLimitList {
		u := &userLimitList[i]
		n := idx.Scan.Sysctl(out, u.name)
		if len(n) == 0 {
			continue
		}
		l := probe.NewLimit(u.kind, u.name, u.unit, n[0])
		if u.zeroIsNone && n[0] == 0 {
			l.Max, l.Unlimited = model.Opt[int64]{}, true
		}
		read := true
		for _, r := range u.readers {
			read = read && idx.Reads(r)
		}
		if !read {
			l.Unit += " per user"
			out.Limit(l)
			continue
		}
		what := counted{u.kind, u.unit}
		if sums[what] == nil {
			sums[what] = byUser(idx, u)
		}
		for uid, used := range sums[what] {
			l.Scope, l.Used, l.Estimated = &model.LimitScope{UID: model.Some(uid)}, used, used.Known()
			out.Limit(l)
		}
	}
}

// byUser adds up what the objects of each user take. The kernel counts an
// object for the user who made it; that is assumed to be the user of the
// process with the lowest pid that has it open. A user's sum is unknown if one
// of the objects has an unknown value, or if the descriptors of one of the
// user's processes could not be read.
func byUser(idx *probe.Index, u *userLimit) map[int]model.Opt[int64] {
	type sum struct {
		n       int64
		unknown bool
	}
	var nobody sum // for processes whose user is not known
	byUID := map[int]*sum{}
	of := func(p *model.Process) *sum {
		if p == nil || !p.UID.Known() {
			return &nobody
		}
		uid := p.UID.Or(0)
		if byUID[uid] == nil {
			byUID[uid] = new(sum)
		}
		return byUID[uid]
	}
	var pid int32 // consecutive objects often belong to the same process
	var user *sum
	for e := range u.objects(idx) {
		if len(e.Holders) == 0 || e.Object == nil {
			continue
		}
		if h := &e.Holders[0]; user == nil || h.PID != pid {
			pid, user = h.PID, of(idx.Processes[h.PID])
		}
		n, ok := u.takes(e.Object).Get()
		user.n += n
		user.unknown = user.unknown || !ok
	}
	for _, p := range idx.Processes {
		// Reading namespaces needs the same permission as reading descriptors.
		if uid, ok := p.UID.Get(); ok && byUID[uid] != nil && !p.Kernel && p.Namespaces == nil && p.State != "Z" {
			byUID[uid].unknown = true
		}
	}
	used := map[int]model.Opt[int64]{}
	for uid, s := range byUID {
		if used[uid] = model.Some(s.n); s.unknown {
			used[uid] = model.Opt[int64]{}
		}
	}
	return used
}
