package probe

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// A scan that is not repeated takes from the source what it would otherwise read from each
// process's stat, status, cgroup and limits. Then only the command line and the link to the
// program are still read of most processes. These might be of a later process with the same
// pid. That is checked when all have been read: results are kept only for processes that still
// exist.

// taskFromSource returns what the source told of a process; nil if that is not everything that is needed.
func (s *Scan) taskFromSource(pid int) *bpf.Task {
	f := s.facts
	if f == nil || !f.once || !f.whole || pid == s.selfPID {
		return nil
	}
	main := f.tasks[int32(pid)]
	if main == nil || int(main.pid) != pid {
		return nil
	}
	t := bpf.ParseTask([]byte(main.record))
	// Names of kernel threads are longer in the proc file system, and a process that has
	// ended is read through a thread.
	if t.Kernel || t.State == 'Z' || t.State == 'X' || !t.SignalsKnown || !t.NSPIDsComplete {
		return nil
	}
	return &t
}

// statFromSource makes the stat of a process that the source told of.
func statFromSource(t *bpf.Task) proc.Stat {
	return proc.Stat{
		Comm: t.Comm, State: t.State, Ppid: t.PPID, Pgrp: t.PGID, Session: t.SID, TtyNr: t.TTY, Threads: t.Threads,
		StartTicks: t.StartTicks, StopSignal: t.StopSignal,
	}
}

// statusFromSource appends to buf the lines of status that readers use. It reports false if it is
// unknown how many signals are queued for the user.
func (s *Scan) statusFromSource(t *bpf.Task, buf []byte) ([]byte, bool) {
	uid := strconv.FormatUint(uint64(t.RealUID), 10)
	queued, known := s.queued.of(queueUser{t.Namespaces.User, uid})
	if !known {
		return buf, false
	}
	core := 0
	if t.CoreDump {
		core = 1
	}
	buf = fmt.Appendf(buf, "TracerPid:\t%d\nUid:\t%s\t%d\nCoreDumping:\t%d\nNSpid:\t%d", t.Tracer, uid, t.UID, core, t.PID)
	for _, n := range t.NSPIDs {
		buf = strconv.AppendInt(append(buf, '\t'), int64(n), 10)
	}
	buf = fmt.Appendf(buf, "\nSigQ:\t%d/%d", queued, t.QueueLimit)
	for _, m := range [...]struct {
		name string
		mask uint64
	}{{"SigPnd", t.Pending}, {"ShdPnd", t.SharedPending}, {"SigBlk", t.Blocked}, {"SigIgn", t.Ignored}, {"SigCgt", t.Caught}} {
		buf = fmt.Appendf(buf, "\n%s:\t%016x", m.name, m.mask)
	}
	return append(buf, '\n'), true
}

// cgroupFacts are the control groups that a set of threads shares, as read from the file of
// one of their processes.
type cgroupFacts struct {
	pid   int32
	ticks uint64
	path  string
	known bool // the process was in them before and after its file was read
}

// readCgroups reads the control groups of one process for all threads that are in the same ones.
func (s *Scan) readCgroups(f *facts) {
	list := make([]*cgroupFacts, 0, len(f.cgroups))
	for _, c := range f.cgroups {
		list = append(list, c)
	}
	s.scanner.guard.Each(len(list), s.scanner.opts.Workers, func(i int) guard.Item { return s.processItem(int(list[i].pid), list[i].ticks) },
		func(t *guard.Task, i int) func() {
			if !t.Begin("identity", 0) {
				return nil
			}
			b, err := s.root.ReadRecord(strconv.Itoa(int(list[i].pid))+"/cgroup", nil)
			t.End()
			return func() {
				if err == nil {
					list[i].path = proc.ParseCgroup(b)
				}
			}
		})
}

// cgroupOf returns the control group of a process; known is false if its file has to be read.
func (f *facts) cgroupOf(t *bpf.Task) (path string, known bool) {
	if c := f.cgroups[t.CgroupSet]; c != nil && c.known && c.path != "" {
		return c.path, true
	}
	return "", false // if it could not be read for all, it is tried for each process
}

// sharedNamespaces are sets of namespaces; most processes have the same one.
type sharedNamespaces struct {
	mu   sync.Mutex
	maps map[bpf.TaskNamespaces]map[string]uint64
}

// of returns the namespaces of the given types in the form that processes carry. The map must not
// be changed.
func (n *sharedNamespaces) of(ns bpf.TaskNamespaces, types []string) map[string]uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.maps[ns]
	if m == nil {
		m = make(map[string]uint64, len(types))
		for _, t := range types {
			if inode := ns.Of(t); inode != 0 {
				m[t] = inode
			}
		}
		if n.maps == nil {
			n.maps = map[bpf.TaskNamespaces]map[string]uint64{}
		}
		n.maps[ns] = m
	}
	return m
}

// dropEnded drops the results of processes that the source told of and that no longer
// exist: their pids may have been reused meanwhile. It returns how many these were.
func (s *Scan) dropEnded() (ended int) {
	if s.facts == nil || !s.facts.once || !s.facts.whole {
		return 0
	}
	err := s.facts.source.Tasks(bpf.TaskRuns, func(t *bpf.Task) {
		if was := s.facts.tasks[int32(t.TID)]; was != nil && was.ticks == t.StartTicks && t.TID == t.PID {
			was.lives = true
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := map[int]bool{}
	kept := s.results[:0]
	for _, r := range s.results {
		if r.fromSource && (err != nil || !s.facts.tasks[int32(r.process.PID)].lives) {
			gone[r.process.PID] = true
			continue
		}
		kept = append(kept, r)
	}
	clear(s.results[len(kept):])
	s.results = kept
	if len(gone) > 0 {
		s.scanner.handles.Drop(func(pid int) bool { return !gone[pid] })
	}
	return len(gone)
}

// checkProcess returns a check for the directory of a process that was read before: it fails
// if another process has the pid now.
func checkProcess(p *model.Process) func(dir *proc.Dir) error {
	return func(dir *proc.Dir) error {
		var buf [1024]byte
		text, err := dir.ReadRecord("stat", buf[:0])
		if err != nil {
			return err
		}
		st, err := proc.ParseStat(text)
		if err == nil && st.StartTicks != p.StartTicks {
			err = fmt.Errorf("%s: another process now: %w", dir.Path(), proc.ErrVanished)
		}
		return err
	}
}
