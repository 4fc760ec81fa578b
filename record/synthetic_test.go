package record

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// memory is a file in memory.
type memory struct {
	b    []byte
	fail int // the write that fails, counted from 1; 0: none
	n    int
	part int // how many bytes that write still writes
}

var errFull = errors.New("no space left on device")

func (m *memory) Write(p []byte) (int, error) {
	m.n++
	if m.n == m.fail {
		n := min(m.part, len(p))
		m.b = append(m.b, p[:n]...)
		return n, errFull
	}
	m.b = append(m.b, p...)
	return len(p), nil
}

func (m *memory) Truncate(n int64) error { m.b = m.b[:n]; return nil }
func (m *memory) Sync() error            { return nil }

// machine makes snapshots of a quiet machine.
type machine struct {
	*rand.Rand
	snap  *model.Snapshot
	since []time.Time // when each wait began
}

var began = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// newMachine makes processes with fds descriptors each: half of them are pipes and UNIX
// sockets that two processes share, half belong to one process. One thread of each
// process waits.
func newMachine(processes, fds int) *machine {
	m := &machine{Rand: rand.New(rand.NewPCG(1, 2)), snap: &model.Snapshot{
		Schema: model.Schema, Taken: began,
		Host: model.Host{Hostname: "db1", BootID: "6d9f3c9e-0000-4000-8000-000000000000", Namespaces: map[string]uint64{"ipc": 4026531839}},
		Scan: model.Scan{Backends: map[string]string{"unix": "unix_diag"}, Probes: map[string]model.ProbeReport{}},
	}}
	for i := range 30 {
		m.snap.Scan.Probes[fmt.Sprintf("probe%d", i)] = model.ProbeReport{}
	}
	for i := range processes {
		pid, comm := 1000+i*7, fmt.Sprintf("worker%d", i%9)
		m.snap.Processes = append(m.snap.Processes, &model.Process{
			PID: pid, StartTicks: uint64(m.IntN(1e8)), StartTime: began.Add(-time.Duration(m.Int64N(1e15))), PPID: 1, PGID: pid, SID: pid, Comm: comm, Label: comm,
			Cmdline: []string{"/usr/lib/something/bin/" + comm, "--config", fmt.Sprintf("/etc/something/%d.conf", i)}, Exe: "/usr/lib/something/bin/" + comm,
			UID: model.Some(33), User: "www-data", State: "S", Threads: 1, FDs: model.Some(fds),
			Namespaces: map[string]uint64{"ipc": 4026531839, "mnt": 4026531841, "net": 4026531840, "pid": 4026531836},
			Cgroup:     fmt.Sprintf("/system.slice/%s.service", comm), Unit: comm + ".service",
			Signals: &model.Signals{Blocked: []string{}, Ignored: []string{"SIGPIPE"}, Caught: []string{"SIGHUP", "SIGINT", "SIGTERM", "SIGCHLD"}},
		})
		first := ""
		for fd := range fds {
			hold := []model.Holder{{PID: int32(pid), Comm: comm, Via: model.ViaFD, FD: model.Some(int32(fd)), Access: model.ReadWrite}}
			ino := uint64(500000 + i*1000 + fd)
			o := &model.Object{Ino: model.Big(ino), Holders: hold, HoldersComplete: true}
			switch fd % 3 {
			case 0:
				o.ID, o.Kind = fmt.Sprintf("pipe:%d", ino), model.Pipe
				o.Detail = &model.PipeDetail{Queued: model.Some[int64](0), Capacity: model.Some[int64](65536)}
			case 1:
				o.ID, o.Kind, o.Gen = fmt.Sprintf("unix:%d", ino), model.Unix, fmt.Sprint(m.IntN(1e6))
				o.Detail = &model.UnixDetail{RecvQueue: model.Some[int64](0)}
			case 2:
				o.ID, o.Kind = fmt.Sprintf("tcp:%d", ino), model.TCP
				o.Detail = &model.InetDetail{}
			}
			if first == "" {
				first = o.ID
			}
			m.snap.Objects = append(m.snap.Objects, o)
		}
		m.snap.Waits = append(m.snap.Waits, model.Wait{
			PID: pid, TID: pid, Comm: comm, Call: "read", Needs: "data", Object: first, AgeSource: "sched", Confirmed: true, Idle: true,
			Blockers: []model.Blocker{}, Target: &model.Target{FD: model.Some(0)},
		})
		m.since = append(m.since, began.Add(-time.Duration(m.Int64N(1e14))))
	}
	m.snap.Links = model.MakeLinks(m.snap.Objects)
	m.snap.Findings = []model.Finding{}
	return m
}

// next makes the next sample: all ages grow, measured with some noise; two
// threads in a hundred have run, some queues have changed, and now and then a
// process comes or goes.
func (m *machine) next(every time.Duration) *model.Snapshot {
	s := *m.snap
	s.Taken = s.Taken.Add(every + time.Duration(m.IntN(3e6)))
	s.Scan.Duration = 40e6 + int64(m.IntN(1e7))
	probes := map[string]model.ProbeReport{}
	for name := range s.Scan.Probes {
		probes[name] = model.ProbeReport{Duration: int64(m.IntN(4e6))}
	}
	s.Scan.Probes = probes
	s.Waits = append([]model.Wait{}, s.Waits...)
	for i := range s.Waits {
		if m.IntN(50) == 0 {
			m.since[i] = s.Taken.Add(-time.Duration(m.Int64N(5e9)))
		}
		s.Waits[i].BlockedFor = model.Some(int64(s.Taken.Sub(m.since[i])) + int64(m.IntN(20e6)))
	}
	s.Objects = append([]*model.Object{}, s.Objects...)
	for range 3 {
		at := m.IntN(len(s.Objects))
		o := *s.Objects[at]
		if p, ok := o.Detail.(*model.PipeDetail); ok {
			d := *p
			d.Queued = model.Some(int64(m.IntN(65536)))
			o.Detail, o.Fill = &d, model.NewRatio(d.Queued, d.Capacity)
			s.Objects[at] = &o
		}
	}
	switch m.IntN(20) {
	case 0:
		o := *s.Objects[0]
		o.ID = fmt.Sprintf("pipe:%d", 400000+m.IntN(1e5))
		s.Objects = append([]*model.Object{&o}, s.Objects...)
		s.Findings = []model.Finding{{ID: "pipe-full:" + o.ID, Rule: "pipe-full", Severity: model.Warning, Since: s.Taken}}
	case 1:
		s.Objects = s.Objects[min(1, len(s.Objects)-1):]
		s.Findings = []model.Finding{}
	}
	m.snap = &s
	return &s
}

func encode(t testing.TB, s *model.Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// recording writes samples and returns the file and the JSON of each.
func recording(t testing.TB, m *machine, samples int, every time.Duration) (*memory, [][]byte) {
	t.Helper()
	f := &memory{}
	w, err := Create(f, Keep{})
	if err != nil {
		t.Fatal(err)
	}
	var docs [][]byte
	for range samples {
		s := m.next(every)
		docs = append(docs, encode(t, s))
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	return f, docs
}

func open(t testing.TB, b []byte) *Recording {
	t.Helper()
	rec, err := Open(bytes.NewReader(b), int64(len(b)), model.DefaultMaxMemory)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}
