package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// busyMachine is a snapshot of 200 processes with 50 descriptors each, which makes
// a document of some megabytes.
func busyMachine() *model.Snapshot {
	s := &model.Snapshot{Schema: model.Schema, Taken: modeltest.Taken, Host: modeltest.Rich().Host, Scan: modeltest.Rich().Scan}
	for i := range 200 {
		pid, comm := 1000+7*i, fmt.Sprintf("worker%d", i%9)
		s.Processes = append(s.Processes, &model.Process{
			PID: pid, StartTicks: uint64(90000 + i), StartTime: modeltest.Taken.Add(-time.Duration(i) * time.Minute), PPID: 1, PGID: pid, SID: pid,
			Comm: comm, Label: comm, Cmdline: []string{"/usr/lib/service/" + comm, "--config", fmt.Sprintf("/etc/service/%d.conf", i)},
			Exe: "/usr/lib/service/" + comm, UID: model.Some(33), User: "www-data", State: "S", Threads: 4, FDs: model.Some(50),
			Namespaces: map[string]uint64{"ipc": 4026531839, "mnt": 4026531841, "net": 4026531840, "pid": 4026531836},
			Cgroup:     "/system.slice/" + comm + ".service", Unit: comm + ".service",
			Signals: &model.Signals{Blocked: []string{}, Ignored: []string{"SIGPIPE"}, Caught: []string{"SIGHUP", "SIGINT", "SIGTERM", "SIGCHLD"}},
			ThreadList: []model.Thread{
				{TID: pid, Comm: comm, State: "S", Wchan: "ep_poll"},
				{TID: pid + 1, Comm: "pool-1", State: "S", Wchan: "futex_wait_queue"},
				{TID: pid + 2, Comm: "pool-2", State: "S", Wchan: "futex_wait_queue"},
				{TID: pid + 3, Comm: "logger", State: "S", Wchan: "pipe_read"},
			},
		})
		for fd := range 50 {
			s.Objects = append(s.Objects, busyObject(pid, fd, comm))
		}
		s.Waits = append(s.Waits, model.Wait{
			PID: pid, TID: pid + 3, Comm: "logger", Call: "read", Needs: model.NeedsData, Object: fmt.Sprintf("pipe:%d", pid*1000+3),
			Target: &model.Target{FD: model.Some(3)}, Timed: model.Some(false), BlockedFor: model.Some(int64(192e9) + int64(i)), AgeSource: "sched",
			Confirmed: true, Blockers: []model.Blocker{{PID: pid + 7, Comm: comm, Confidence: model.Certain, Why: "has the write end open"}},
			Clauses: [][]int{{pid + 7}},
		})
	}
	s.Links = model.MakeLinks(s.Objects)
	s.Findings = modeltest.Rich().Findings
	return s
}

// busyObject returns the object behind a descriptor: a pipe to the next process, a UNIX or
// a TCP socket, a locked file.
func busyObject(pid, fd int, comm string) *model.Object {
	ino := pid*1000 + fd
	hold := model.Holder{PID: int32(pid), Comm: comm, Via: model.ViaFD, FD: model.Some(int32(fd)), Access: model.ReadWrite}
	o := &model.Object{Ino: model.Big(ino), UID: model.Some(33), GID: model.Some(33), Mode: "0600", Holders: []model.Holder{hold}, HoldersComplete: true}
	switch fd % 4 {
	case 0:
		o.ID, o.Kind, o.Gen = fmt.Sprintf("unix:%d", ino), model.Unix, fmt.Sprint(ino*3)
		o.Namespace = &model.Namespace{Type: "net", Inode: 4026531840}
		o.Peers = []model.Peer{{ID: fmt.Sprintf("unix:%d", ino+1000), Confidence: model.Certain}}
		o.Detail = &model.UnixDetail{Type: "stream", State: "established", RecvQueue: model.Some[int64](0), SendBuffer: model.Some[int64](212992)}
	case 1:
		o.ID, o.Kind, o.Gen = fmt.Sprintf("tcp:%d", ino), model.TCP, fmt.Sprint(ino*3)
		o.Namespace = &model.Namespace{Type: "net", Inode: 4026531840}
		o.Detail = &model.InetDetail{State: "ESTAB", Local: fmt.Sprintf("10.0.0.%d:5432", fd), Remote: fmt.Sprintf("10.0.1.%d:%d", fd, 30000+fd)}
	case 2:
		o.ID, o.Kind, o.Dev = fmt.Sprintf("file:8:1:%d", ino), model.File, "8:1"
		o.Path = fmt.Sprintf("/var/lib/service/data/%d.db", ino)
		lock := hold
		lock.Via, lock.LockHold = model.ViaLock, &model.LockHold{LockMode: "WRITE", Range: "0-EOF"}
		o.Holders = append(o.Holders, lock)
		o.Detail = &model.FileDetail{Type: "regular", Size: model.Some[int64](1 << 30), Locks: []model.Lock{
			{Type: "posix", Mode: "WRITE", PID: model.Some(pid), Holders: []int{pid}},
		}}
	case 3:
		o.ID, o.Kind = fmt.Sprintf("pipe:%d", ino), model.Pipe
		next := hold
		next.PID, next.Access, next.OFD = next.PID+7, model.Write, model.OFD{PID: int32(pid), FD: int32(fd)}
		o.Holders = append(o.Holders, next)
		queued := model.Some(int64(fd * 40))
		o.Fill = model.NewRatio(queued, model.Some[int64](65536))
		o.Detail = &model.PipeDetail{Queued: queued, Capacity: model.Some[int64](65536)}
	}
	return o
}

