package memory

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Memfd reads the files of memfd_create(2). The kernel keeps them on internal
// file systems. The link text alone does not identify a memfd: any file may
// have such a name, but not on a file system that is not mounted.
//
// Seals stay unknown: F_GET_SEALS needs an open descriptor, and watching must
// not duplicate or open one for that.
func Memfd() probe.Probe {
	return probe.Probe{
		Name: "memfd",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			name, ok := memfdName(fd.Link)
			if !ok {
				return false
			}
			k, _, err := fd.FileKey()
			if err != nil {
				fd.Gap("memfd", "stat", err)
				return false
			}
			if !fd.Proc.Unmounted(k.Scope, out) {
				return false
			}
			h := fd.Holder()
			h.Access = fd.Access()
			out.AddHolder(k, h)
			facts := probe.FileFacts{}
			if st, err := fd.Stat(); err == nil {
				facts.Stat, facts.Statted = *st, true
			}
			out.Object(k, memfdObject(k, string(name), &facts))
			return true
		},
		Mapping: func(m *probe.Mapping, out *probe.Collector) bool {
			name, ok := memfdName(m.Name)
			if !ok {
				return false
			}
			if !m.Proc.Unmounted(m.Dev, out) {
				return false
			}
			k := m.FileKey()
			out.AddHolder(k, m.Holder(model.ViaMap))
			out.Object(k, memfdObject(k, string(name), &probe.FileFacts{}))
			return true
		},
		Complete: completeMemfds,
	}
}

// memfdName reads the name in "/memfd:NAME (deleted)".
func memfdName(link []byte) ([]byte, bool) {
	name, ok1 := bytes.CutPrefix(link, []byte("/memfd:"))
	name, ok2 := bytes.CutSuffix(name, []byte(proc.DeletedSuffix))
	return name, ok1 && ok2
}

func memfdObject(k probe.Key, name string, facts *probe.FileFacts) *model.Object {
	o := facts.Object(model.Memfd, k, &model.MemoryDetail{Size: facts.Size(), Allocated: facts.Allocated()})
	o.Name = name
	return o
}

// completeMemfds asks for the size of memfds that were first seen as a mapping.
func completeMemfds(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	var list []*probe.Entry
	for _, e := range idx.In(probe.Files) {
		d, ok := e.Object.Detail.(*model.MemoryDetail)
		if e.Object.Kind == model.Memfd && ok && !d.Size.Known() {
			list = append(list, e)
		}
	}
	measure(ctx, idx, out, list)
}

// measure asks the holders of memory objects for the size and owner.
func measure(ctx context.Context, idx *probe.Index, out *probe.Collector, list []*probe.Entry) {
	if idx.Scan.WaitsOnly() {
		return
	}
	// To make it larger or to touch more of it, a holder must have run.
	list = slices.DeleteFunc(list, func(e *probe.Entry) bool {
		d, ok := e.Object.Detail.(*model.MemoryDetail)
		return e.Key.Space.Incremental && ok && d.Size.Known() && idx.Unchanged(e)
	})
	refused := 0
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		facts := idx.Stat(t, e)
		return func() {
			was, ok := e.Object.Detail.(*model.MemoryDetail)
			if !ok {
				return
			}
			if !facts.Statted {
				refused++
			}
			d := *was // earlier snapshots keep theirs
			d.Size, d.Allocated = facts.Size(), facts.Allocated()
			if d.Size == was.Size && d.Allocated == was.Allocated && facts.Owns(e.Object) {
				return
			}
			o := facts.Object(e.Object.Kind, e.Key, &d)
			o.Name = e.Object.Name
			*e.OwnObject() = *o
		}
	})
	if refused > 0 {
		out.Gap(model.Gap{Reason: model.Denied, Op: "size", Count: refused, Detail: errNotFollowed.Error()})
	}
}

var errNotFollowed = errors.New("no right to ask for what is only mapped (CAP_CHECKPOINT_RESTORE)")
