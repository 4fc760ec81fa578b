package probe

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// A namespace that has no process, and to which no descriptor or mount leads, can
// still be kept alive by its objects: by sockets whose holders have left the
// namespace.

// keptNamespaces lets the probes find such namespaces by objects that no table lists,
// and reads their tables, until no more are found.
func (s *Scan) keptNamespaces(ctx context.Context, idx *Index) {
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.FindUnlisted == nil || !s.PIDCalls {
			continue
		}
		out := &Collector{probe: p.Name}
		known := map[uint64]bool{}
		for _, inode := range s.nss.List(p.Scope, s.Own[p.Scope]) {
			// A namespace whose processes have left meanwhile is entered again: there may be
			// another way.
			known[inode] = !s.isUnreached(visitKey{p.Scope, inode})
		}
		read := func() int { return s.readKept(ctx, idx, p.Scope, known) }
		if err := s.recovered(func() error { p.FindUnlisted(ctx, idx, read, out); return nil }); err != nil {
			out.Fail("find namespaces", "", err)
		}
		s.add(&result{out: out})
	}
}

func (s *Scan) noteUnreached(k visitKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unreached == nil {
		s.unreached = map[visitKey]bool{}
	}
	s.unreached[k] = true
}

func (s *Scan) isUnreached(k visitKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unreached[k]
}

// readKept reads the tables of those namespaces of a type that are not yet known,
// and returns how many there are.
func (s *Scan) readKept(ctx context.Context, idx *Index, nsType string, known map[uint64]bool) int {
	var fresh []visitKey
	for _, inode := range s.nss.List(nsType, s.Own[nsType]) {
		if !known[inode] {
			known[inode] = true
			fresh = append(fresh, visitKey{nsType, inode})
		}
	}
	if len(fresh) == 0 {
		return 0
	}
	scopes := map[string][]*Probe{}
	for i := range s.scanner.opts.Probes {
		if p := &s.scanner.opts.Probes[i]; p.Table != nil && p.Scope == nsType {
			scopes[nsType] = append(scopes[nsType], p)
		}
	}
	before := len(s.allResults())
	s.namespaceTables(ctx, fresh, scopes)
	for _, r := range s.allResults()[before:] {
		idx.addTable(r.out)
	}
	return len(fresh)
}

func (s *Scan) allResults() []*result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.results)
}

// addTable joins the content of tables that were read after the others.
func (idx *Index) addTable(out *Collector) {
	for _, o := range out.objects {
		object := *o.object // the table may emit the same record again in the next scan
		idx.Add(o.key, &object)
	}
	idx.connect(out)
	out.objects = nil
}

// NoteWay notes a way into a namespace. open returns a descriptor of the namespace; it
// is called again when the namespace is entered, so that no descriptor keeps the
// namespace alive until then.
func (s *Scan) NoteWay(nsType string, open func() (int, error)) error {
	fd, err := open()
	if err != nil {
		return err
	}
	inode, err := inodeOfFD(fd)
	_ = unix.Close(fd)
	if err != nil {
		return err
	}
	if inode != s.Own[nsType] {
		s.nss.AddWay(nsType, inode, proc.NoProcess, open)
	}
	return nil
}

func inodeOfFD(fd int) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("fstat: %w", err)
	}
	return st.Ino, nil
}

// NetworkNamespaceOf opens the network namespace of a holder's UNIX socket
// (SIOCGSKNS, Linux 4.9, with CAP_NET_ADMIN in that namespace).
func NetworkNamespaceOf(h *model.Holder, ino uint64) (int, error) {
	ns := -1
	err := AskDuplicate(h, func(dup int) error {
		if n, err := inodeOfFD(dup); err != nil || n != ino {
			return unix.ENOENT // the descriptor is another file's now
		}
		n, err := unix.IoctlRetInt(dup, unix.SIOCGSKNS)
		ns = n
		return err
	})
	if err != nil && ns >= 0 {
		_ = unix.Close(ns)
	}
	return ns, err
}
