package probe

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/proc"
)

// A thread of a program with several threads cannot enter a mount namespace. So
// the files in a mount namespace are reached through the root directory of a
// process that lives there.

// maxMembers is how many processes are remembered for each namespace.
const maxMembers = 8

// processesByNS remembers some of the processes in each mount namespace, each by the id
// of a living thread.
type processesByNS struct {
	mu   sync.Mutex
	byNS map[uint64][]int32
}

func (m *processesByNS) add(p *Proc) {
	if ns := p.Model.Namespaces["mnt"]; ns != 0 {
		m.addThread(ns, int32(living(p.Model)))
	}
}

// addThread notes a thread that is in a mount namespace, and reports whether more such
// threads would be of use.
func (m *processesByNS) addThread(ns uint64, tid int32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byNS == nil {
		m.byNS = map[uint64][]int32{}
	}
	list := m.byNS[ns]
	if len(list) >= maxMembers {
		return false
	}
	m.byNS[ns] = append(list, tid)
	return true
}

// MountNS is a mount namespace, seen through a process in it.
type MountNS struct {
	Inode  uint64
	Own    bool
	Proc   *proc.Dir    // the process's /proc/PID; closed when the function that got it returns
	Mounts []proc.Mount // as the process sees them

	table *proc.MountTable
}

// Dir returns an O_PATH descriptor of a directory of the namespace; O_PATH does
// not open the directory itself. The path must not lead through a symbolic link,
// nor through a file system that asks another machine or program: then the error
// is [proc.ErrForeign] or ELOOP.
func (ns *MountNS) Dir(path string) (int, error) {
	if !ns.table.LocalPath(path) {
		return -1, proc.ErrForeign
	}
	root, err := ns.Proc.OpenFile("root", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(root)
	return unix.Openat2(root, "./"+strings.TrimPrefix(path, "/")+"/.", &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	})
}

// ListDirectories reports whether [Options].ListDirectories is set.
func (s *Scan) ListDirectories() bool { return s.scanner.opts.ListDirectories }

// SuperDev is the device of the file system that a file of the namespace is on.
func (ns *MountNS) SuperDev(st *unix.Statx_t) uint64 { return ns.table.SuperDev(st) }

// EachMountNS calls f for every mount namespace that processes live in, ipctop's own
// first, on guarded threads; see [guard.Task.Begin]. If f fails because the process
// has ended, it is called again with another process of the namespace. commit is
// called unless the work was given up.
func (s *Scan) EachMountNS(f func(t *guard.Task, ns *MountNS) (commit func(), err error)) {
	type member struct {
		ns   uint64
		pids []int32
	}
	var list []member
	s.members.mu.Lock()
	for ns, pids := range s.members.byNS {
		list = append(list, member{ns, slices.Clone(pids)})
	}
	s.members.mu.Unlock()
	own := s.Own["mnt"]
	slices.SortFunc(list, func(a, b member) int {
		switch {
		case a.ns == own || b.ns != own && a.ns < b.ns:
			return -1
		default:
			return 1
		}
	})
	s.scanner.guard.Each(len(list), 1, func(i int) guard.Item {
		return guard.Item{Key: s.mountNSItemOf(list[i].ns, list[i].pids), Owner: s.owner(list[i].pids[0])}
	},
		func(t *guard.Task, i int) func() {
			for _, pid := range list[i].pids {
				commit, err := s.visit(t, list[i].ns, pid, f)
				if err == nil || !proc.Gone(err) {
					return commit
				}
			}
			return nil
		})
}

// VisitMountNS calls f for one mount namespace, on the caller's thread. If f
// fails because the process through which the namespace is seen has ended, it is
// called again with another one.
func (s *Scan) VisitMountNS(inode uint64, f func(ns *MountNS) error) {
	s.members.mu.Lock()
	pids := slices.Clone(s.members.byNS[inode])
	s.members.mu.Unlock()
	for _, pid := range pids {
		_, err := s.visit(nil, inode, pid, func(_ *guard.Task, ns *MountNS) (func(), error) { return nil, f(ns) })
		if err == nil || !proc.Gone(err) {
			return
		}
	}
}

// mountNSItem identifies a mount namespace in the guard's skip list. The inode number can be reused as
// soon as the namespace is gone, even while a thread is stuck on a file system that was mounted in it; the
// id is never reused. Before Linux 6.11 there is no id (0), and a namespace that gets the inode number of
// one that got stuck is skipped, too (docs/traces.md).
type mountNSItem struct{ inode, id uint64 }

// mountNSItemOf identifies the mount namespace that processes are in.
func (s *Scan) mountNSItemOf(inode uint64, pids []int32) mountNSItem {
	for _, pid := range pids {
		fd, err := unix.Open(s.ProcRoot+"/"+strconv.Itoa(int(pid))+"/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var id uint64
		if n, err := inodeOfFD(fd); err == nil && n == inode {
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.NS_GET_MNTNS_ID, uintptr(unsafe.Pointer(&id))); errno != 0 {
				id = 0
			}
		}
		_ = unix.Close(fd)
		return mountNSItem{inode, id}
	}
	return mountNSItem{inode, 0}
}

func (s *Scan) visit(t *guard.Task, inode uint64, pid int32, f func(*guard.Task, *MountNS) (func(), error)) (func(), error) {
	dir, err := s.root.Open(strconv.Itoa(int(pid)))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	link, err := dir.Readlink("ns/mnt")
	if err != nil {
		return nil, err
	}
	if n, err := proc.ParseNamespace(link); err != nil || n != inode {
		return nil, unix.ESRCH // the process has moved to another namespace
	}
	table := s.mounts.known(inode)
	if table == nil {
		return nil, unix.ESRCH // only processes in a chroot, or no permission to look
	}
	if root, err := dir.Readlink("root"); err != nil || root != "/" {
		return nil, unix.ESRCH
	}
	return f(t, &MountNS{Inode: inode, Own: inode == s.Own["mnt"], Proc: dir, Mounts: table.Mounts, table: table})
}

// MountDevices lists the devices of the file systems of a type that some process
// has mounted at a point.
func (s *Scan) MountDevices(point string, types ...string) map[uint64]bool {
	devs := map[uint64]bool{}
	s.mounts.mu.Lock()
	defer s.mounts.mu.Unlock()
	for _, t := range s.mounts.byNS {
		if t == nil {
			continue
		}
		for i := range t.Mounts {
			if m := &t.Mounts[i]; m.Point == point && slices.Contains(types, m.Type) {
				devs[m.Dev] = true
			}
		}
	}
	return devs
}
