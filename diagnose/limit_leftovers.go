package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// uses says, by limit, how much of the limit an object uses. Leftover objects do not count
// towards limits that are not listed here.
var uses = map[string]func(*model.Object) int64{
	"kernel.msgmni":        one,
	"kernel.shmmni":        one,
	"kernel.sem.semmni":    one,
	"kernel.sem.semmns":    semaphores,
	"fs.mqueue.queues_max": one,
	"/dev/shm nr_inodes":   one,
	"/dev/shm size":        allocated,
}

func one(*model.Object) int64 { return 1 }

func semaphores(o *model.Object) int64 {
	if d, ok := o.Detail.(*model.SysvSemDetail); ok {
		return int64(len(d.Sems))
	}
	return 0
}

func allocated(o *model.Object) int64 {
	if d, ok := o.Detail.(*model.MemoryDetail); ok {
		return d.Allocated.Or(0)
	}
	return 0
}

// bounded is the scope of a limit: a mechanism in a namespace. Namespace 0 is ipctop's own.
type bounded struct {
	kind model.Kind
	ns   uint64
}

// boundedBy returns the scope of a limit.
func (v *view) boundedBy(l *model.Limit) bounded {
	b := bounded{kind: l.Kind}
	if l.Scope != nil {
		b.ns = l.Scope.NS
	}
	for _, own := range v.Host.Namespaces {
		if b.ns == own {
			b.ns = 0
		}
	}
	return b
}

// boundOf returns the scope of the limits that apply to an object.
func (v *view) boundOf(o *model.Object) bounded {
	b := bounded{kind: o.Kind}
	if o.Kind == model.PosixSem {
		b.kind = model.PosixShm // both are files in /dev/shm
	}
	if ns := o.Namespace; ns != nil && !v.OwnNamespace(ns.Type, ns.Inode) {
		b.ns = ns.Inode
	}
	return b
}

// joinLimits combines the finding about a limit that is nearly reached with those about
// objects left behind, if the limit would not be near without them: the limit is the problem, and removing
// the objects is the remedy.
func (v *view) joinLimits(found []finding) []finding {
	left := map[bounded][]int{} // by scope: indexes of the findings about objects left behind
	for i := range found {
		if f := &found[i]; slices.Contains(leftovers, f.Rule) && v.graph.Object(f.Objects[0]) != nil {
			b := v.boundOf(v.graph.Object(f.Objects[0]))
			left[b] = append(left[b], i)
		}
	}
	joined := map[int]bool{}
	for i := range found {
		f := &found[i]
		if f.limit == nil || uses[f.limit.Name] == nil {
			continue
		}
		places := left[v.boundedBy(f.limit)]
		var used, count int64
		for _, k := range places {
			for _, id := range found[k].Objects {
				if o := v.graph.Object(id); o != nil {
					used, count = used+uses[f.limit.Name](o), count+1
				}
			}
		}
		without := *f.limit
		without.Used = model.Some(max(f.limit.Used.Or(0)-used, 0))
		if used == 0 || without.Near() {
			continue
		}
		f.Summary += fmt.Sprintf("; %d %s left behind: without %s it would be %d", count, verb(int(count), "object seems to be", "objects seem to be"),
			verb(int(count), "it", "them"), without.Used.Or(0))
		var parts []finding
		for _, k := range places {
			p := &found[k]
			joined[k], parts = true, append(parts, *p)
			f.Symptoms = append(f.Symptoms, p.ID)
			f.Objects, f.PIDs = append(f.Objects, p.Objects...), append(f.PIDs, p.PIDs...)
			f.Evidence, f.LoweredBy = append(f.Evidence, p.Evidence...), append(f.LoweredBy, p.LoweredBy...)
			f.Confidence = lower(f.Confidence, p.Confidence)
		}
		f.Actions = append(f.Actions, removeAll(parts)...)
	}
	var list []finding
	for i := range found {
		if !joined[i] {
			list = append(list, found[i])
		}
	}
	return list
}
