package probe

import (
	"strconv"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// A process whose main thread has ended shows nothing of what it has, although its other
// threads live: no descriptors, mappings, namespaces, mounts or root directory. The proc
// file system shows all of that in the directory of each thread.

// living returns a thread through which a process can be read: the main thread, or
// another one if that has ended.
func living(m *model.Process) int {
	if m.State == "Z" || m.State == "X" {
		for i := len(m.ThreadList) - 1; i >= 0; i-- {
			if t := &m.ThreadList[i]; t.TID != m.PID && t.State != "Z" && t.State != "X" {
				return t.TID
			}
		}
	}
	return m.PID
}

// Living returns a thread through which a process can be asked: the main thread, or
// another one if that has ended.
func (idx *Index) Living(pid int32) int32 {
	if p := idx.Processes[pid]; p != nil {
		return int32(living(p))
	}
	return pid
}

// through returns the prefix for names below the process's directory that reads them
// through a living thread.
func (p *Proc) through() string { return Below(p.Model.PID, living(p.Model)) }

// Through returns the prefix for names below the process's directory that reads them
// through a living thread: nothing, or the thread's directory. Not all files exist there:
// the kernel has map_files only for processes.
func (idx *Index) Through(pid int32) string { return Below(int(pid), int(idx.Living(pid))) }

// Below returns where the files of a thread are below its process's directory: ""
// for the main thread.
func Below(pid, tid int) string {
	if tid == pid || tid == 0 {
		return ""
	}
	return "task/" + strconv.Itoa(tid) + "/"
}

// namespacesOf returns what the source told of a process's namespaces, by type; nil if it did not
// tell.
func (f *facts) namespacesOf(m *model.Process, types []string) map[string]uint64 {
	if f == nil {
		return nil
	}
	main := f.tasks[int32(m.PID)]
	if main == nil || main.ticks != m.StartTicks || main.namespaces.Net == 0 { // it has ended
		return nil
	}
	return f.namespaces.of(main.namespaces, types)
}

// threadNamespaces are the types of namespaces that a single thread can change
// (unshare(2), setns(2)), and that decide what it means by a number or path.
var threadNamespaces = []string{"ipc", "mnt", "net"}

// noteThreadNamespaces notes the namespaces of threads that differ from their process's.
func (s *Scan) noteThreadNamespaces(p *Proc) {
	if len(p.Model.Namespaces) == 0 || len(p.Model.ThreadList) < 2 || s.facts != nil && s.facts.shareNamespaces(p.Model) || !p.task.Begin("identity", 0) {
		return
	}
	var mounts map[int]uint64
	for i := range p.Model.ThreadList {
		tid := p.Model.ThreadList[i].TID
		if tid == p.Model.PID {
			continue
		}
		dir := "task/" + strconv.Itoa(tid)
		for _, t := range threadNamespaces {
			link, err := p.Dir.Readlink(dir + "/ns/" + t)
			if err != nil {
				break
			}
			inode, err := proc.ParseNamespace(link)
			if err != nil || inode == p.Model.Namespaces[t] {
				continue
			}
			s.noteNamespace(link, p.Dir.Path()+"/"+dir+"/ns/"+t)
			if t == "mnt" {
				if mounts == nil {
					mounts = map[int]uint64{}
				}
				mounts[tid] = inode
			}
			s.mu.Lock()
			s.threadNS[threadNamespace{tid, t}] = inode
			s.mu.Unlock()
		}
	}
	p.task.End()
	for tid, inode := range mounts {
		if s.members.addThread(inode, int32(tid)) {
			s.mounts.seenFrom(p, inode, "task/"+strconv.Itoa(tid)+"/")
		}
	}
}

// threadNamespace identifies a thread and a type of namespace.
type threadNamespace struct {
	tid    int
	nsType string
}

// Namespace returns the namespace of a type that a thread is in, which need not be
// its process's; 0 if it is unknown.
func (s *Scan) Namespace(p *model.Process, tid int, nsType string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inode, ok := s.threadNS[threadNamespace{tid, nsType}]; ok {
		return inode
	}
	return p.Namespaces[nsType]
}

// NamespacesOf returns the namespaces of a type that threads of the process are in, as
// far as they are known. The main thread's is first.
func (s *Scan) NamespacesOf(p *model.Process, nsType string) []uint64 {
	var list []uint64
	if inode := p.Namespaces[nsType]; inode != 0 {
		list = append(list, inode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.threadNS) == 0 {
		return list
	}
	seen := map[uint64]bool{p.Namespaces[nsType]: true}
	for i := range p.ThreadList {
		if inode, ok := s.threadNS[threadNamespace{p.ThreadList[i].TID, nsType}]; ok && !seen[inode] {
			seen[inode] = true
			list = append(list, inode)
		}
	}
	return list
}

// forgetThreads closes the kept files of threads that have ended since the last scan.
func forgetThreads(dir *proc.Dir, stamps []stamp) {
	var living map[int]bool
	dir.ForgetThreads(func(tid int) bool {
		if living == nil {
			living = make(map[int]bool, len(stamps))
			for _, s := range stamps {
				living[s.tid] = true
			}
		}
		return living[tid]
	})
}

// readThreads lists the threads of a process that has several, and appends
// their scheduling stamps to stamps.
func (s *Scan) readThreads(p *Proc, sc *scratch, out *Collector, stamps []stamp) []stamp {
	dir, err := p.Dir.Open("task")
	if err != nil {
		return append(stamps, stamp{tid: p.Model.PID})
	}
	defer dir.Close()
	text := sc.text[:0]
	_ = dir.Each(sc.tasks, func(e proc.Entry) bool {
		tid, ok := e.Number()
		if !ok {
			return true
		}
		now := stamp{tid, s.readStamp(tid, dir, string(e.Name)+"/schedstat")}
		var err error
		if !p.task.Begin("thread status", int32(tid)) {
			out.Gap(model.Gap{
				Probe: "process", Reason: model.Timeout, PID: p.Model.PID, TID: tid, Op: "thread status", Detail: guard.ErrGivenUp.Error(),
			})
			return true
		}
		text, err = dir.ReadRecord(string(e.Name)+"/status", text[:0])
		p.task.End()
		if err != nil {
			return true // the thread has ended
		}
		t := model.Thread{TID: tid}
		if name, ok := proc.StatusField(text, "Name"); ok {
			t.Comm = proc.UnescapeName(name)
		}
		if state, ok := proc.StatusField(text, "State"); ok && len(state) > 0 {
			t.State = string(state[:1])
		}
		for i := range s.scanner.opts.Probes {
			if hook := s.scanner.opts.Probes[i].Thread; hook != nil {
				hook(p, &t, text)
			}
		}
		p.Model.ThreadList = append(p.Model.ThreadList, t)
		stamps = append(stamps, validStamp(now, t.State))
		return true
	})
	sc.text = text
	return stamps
}
