package query

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

func TestParseKinds(t *testing.T) {
	got, err := ParseKinds([]string{"pipe,FIFO", "unix", "pipe"})
	if err != nil || !slices.Equal(got, []model.Kind{model.Pipe, model.FIFO, model.Unix}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseKinds([]string{"pip"}); err == nil || !strings.Contains(err.Error(), `did you mean pipe?): there are pipe, fifo`) {
		t.Error(err)
	}
}

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		name               string
		sel                Selection
		processes, objects int
		links              []string
	}{
		{"nothing", Selection{}, 9, len(modeltest.Rich().Objects), []string{"pipe:4242", "pipe:4245", "unix:17", "sysv-shm:32771"}},
		{"kind", Selection{Kinds: []model.Kind{model.Pipe}}, 9, 5, []string{"pipe:4242", "pipe:4245"}},
		{"the far end of a pair", Selection{PIDs: []int{12}}, 1, 4, []string{"unix:17", "sysv-shm:32771"}},
		{"user and what it owns", Selection{Users: []string{"root"}}, 1, 0, nil},
		{"user by number", Selection{Users: []string{"1000"}}, 0, 1, []string{"sysv-shm:32771"}},
		{"container and its namespaces", Selection{Containers: []string{"web"}}, 1, 4, []string{"unix:17", "sysv-shm:32771"}},
		{"container by id", Selection{Containers: []string{"0123"}, Kinds: []model.Kind{model.SysvShm}}, 1, 2, []string{"sysv-shm:32771"}},
		{"nobody", Selection{PIDs: []int{4}}, 0, 0, nil},
	} {
		s := modeltest.Rich()
		got := c.sel.Apply(s)
		var links []string
		for _, l := range got.Links {
			links = append(links, l.Object)
		}
		if len(got.Processes) != c.processes || len(got.Objects) != c.objects || !slices.Equal(links, c.links) {
			t.Errorf("%s: %d processes, %d objects, links %v", c.name, len(got.Processes), len(got.Objects), links)
		}
		if !reflect.DeepEqual(s, modeltest.Rich()) {
			t.Errorf("%s: the snapshot was changed", c.name)
		}
	}
}

func TestRedact(t *testing.T) {
	s := modeltest.Rich()
	r := NewRedactor()
	got := r.Redact(s)
	var b bytes.Buffer
	if err := model.Encode(&b, got); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"nginx", "php", "/run/x.sock", "db1", "ann", "evil", "数据", "owned", "203.0.113.7", "user@1000", "web\"", "less", "yes"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%s is still there", secret)
		}
	}
	for _, kept := range []string{"pipe:4242", "sysv-shm:32771", `"pid":812`, "SIGTERM", "127.0.0.1:5432", ":443", "0x000004d2", "ESTAB", "/proc/1/fd", `"redacted":true`} {
		if !strings.Contains(b.String(), kept) {
			t.Errorf("%s is gone", kept)
		}
	}
	unix := got.Objects[slices.IndexFunc(got.Objects, func(o *model.Object) bool { return o.ID == "unix:17" })]
	if d := unix.Detail.(*model.UnixDetail); d.Path != unix.Name || unix.Holders[0].Comm != got.Processes[1].Comm {
		t.Errorf("one name has two pseudonyms: %q %q, %q %q", d.Path, unix.Name, unix.Holders[0].Comm, got.Processes[1].Comm)
	}
	if !reflect.DeepEqual(s, modeltest.Rich()) {
		t.Error("the snapshot was changed")
	}
}

func TestWithoutOwn(t *testing.T) {
	s := &model.Snapshot{
		Processes: []*model.Process{{PID: 1}, {PID: 2, Self: true}, {PID: 3, Self: true}},
		Objects: []*model.Object{
			{ID: "pipe:1", Holders: []model.Holder{{PID: 2}, {PID: 3}}},
			{ID: "pipe:2", Holders: []model.Holder{{PID: 1}, {PID: 2}}},
			{ID: "pipe:3"},
		},
		Waits: []model.Wait{{PID: 2, TID: 2}, {PID: 1, TID: 1}},
	}
	got := WithoutOwn(s)
	if len(got.Processes) != 1 || len(got.Waits) != 1 || len(got.Objects) != 2 || got.Objects[0].ID != "pipe:2" {
		t.Errorf("%+v", got)
	}
	s.ShowOwn = true
	if got := WithoutOwn(s); len(got.Processes) != 3 || len(got.Waits) != 2 || len(got.Objects) != 3 {
		t.Errorf("with --self: %+v", got)
	}
}
