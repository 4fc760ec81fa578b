package probe

import (
	"strings"

	"github.com/ipctop/ipctop/proc"
)

// waitNamespaces are the types of namespaces that decide which objects a process means by a number
// or path.
var waitNamespaces = []string{"ipc", "mnt", "net", "pid"}

// noteProcessNamespaces notes the namespaces a process lives in.
func (s *Scan) noteProcessNamespaces(p *Proc) {
	for t, inode := range p.Model.Namespaces {
		if proc.Entered(t) && inode != s.Own[t] {
			s.nss.Add(t, inode, p.Dir.Path()+"/"+p.through()+"ns/"+t, p.Model.StartTicks)
		}
	}
}

// noteNamespace notes the namespace that a link such as "net:[4026531840]" names, if
// scans enter namespaces of its type. A descriptor or mount that leads there keeps the
// namespace alive even if it has no process in it.
func (s *Scan) noteNamespace(link, path string) {
	nsType, _, ok := strings.Cut(link, ":[")
	if !ok || !proc.Entered(nsType) {
		return
	}
	if inode, err := proc.ParseNamespace(link); err == nil && inode != s.Own[nsType] {
		s.nss.Add(nsType, inode, path, proc.NoProcess)
	}
}
