package fleet

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// qualifier copies a host's records and adds the host to their pids, ids, names and
// namespaces. Struct tags mark these fields: ref:"pid", "object", "name", "ns".
type qualifier struct {
	place int    // number of the host, from 1
	host  string // name of the host
	names map[string]string
	ids   map[string]string
	err   error // the first error
}

func (q *qualifier) snapshot(s *model.Snapshot) *model.Snapshot {
	q.names, q.ids = map[string]string{}, map[string]string{}
	out := *s
	v := reflect.ValueOf(&out).Elem()
	for _, list := range []string{"Host", "Gaps", "Limits", "Processes", "Objects", "Waits", "Traffic", "Findings"} {
		f := v.FieldByName(list)
		q.value(f)
	}
	for i := range out.Gaps {
		out.Gaps[i].Host = q.host
	}
	for i := range out.Limits {
		out.Limits[i].Host = q.host
	}
	for _, p := range out.Processes {
		p.Host = q.host
		if p.Label == "" {
			p.Label = q.name(p.Comm)
		}
	}
	for _, o := range out.Objects {
		o.Host = q.host
	}
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Host, f.Summary = q.host, q.host+": "+f.Summary
		f.Actions = slices.Clone(f.Actions)
		for j := range f.Actions {
			f.Actions[j].Effect = "on " + q.host + ": " + f.Actions[j].Effect
		}
	}
	return &out
}

// step says how to qualify one field of a struct.
type step struct {
	field int
	ref   string // "": the field contains references further inside
}

var steps sync.Map // reflect.Type → []step

// stepsOf lists the fields of a struct that are references or contain some.
func stepsOf(t reflect.Type) []step {
	if list, ok := steps.Load(t); ok {
		return list.([]step)
	}
	var list []step
	for i := range t.NumField() {
		f := t.Field(i)
		ref := f.Tag.Get("ref")
		if f.IsExported() && (ref != "" || refers(f.Type)) {
			list = append(list, step{i, ref})
		}
	}
	steps.Store(t, list)
	return list
}

// refers reports whether values of a type contain references.
func refers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return refers(t.Elem())
	case reflect.Interface:
		return t == reflect.TypeFor[model.Detail]()
	case reflect.Struct:
		return strings.HasPrefix(t.PkgPath(), reflect.TypeFor[model.Object]().PkgPath()) && len(stepsOf(t)) > 0
	}
	return false
}

// value replaces what v points to by a qualified copy, unless there is nothing to qualify.
func (q *qualifier) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || !refers(v.Type()) {
			return
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(v.Elem())
		q.value(out.Elem())
		v.Set(out)
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		inner := reflect.New(v.Elem().Type()).Elem()
		inner.Set(v.Elem())
		q.value(inner)
		v.Set(inner)
	case reflect.Slice:
		if v.IsNil() || !refers(v.Type()) {
			return
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(out, v)
		for i := range out.Len() {
			q.value(out.Index(i))
		}
		v.Set(out)
	case reflect.Struct:
		for _, s := range stepsOf(v.Type()) {
			f := v.Field(s.field)
			if s.ref == "" {
				q.value(f)
				continue
			}
			q.reference(f.Addr().Interface(), s.ref)
		}
	}
}

// reference qualifies a field that is itself a reference.
func (q *qualifier) reference(field any, ref string) {
	switch f := field.(type) {
	case *int:
		*f = q.pid(*f)
	case *int32:
		*f = int32(q.pid(int(*f)))
	case *model.Opt[int]:
		if pid, ok := f.Get(); ok {
			*f = model.Some(q.pid(pid))
		}
	case *model.OFD:
		f.PID = int32(q.pid(int(f.PID)))
	case *[]int:
		*f = q.pids(*f)
	case *[][]int:
		var out [][]int
		for _, list := range *f {
			out = append(out, q.pids(list))
		}
		*f = out
	case *uint64:
		*f = q.namespace(*f)
	case *map[string]uint64:
		out := make(map[string]uint64, len(*f))
		for kind, inode := range *f {
			out[kind] = q.namespace(inode)
		}
		*f = out
	case *string:
		*f = q.text(*f, ref)
	case *[]string:
		if *f == nil {
			return
		}
		out := make([]string, len(*f))
		for i, s := range *f {
			out[i] = q.text(s, ref)
		}
		*f = out
	default:
		panic(fmt.Sprintf("fleet: a %T cannot be a reference", field))
	}
}

func (q *qualifier) text(s, ref string) string {
	switch {
	case s == "":
		return ""
	case ref == "name":
		return q.name(s)
	}
	return q.id(s)
}

func (q *qualifier) name(s string) string { return qualified(q.names, s, q.host) }

func (q *qualifier) id(s string) string { return qualified(q.ids, s, q.host) }

// qualified is s@host. Equal s give the same string, which is allocated once.
func qualified(known map[string]string, s, host string) string {
	out, ok := known[s]
	if !ok {
		out = s + "@" + host
		known[s] = out
	}
	return out
}

func (q *qualifier) pids(list []int) []int {
	if list == nil {
		return nil
	}
	out := make([]int, len(list))
	for i, pid := range list {
		out[i] = q.pid(pid)
	}
	return out
}

// pid adds the host's base to a pid; 0 and less are no pids.
func (q *qualifier) pid(pid int) int {
	switch {
	case pid <= 0:
		return pid
	case pid >= model.HostPIDs:
		if q.err == nil {
			q.err = fmt.Errorf("%d is no pid", pid)
		}
		return 0
	}
	return q.place*model.HostPIDs + pid
}

func (q *qualifier) namespace(inode uint64) uint64 {
	switch {
	case inode == 0:
		return 0
	case inode >= model.HostNamespaces:
		if q.err == nil {
			q.err = fmt.Errorf("%d is no inode number of a namespace", inode)
		}
		return 0
	}
	return uint64(q.place)*model.HostNamespaces + inode
}