// BenchmarkEncode and BenchmarkDecode write and read the document of a busy machine;
// BenchmarkMarshal and BenchmarkUnmarshal do it with encoding/json, for comparison.
func BenchmarkEncode(b *testing.B) {
	s := busyMachine()
	b.SetBytes(int64(len(encode(b, s))))
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		if err := model.Encode(io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	doc := encode(b, busyMachine())
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		if _, err := model.Decode(bytes.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	v := plain(reflect.ValueOf(busyMachine()).Elem()).Interface()
	doc, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		if err := json.NewEncoder(io.Discard).Encode(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	v := plain(reflect.ValueOf(busyMachine()).Elem())
	doc, err := json.Marshal(v.Interface())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	modeltest.ReportCPU(b)
	for b.Loop() {
		if err := json.Unmarshal(doc, reflect.New(v.Type()).Interface()); err != nil {
			b.Fatal(err)
		}
	}
}

// plainType returns the type that encoding/json can write in place of one of the model's
// types: an Opt becomes a pointer, a number in a string becomes a string, and the fields of
// embedded structs become ordinary fields.
func plainType(t reflect.Type) reflect.Type {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return t
	case t == reflect.TypeFor[model.Detail]():
		return reflect.TypeFor[any]()
	case t.Implements(reflect.TypeFor[fmt.Stringer]()) && t.Kind() != reflect.String && t.Kind() != reflect.Pointer:
		return reflect.TypeFor[string]()
	case strings.HasPrefix(t.Name(), "Opt["):
		return reflect.PointerTo(plainType(t.Field(0).Type))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return reflect.PointerTo(plainType(t.Elem()))
	case reflect.Slice:
		return reflect.SliceOf(plainType(t.Elem()))
	case reflect.Map:
		return reflect.MapOf(t.Key(), plainType(t.Elem()))
	case reflect.Struct:
		var fields []reflect.StructField
		for _, sf := range reflect.VisibleFields(t) {
			if !sf.Anonymous {
				fields = append(fields, reflect.StructField{Name: sf.Name, Type: plainType(sf.Type), Tag: sf.Tag})
			}
		}
		return reflect.StructOf(fields)
	}
	return t
}

// plain returns the value in its [plainType].
func plain(v reflect.Value) reflect.Value {
	out := reflect.New(plainType(v.Type())).Elem()
	switch {
	case v.Type() == out.Type():
		return v
	case v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			p := reflect.New(plainType(v.Elem().Type()))
			if v.Kind() == reflect.Interface {
				p = plain(v.Elem())
			} else {
				p.Elem().Set(plain(v.Elem()))
			}
			out.Set(p)
		}
	case out.Kind() == reflect.String:
		out.SetString(v.Interface().(fmt.Stringer).String())
	case strings.HasPrefix(v.Type().Name(), "Opt["):
		if known := v.MethodByName("Get").Call(nil); known[1].Bool() {
			out.Set(reflect.New(out.Type().Elem()))
			out.Elem().Set(plain(known[0]))
		}
	case v.Kind() == reflect.Slice:
		out.Set(reflect.MakeSlice(out.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(plain(v.Index(i)))
		}
	case v.Kind() == reflect.Map:
		out.Set(reflect.MakeMap(out.Type()))
		for _, k := range v.MapKeys() {
			out.SetMapIndex(k, plain(v.MapIndex(k)))
		}
	case v.Kind() == reflect.Struct:
		for i := range out.NumField() {
			if sf, _ := v.Type().FieldByName(out.Type().Field(i).Name); len(sf.Index) > 0 {
				if fv, err := v.FieldByIndexErr(sf.Index); err == nil {
					out.Field(i).Set(plain(fv))
				}
			}
		}
	}
	return out
}
