package probe

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/proc"
)

// waitNamespaces are those that say which objects processes mean by a number or path.
var waitNamespaces = []string{"ipc", "mnt", "net", "pid"}

// noteProcessNamespaces notes the namespaces a process lives in.
func (s *Scan) noteProcessNamespaces(p *Proc) {
	for t, inode := range p.Model.Namespaces {
		if proc.Entered(t) && inode != s.Own[t] {
			s.nss.Add(t, inode, p.Dir.Path()+"/"+p.through()+"ns/"+t)
		}
	}
}

// noteNamespace notes the namespace that a link such as "net:[4026531840]" names, if
// it is one that scans enter. What leads there, a descriptor or a mount, keeps alive a
// namespace that may have no process in it.
func (s *Scan) noteNamespace(link, path string) {
	nsType, _, ok := strings.Cut(link, ":[")
	if !ok || !proc.Entered(nsType) {
		return
	}
	if inode, err := proc.ParseNamespace(link); err == nil && inode != s.Own[nsType] {
		s.nss.Add(nsType, inode, path)
	}
}

// inNamespaceInTime runs f in a namespace, with an end: ways into a namespace can lead
// past programs that do not answer.
func (s *Scan) inNamespaceInTime(ctx context.Context, nsType string, inode uint64, f func()) error {
	op := strconv.FormatUint(inode, 10)
	if s.scanner.guard.Skips(nsType, op, 0) {
		return guard.ErrGivenUp
	}
	done := make(chan error, 1)
	go func() { done <- s.nss.Run(nsType, inode, f) }()
	late := time.NewTimer(tableDeadline)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		back := s.scanner.guard.MarkStuck(nsType, op, 0)
		go func() { <-done; back() }()
		return guard.ErrGivenUp
	}
}
