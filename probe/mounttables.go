package probe

import (
	"errors"
	"path"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// mountTables reads each mount namespace's table once a scan.
type mountTables struct {
	mu   sync.Mutex
	byNS map[uint64]*proc.MountTable
	size int // the size of all their texts
}

// maxMountTables is how many bytes the tables of all namespaces may have in total. Tables
// beyond that are not read.
const maxMountTables = 4 * proc.MaxMounts

// of returns the mount table of a process; nil if it cannot be read. With nil,
// every path counts as foreign.
func (m *mountTables) of(p *Proc) *proc.MountTable {
	return m.seenFrom(p, p.Model.Namespaces["mnt"], p.through())
}

// seenFrom returns the table of a mount namespace as a thread of a process sees it.
func (m *mountTables) seenFrom(p *Proc, ns uint64, through string) *proc.MountTable {
	if t, ok := m.lookup(ns); ok {
		return t
	}
	// Without the lock: reading waits for any process that mounts or unmounts something
	// there. That may take for ever, and would stop all other workers, too.
	if !p.task.Begin("mountinfo", 0) {
		return nil
	}
	t, err := m.read(p, through)
	root, rootErr := p.Dir.Readlink(through + "root")
	p.task.End()
	if err != nil && !proc.Gone(err) && !errors.Is(err, unix.EINVAL) { // EINVAL: the process is ending
		out := &Collector{probe: "process"}
		out.Gap(model.Gap{
			Reason: proc.ReasonOf(err), PID: p.Model.PID, Op: "read mountinfo", Detail: "its paths are taken for ones of another machine: " + err.Error(),
		})
		p.Scan.add(&result{out: out})
	}
	// A process in a chroot sees only the mounts below its root, under other
	// names: its table is not that of its namespace.
	if ns != 0 && (rootErr != nil || root == "/") {
		m.mu.Lock()
		m.byNS[ns] = t
		m.mu.Unlock()
	}
	return t
}

// room returns how large the next table may be.
func (m *mountTables) room() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return min(proc.MaxMounts, maxMountTables-m.size)
}

func (m *mountTables) lookup(ns uint64) (*proc.MountTable, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.byNS[ns]
	return t, ok && ns != 0
}

// known returns the table of a namespace if it was read in this scan.
func (m *mountTables) known(ns uint64) *proc.MountTable {
	t, _ := m.lookup(ns)
	return t
}

func (m *mountTables) read(p *Proc, through string) (*proc.MountTable, error) {
	t, size, err := proc.ReadMounts(p.Dir, through+"mountinfo", m.room())
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.size += size
	m.mu.Unlock()
	for i := range t.Mounts { // namespaces kept by a mount, as ip netns does
		mount := &t.Mounts[i]
		if mount.Type != "nsfs" {
			continue
		}
		// The path to it must not lead through a file system that may not answer.
		if above := path.Dir(mount.Point); t.Local([]byte(above)) {
			p.Scan.noteNamespace(mount.Root, p.Dir.Path()+"/"+through+"root"+mount.Point)
		}
	}
	return t, nil
}

// SeesFUSE reports whether the process sees a file system that a program serves.
func (p *Proc) SeesFUSE() bool {
	t := p.mounts()
	return t == nil || t.FUSE
}

// SeesFUSE is [Proc.SeesFUSE] for a process that was read before.
func (s *Scan) SeesFUSE(p *model.Process) bool {
	t := s.mounts.known(p.Namespaces["mnt"])
	return t == nil || t.FUSE
}

// FUSEDevices lists the devices of the file systems that programs serve.
func (s *Scan) FUSEDevices() map[uint64]bool {
	devs := map[uint64]bool{}
	s.mounts.mu.Lock()
	defer s.mounts.mu.Unlock()
	for _, t := range s.mounts.byNS {
		if t == nil || !t.FUSE {
			continue
		}
		for i := range t.Mounts {
			if proc.IsFUSE(t.Mounts[i].Type) {
				devs[t.Mounts[i].Dev] = true
			}
		}
	}
	return devs
}

// Mounts lists the mounts of the process's mount namespace in the kernel's
// order: a mount on top of another one comes later. It is empty if they cannot
// be read.
func (p *Proc) Mounts() []proc.Mount {
	if t := p.mounts(); t != nil {
		return t.Mounts
	}
	return nil
}

func (p *Proc) mounts() *proc.MountTable {
	if !p.mntRead {
		p.mntRead, p.mnt = true, p.Scan.mounts.of(p)
	}
	return p.mnt
}
