package leak

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

const ownIPC, otherIPC = 7, 8

// snapshot returns a machine with processes 10 (not of the command) and 20 (a descendant).
func snapshot(objects ...*model.Object) *model.Snapshot {
	return &model.Snapshot{
		Host:      model.Host{Namespaces: map[string]uint64{"ipc": ownIPC}},
		Processes: []*model.Process{{PID: 10, StartTicks: 1, Comm: "other"}, {PID: 20, StartTicks: 2, Comm: "child", State: "S"}},
		Objects:   objects,
	}
}

func shm(id string, ns uint64, creator int) *model.Object {
	return &model.Object{
		ID: id, Kind: model.SysvShm, SysvID: model.Some(1), Namespace: &model.Namespace{Type: "ipc", Inode: ns},
		Detail: &model.SysvShmDetail{CreatorPID: model.Some(creator), LastPID: model.Some(0)},
	}
}

func memory(uid int, holders ...int32) *model.Object {
	o := &model.Object{ID: "posix-shm:0:1:5", Kind: model.PosixShm, Path: "/dev/shm/x", UID: model.Some(uid), Detail: new(model.MemoryDetail)}
	for _, pid := range holders {
		o.Holders = append(o.Holders, model.Holder{PID: pid, Via: model.ViaFD})
	}
	return o
}

func TestFindTellsWhoMadeIt(t *testing.T) {
	command := Command{PIDs: map[int]bool{20: true, 21: true}, UID: 1000}
	complete, isolated, held, alive := command, command, command, command
	complete.Complete = true
	isolated.Isolated = true
	held.Held = map[string]bool{"/dev/shm/x": true}
	alive.Alive = []int{20}
	deleted := memory(1000)
	deleted.Deleted = true
	for name, test := range map[string]struct {
		object  *model.Object
		command Command
		want    model.Confidence // "": it is not listed
	}{
		"made by a descendant":             {shm("a", ownIPC, 21), command, model.Certain},
		"by a descendant elsewhere":        {shm("a", otherIPC, 21), command, model.Certain},
		"made by another":                  {shm("a", ownIPC, 10), command, ""},
		"made by one who has ended":        {shm("a", ownIPC, 99), command, model.Possible},
		"by one who was none of them":      {shm("a", ownIPC, 99), complete, ""},
		"by one who has ended elsewhere":   {shm("a", otherIPC, 99), command, ""},
		"by one outside the pid namespace": {shm("a", ownIPC, 0), command, model.Possible},
		"in its own namespace":             {shm("a", ownIPC, 0), isolated, model.Certain},
		"there before":                     {shm("old", ownIPC, 21), command, ""},
		"a file of the user":               {memory(1000), command, model.Likely},
		"a file of another user":           {memory(0), command, model.Possible},
		"a file another has open":          {memory(1000, 10), command, ""},
		"a file a descendant had open":     {memory(1000), held, model.Certain},
		"a file a descendant has open":     {memory(1000, 20), alive, model.Certain},
		"a deleted file":                   {deleted, command, ""},
	} {
		before := NewBaseline(&model.Snapshot{Objects: []*model.Object{shm("old", ownIPC, 0)}})
		var got model.Confidence
		for _, thing := range Find(before, snapshot(test.object), &test.command) {
			if thing.Kind == test.object.Kind {
				got = thing.Confidence
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestFindProcesses(t *testing.T) {
	pipe := &model.Object{ID: "pipe:5", Kind: model.Pipe, Holders: []model.Holder{{PID: 20, Via: model.ViaFD}, {PID: 10, Via: model.ViaFD}}}
	c := &Command{PIDs: map[int]bool{20: true}, Alive: []int{20}}
	list := Find(NewBaseline(&model.Snapshot{}), snapshot(pipe), c)
	if len(list) != 1 || list[0].PID != 20 || list[0].Name != "child" || len(list[0].Holds) != 1 || list[0].Holds[0] != "pipe:5" {
		t.Errorf("%+v", list)
	}
	// An earlier child of ipctop does not belong to the command.
	if list := Find(NewBaseline(snapshot()), snapshot(), c); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
