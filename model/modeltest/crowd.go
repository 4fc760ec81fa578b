package modeltest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Crowd is a machine full of IPC, for benchmarks, like the one that tools/benchload makes. Each
// process holds about fds descriptors, 40 % of them ends of pipes and 20 % of UNIX
// sockets that it shares with its neighbours, 20 % regular files, 10 % ends of TCP
// connections and 10 % event counters, and maps four regions. All of them wait for
// their parent, or each for the one before.
type Crowd struct {
	Snapshot  *model.Snapshot
	processes int
	fds       int
	ring      bool // each waits for the one before
	steps     int
}

// NewCrowd makes a machine of processes that wait for their parent.
func NewCrowd(processes, fds int) *Crowd { return newCrowd(processes, fds, false) }

// NewRing makes a machine of processes, each of which waits for the one before.
func NewRing(processes, fds int) *Crowd { return newCrowd(processes, fds, true) }

func newCrowd(processes, fds int, ring bool) *Crowd {
	c := &Crowd{processes: processes, fds: fds, ring: ring}
	s := &model.Snapshot{Schema: model.Schema, Taken: Taken, Host: Rich().Host, Scan: Rich().Scan}
	for i := range processes {
		pid, comm := firstPID+i, fmt.Sprintf("worker%d", i%9)
		s.Processes = append(s.Processes, &model.Process{
			PID: pid, StartTicks: uint64(90000 + i), StartTime: Taken.Add(-time.Duration(i) * time.Minute), PPID: 1, PGID: pid, SID: pid, Comm: comm, Label: comm,
			Cmdline: []string{"/usr/lib/service/" + comm, "--config", fmt.Sprintf("/etc/service/%d.conf", i)}, Exe: "/usr/lib/service/" + comm,
			UID: model.Some(33), User: "www-data", State: "S", Threads: 1, FDs: model.Some(fds),
			Namespaces: map[string]uint64{"ipc": 4026531839, "mnt": 4026531841, "net": 4026531840, "pid": 4026531836},
			Cgroup:     "/system.slice/" + comm + ".service", Unit: comm + ".service",
			Signals: &model.Signals{Blocked: []string{}, Ignored: []string{"SIGPIPE"}, Caught: []string{"SIGHUP", "SIGINT", "SIGTERM", "SIGCHLD"}},
		})
		s.Limits = append(s.Limits, model.Limit{
			Name: "RLIMIT_NOFILE", Scope: &model.LimitScope{PID: pid}, Used: model.Some(int64(fds)), Max: model.Some(int64(4096)), Unit: "descriptors",
		})
		s.Objects = append(s.Objects, c.channels(i)...)
	}
	s.Processes = append([]*model.Process{{
		PID: parentPID, StartTicks: 80000, PPID: 1, PGID: parentPID, SID: parentPID, Comm: "parent", Label: "parent", State: "S", Threads: 1,
		UID: model.Some(33), User: "www-data", Signals: s.Processes[0].Signals,
	}}, s.Processes...)
	s.Objects = append(s.Objects, append(c.files(), c.shared())...)
	slices.SortStableFunc(s.Objects, func(a, b *model.Object) int {
		return cmp.Or(model.CompareKinds(a.Kind, b.Kind), model.CompareIDs(a.ID, b.ID))
	})
	s.Links = model.MakeLinks(s.Objects)
	c.Snapshot = s
	c.wait()
	return c
}

const (
	parentPID = 999
	firstPID  = 1000
	sharedIno = 99999
)

func (c *Crowd) holder(process, fd int, access model.Access) model.Holder {
	process %= c.processes
	return model.Holder{
		PID: int32(firstPID + process), Comm: fmt.Sprintf("worker%d", process%9), Via: model.ViaFD, FD: model.Some(int32(fd)), Access: access,
	}
}

// channels returns the objects that process i shares with the next one, and those of its own.
func (c *Crowd) channels(i int) []*model.Object {
	var list []*model.Object
	ino, fd := 100000+i*4*c.fds, 3
	add := func(kind model.Kind, d model.Detail, holders ...model.Holder) *model.Object {
		ino, fd = ino+1, fd+1
		list = append(list, &model.Object{
			ID: fmt.Sprintf("%s:%d", kind, ino), Kind: kind, Name: fmt.Sprintf("%s:[%d]", kind, ino), Ino: model.Big(ino), Holders: holders, HoldersComplete: true,
			Peers: []model.Peer{}, Detail: d,
		})
		return list[len(list)-1]
	}
	pair := func(a, b *model.Object) {
		a.Peers, b.Peers = []model.Peer{{ID: b.ID, Confidence: model.Certain}}, []model.Peer{{ID: a.ID, Confidence: model.Certain}}
		a.Gen, b.Gen = fmt.Sprint(2*ino), fmt.Sprint(2*ino+1)
	}
	for range c.fds * 2 / 10 {
		o := add(model.Pipe, &model.PipeDetail{Queued: model.Some[int64](0), Capacity: model.Some[int64](65536)},
			c.holder(i, fd, model.Write), c.holder(i+1, fd+c.fds, model.Read))
		o.Fill = model.Some[model.Ratio](0)
	}
	for range c.fds / 10 {
		end := func(process int) *model.Object {
			return add(model.Unix, &model.UnixDetail{
				Type: "stream", State: "established", RecvQueue: model.Some[int64](0), SendQueue: model.Some[int64](0), SendBuffer: model.Some[int64](212992),
			}, c.holder(process, fd, model.ReadWrite))
		}
		pair(end(i), end(i+1))
	}
	for range c.fds / 20 {
		end := func(process int, local, remote string) *model.Object {
			return add(model.TCP, &model.InetDetail{
				State: "ESTAB", Local: local, Remote: remote, RecvQueue: model.Some[int64](0), SendQueue: model.Some[int64](0), RecvBuffer: model.Some[int64](131072),
				SendBuffer: model.Some[int64](2626560), RTO: model.Some[int64](204e6), BytesSent: model.Some[int64](0), BytesReceived: model.Some[int64](0),
			}, c.holder(process, fd, model.ReadWrite))
		}
		client, server := fmt.Sprintf("127.0.0.1:%d", ino%60000), fmt.Sprintf("127.0.%d.1:5432", i/500)
		pair(end(i, client, server), end(i+1, server, client))
	}
	for range c.fds / 10 {
		add(model.Eventfd, &model.EventfdDetail{Count: model.Some[model.Big](1), Semaphore: model.Some(false)}, c.holder(i, fd, model.ReadWrite))
	}
	for range 2 {
		o := add(model.ShmAnon, &model.MemoryDetail{Size: model.Some[int64](8192)}, c.holder(i, fd, model.ReadWrite))
		o.Holders[0].Via, o.Holders[0].FD = model.ViaMap, model.Opt[int32]{}
		o.Holders[0].Extent = &model.Extent{Address: 0x7f0000000000 + 8192*model.Addr(ino), Size: model.Some[int64](8192)}
	}
	return list
}

