package probe

import (
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// A process whose main thread has ended shows nothing of what it has, while its other
// threads live: descriptors, mappings, namespaces, mounts, root directory. The proc file
// system has all of that below each thread.

// living is a thread through which a process can be read: the main one, or another if
// that has ended.
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

// through is what to put before a name below the process's directory to read it through
// a thread that lives.
func (p *Proc) through() string {
	if tid := living(p.Model); tid != p.Model.PID {
		return "task/" + strconv.Itoa(tid) + "/"
	}
	return ""
}

// threadNamespaces are those that a thread alone can leave its process for (unshare(2),
// setns(2)) and that say what it means by a number or path.
var threadNamespaces = []string{"ipc", "mnt", "net"}

// noteThreadNamespaces notes the namespaces of threads that are not their process's.
func (s *Scan) noteThreadNamespaces(p *Proc) {
	if len(p.Model.Namespaces) == 0 || len(p.Model.ThreadList) < 2 || !p.task.Begin("identity", 0) {
		return
	}
	defer p.task.End()
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
			s.mu.Lock()
			s.threadNS[threadNamespace{tid, t}] = inode
			s.mu.Unlock()
		}
	}
}

// threadNamespace names a namespace of a thread.
type threadNamespace struct {
	tid    int
	nsType string
}

// Namespace is the namespace of a type in which a thread is, which need not be its
// process's; 0 if it is not known.
func (s *Scan) Namespace(p *model.Process, tid int, nsType string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inode, ok := s.threadNS[threadNamespace{tid, nsType}]; ok {
		return inode
	}
	return p.Namespaces[nsType]
}
