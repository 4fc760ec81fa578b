package tracer

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/container"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
)

// maxNames limits how many processes are remembered. Beyond it all are dropped, and read
// again when they take part in another event.
const maxNames = 1 << 16

// names knows the display names of processes.
type names struct {
	guard *guard.Guard
	known map[int]*process
	users map[int]string // by user id, of the processes in the snapshot at the start
	ipc   uint64         // ipctop's own IPC namespace
	shm   uint64         // device of /dev/shm as ipctop sees it; 0: not known

	queues uint64 // device of /dev/mqueue, likewise
}

type process struct {
	start     uint64
	comm      string // the command name when the label was made
	label     string
	container *model.Container
	ended     bool // its end was reported
}

// newNames starts with the processes of a snapshot, which may be nil.
func newNames(snap *model.Snapshot) *names {
	n := &names{guard: guard.New(), known: map[int]*process{}, users: map[int]string{}}
	n.ipc, _ = proc.ReadNamespace("/proc/self/ns/ipc")
	n.shm, n.queues = mountedAt("/dev/shm", "tmpfs"), mountedAt(queueDirectory, "mqueue")
	if snap == nil {
		return n
	}
	for _, p := range snap.Processes {
		n.known[p.PID] = &process{start: p.StartTicks, comm: p.Comm, label: p.Label, container: p.Container}
		if uid, ok := p.UID.Get(); ok && p.User != "" {
			n.users[uid] = p.User
		}
	}
	return n
}

// mountedAt is the device of the file system mounted at a point, 0 if there is none or it has another type.
func mountedAt(point, fsType string) (dev uint64) {
	dir, err := proc.OpenDir("/proc/self")
	if err != nil {
		return 0
	}
	defer dir.Close()
	table, _, err := proc.ReadMounts(dir, "mountinfo", proc.MaxMounts)
	if err != nil {
		return 0
	}
	for _, m := range table.Mounts {
		if m.Point == point {
			dev = 0 // a later mount covers an earlier one
			if m.Type == fsType {
				dev = m.Dev
			}
		}
	}
	return dev
}

// party completes a process that takes part in an event with its name, user and container.
func (n *names) party(b *bpf.Party) *trace.Party {
	p := &trace.Party{PID: b.PID, TID: b.TID, StartTicks: b.StartTicks, Comm: b.Comm, Label: b.Comm, UID: model.Some(int(b.UID)), User: n.users[int(b.UID)]}
	if b.InnerPID != b.PID {
		p.InnerPID = b.InnerPID
	}
	if b.PID == 0 || b.Kernel {
		return p
	}
	k := n.known[b.PID]
	if k == nil || k.start != b.StartTicks || k.comm != b.Comm {
		k = n.read(b)
		if len(n.known) >= maxNames {
			clear(n.known)
		}
		n.known[b.PID] = k
	}
	p.Label, p.Container = k.label, k.container
	return p
}

// living names a process of which only the pid is known, and which probably still runs.
func (n *names) living(pid int) *trace.Party {
	b := bpf.Party{PID: pid, InnerPID: pid}
	item := guard.Item{Key: pid, Owner: guard.Owner{PID: int32(pid)}}
	n.guard.Each(1, 1, func(int) guard.Item { return item }, func(t *guard.Task, _ int) func() {
		dir, st, err := openProcess(t, pid)
		if err != nil {
			return nil
		}
		dir.Close()
		return func() { b.StartTicks, b.Comm = st.StartTicks, st.Comm }
	})
	if b.StartTicks == 0 {
		return &trace.Party{PID: pid}
	}
	p := n.party(&b)
	p.UID, p.User = model.Opt[int]{}, "" // not read
	return p
}

// openProcess opens the directory of a process and reads its stat.
func openProcess(t *guard.Task, pid int) (*proc.Dir, proc.Stat, error) {
	dir, err := proc.OpenDir(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return nil, proc.Stat{}, err
	}
	if !t.Begin("stat", 0) {
		dir.Close()
		return nil, proc.Stat{}, guard.ErrGivenUp
	}
	text, err := dir.ReadFile("stat", nil)
	t.End()
	if err == nil {
		var st proc.Stat
		if st, err = proc.ParseStat(text); err == nil {
			return dir, st, nil
		}
	}
	dir.Close()
	return nil, proc.Stat{}, err
}

// read finds out the name of a process, which may have ended meanwhile.
func (n *names) read(b *bpf.Party) *process {
	p := &process{start: b.StartTicks, comm: b.Comm, label: b.Comm}
	if old := n.known[b.PID]; old != nil && old.start == b.StartTicks {
		p.container = old.container // same process with a new name, after execve(2)
	}
	type identity struct {
		pid   int
		start uint64
	}
	item := guard.Item{Key: identity{b.PID, b.StartTicks}, Owner: guard.Owner{UID: b.UID, PID: int32(b.PID)}}
	n.guard.Each(1, 1, func(int) guard.Item { return item }, func(t *guard.Task, _ int) func() {
		dir, st, err := openProcess(t, b.PID)
		if err != nil {
			return nil
		}
		defer dir.Close()
		if st.StartTicks != b.StartTicks {
			return nil
		}
		var arguments, cgroup []byte
		if t.Begin("cmdline", 0) {
			arguments, _ = dir.ReadFile("cmdline", nil)
			t.End()
		}
		if t.Begin("cgroup", 0) {
			cgroup, _ = dir.ReadFile("cgroup", nil)
			t.End()
		}
		return func() {
			if arguments = bytes.TrimRight(arguments, "\x00"); len(arguments) > 0 {
				p.label = model.DisplayName(b.Comm, strings.Split(string(arguments), "\x00"))
			}
			placed := model.Process{Cgroup: proc.ParseCgroup(cgroup)}
			container.Place(&placed)
			if p.container == nil {
				p.container = placed.Container
			}
		}
	})
	return p
}