// shared returns the pipe that all children read and to which their parent could write.
func (c *Crowd) shared() *model.Object {
	o := &model.Object{
		ID: fmt.Sprintf("pipe:%d", sharedIno), Kind: model.Pipe, Name: fmt.Sprintf("pipe:[%d]", sharedIno), Ino: sharedIno, HoldersComplete: true, Peers: []model.Peer{},
		Detail: &model.PipeDetail{Queued: model.Some[int64](0), Capacity: model.Some[int64](65536)}, Fill: model.Some[model.Ratio](0),
		Holders: []model.Holder{{PID: parentPID, Comm: "parent", Via: model.ViaFD, FD: model.Some[int32](4), Access: model.Write}},
	}
	for i := range c.processes {
		o.Holders = append(o.Holders, c.holder(i, 3, model.Read))
	}
	return o
}

// files returns regular files that all processes have open.
func (c *Crowd) files() []*model.Object {
	var list []*model.Object
	for n := range 20 {
		o := &model.Object{
			ID: fmt.Sprintf("file:8:1:%d", 50000+n), Kind: model.File, Name: fmt.Sprintf("/tmp/ipctop-bench/file%d", n), Path: fmt.Sprintf("/tmp/ipctop-bench/file%d", n),
			Dev: "8:1", Ino: model.Big(50000 + n), UID: model.Some(33), GID: model.Some(33), Mode: "0644", HoldersComplete: true, Peers: []model.Peer{},
			Detail: new(model.FileDetail),
		}
		for i := range c.processes {
			for range c.fds / 5 / 20 {
				o.Holders = append(o.Holders, c.holder(i, 900+n, model.ReadWrite))
			}
		}
		list = append(list, o)
	}
	return list
}

// wait makes every process wait for a pipe. The waits began an hour before the first snapshot.
func (c *Crowd) wait() {
	s := c.Snapshot
	s.Waits = append(make([]model.Wait, 0, c.processes+1), model.Wait{
		PID: parentPID, TID: parentPID, Comm: "parent", Call: "read", Needs: model.NeedsData, Target: &model.Target{FD: model.Some(0)}, Timed: model.Some(false),
		BlockedFor: model.Some(int64(s.Taken.Sub(Taken)) + int64(time.Hour)), AgeSource: "sched", Confirmed: true, Blockers: []model.Blocker{},
	})
	for i := range c.processes {
		pid, ino := firstPID+i, sharedIno
		if c.ring {
			ino = 100001 + (i+c.processes-1)%c.processes*4*c.fds
		}
		s.Waits = append(s.Waits, model.Wait{
			PID: pid, TID: pid, Comm: fmt.Sprintf("worker%d", i%9), Call: "read", Needs: model.NeedsData, Object: fmt.Sprintf("pipe:%d", ino),
			Target: &model.Target{FD: model.Some(3)}, Timed: model.Some(false), BlockedFor: model.Some(int64(s.Taken.Sub(Taken)) + int64(time.Hour) + int64(i)),
			AgeSource: "sched", Confirmed: true, Blockers: []model.Blocker{},
		})
	}
}

// Next returns the machine two seconds later. One process in every has been active, so that
// a pipe and a connection of it have changed; 0: none has. Everything else is shared with
// the snapshot before.
func (c *Crowd) Next(every int) *model.Snapshot {
	old := c.Snapshot
	s := *old
	s.Taken = old.Taken.Add(2 * time.Second)
	s.Limits, s.Gaps, s.Findings = slices.Clone(old.Limits), slices.Clone(old.Gaps), nil
	c.Snapshot = &s
	if every > 0 {
		c.steps++
		active := func(o *model.Object) bool {
			return len(o.Holders) > 0 && (int(o.Holders[0].PID)+c.steps)%every == 0 && o.Holders[0].FD.Or(0) < 5
		}
		s.Objects = slices.Clone(old.Objects)
		for i, o := range s.Objects {
			if active(o) && (o.Kind == model.Pipe || o.Kind == model.TCP) {
				changed := *o
				if o.Kind == model.Pipe {
					changed.Detail = &model.PipeDetail{Queued: model.Some(int64(c.steps)), Capacity: model.Some[int64](65536)}
					changed.Fill = model.NewRatio(model.Some(int64(c.steps)), model.Some[int64](65536))
				} else {
					d := *o.Detail.(*model.InetDetail)
					d.BytesSent = model.Some(int64(c.steps))
					changed.Detail = &d
				}
				s.Objects[i] = &changed
			}
		}
	}
	c.wait()
	return &s
}
