package probe

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/procfs"

	"github.com/ipctop/ipctop/model"
)

// Mount is one line of mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	ID, Parent uint64
	Dev        uint64 // device of the file system, as [Dev] packs it
	Root       string // which directory of the file system is mounted
	Point      string // where, as the process sees it
	Type       string
}

// mountTable knows the mounts of one mount namespace.
type mountTable struct {
	types  map[string]string // mount point → type of the topmost mount there
	mounts []Mount           // in the kernel's order
	byID   map[uint64]*Mount
	byDev  map[uint64]*Mount // any one of the mounts of a file system
	fuse   bool              // there are some of FUSE
}

// IsFUSE reports whether a file system's type is one that a program serves (fuse(4)).
func IsFUSE(fsType string) bool {
	return fsType == "fuse" || fsType == "fuseblk" || strings.HasPrefix(fsType, "fuse.")
}

// SeesFUSE reports whether the process sees a file system that a program serves.
func (p *Proc) SeesFUSE() bool {
	t := p.mounts()
	return t == nil || t.fuse
}

// SeesFUSE is [Proc.SeesFUSE] for a process that was read before.
func (s *Scan) SeesFUSE(p *model.Process) bool {
	t := s.mounts.known(p.Namespaces["mnt"])
	return t == nil || t.fuse
}

// FUSEDevices lists the devices of the file systems that programs serve.
func (s *Scan) FUSEDevices() map[uint64]bool {
	devs := map[uint64]bool{}
	s.mounts.mu.Lock()
	defer s.mounts.mu.Unlock()
	for _, t := range s.mounts.byNS {
		if t == nil || !t.fuse {
			continue
		}
		for i := range t.mounts {
			if IsFUSE(t.mounts[i].Type) {
				devs[t.mounts[i].Dev] = true
			}
		}
	}
	return devs
}

// localTypes are the file systems whose stat is answered by this kernel alone,
// from memory or a local disk. Everything else (NFS, FUSE, 9p, …) may ask a
// server that never answers. overlay is here although a layer of it may be
// foreign: DONT_SYNC keeps statx from asking.
var localTypes = []string{
	"bcachefs", "binfmt_misc", "bpf", "btrfs", "cgroup", "cgroup2", "configfs", "cramfs", "debugfs", "devpts",
	"devtmpfs", "efivarfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "hugetlbfs", "iso9660",
	"jfs", "minix", "mqueue", "nilfs2", "nsfs", "ntfs3", "overlay", "proc", "pstore", "ramfs", "reiserfs", "rootfs",
	"securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs", "udf", "ufs", "vfat", "xfs", "zfs",
}

// local reports whether path lies on a local file system. Paths without a
// leading slash name things that are in no file system.
func (t *mountTable) local(path []byte) bool {
	if len(path) == 0 || path[0] != '/' {
		return true
	}
	if t == nil {
		return false
	}
	for {
		if fsType, ok := t.types[string(path)]; ok {
			_, found := slices.BinarySearch(localTypes, fsType)
			return found
		}
		i := bytes.LastIndexByte(path, '/')
		switch {
		case i > 0:
			path = path[:i]
		case len(path) > 1:
			path = path[:1]
		default:
			return false // a namespace without a root that we know
		}
	}
}

// mountTables reads each mount namespace's table once a scan.
type mountTables struct {
	root string
	mu   sync.Mutex
	byNS map[uint64]*mountTable
}

// of returns the mount table of a process; nil if it cannot be read, which
// makes every path foreign.
func (m *mountTables) of(p *Proc) *mountTable {
	ns := p.Model.Namespaces["mnt"]
	if t, ok := m.lookup(ns); ok {
		return t
	}
	// Not under the lock: reading waits for whoever is mounting or unmounting there,
	// which may take for ever, and would hold up all other workers with it.
	if !p.task.Begin("mountinfo", 0) {
		return nil
	}
	t := readMountTable(m.root, p)
	root, err := p.Dir.Readlink("root")
	p.task.End()
	// A process in a chroot sees only the mounts below it, under other names:
	// its table is not its namespace's.
	if ns != 0 && (err != nil || root == "/") {
		m.mu.Lock()
		m.byNS[ns] = t
		m.mu.Unlock()
	}
	return t
}

func (m *mountTables) lookup(ns uint64) (*mountTable, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.byNS[ns]
	return t, ok && ns != 0
}

// known returns the table of a namespace if it was read in this scan.
func (m *mountTables) known(ns uint64) *mountTable {
	t, _ := m.lookup(ns)
	return t
}

func readMountTable(root string, p *Proc) *mountTable {
	fs, err := procfs.NewFS(root)
	if err != nil {
		return nil
	}
	proc, err := fs.Proc(p.Model.PID)
	if err != nil {
		return nil
	}
	infos, err := proc.MountInfo()
	if err != nil {
		return nil
	}
	t := newMountTable(infos)
	for _, i := range infos { // namespaces kept by a mount, as ip netns does
		nsType, _, _ := strings.Cut(i.Root, ":[")
		inode, err := parseNamespace(i.Root)
		if i.FSType != "nsfs" || err != nil || cloneFlags[nsType] == 0 || inode == p.Scan.Own[nsType] {
			continue
		}
		// The way there must not lead through a file system that may not answer.
		if above := path.Dir(unescapeMount(i.MountPoint)); t.local([]byte(above)) {
			p.Scan.nss.add(nsType, inode, p.Dir.path+"/root"+unescapeMount(i.MountPoint))
		}
	}
	return t
}

func newMountTable(infos []*procfs.MountInfo) *mountTable {
	t := &mountTable{
		types:  make(map[string]string, len(infos)),
		mounts: make([]Mount, 0, len(infos)),
		byID:   make(map[uint64]*Mount, len(infos)),
		byDev:  make(map[uint64]*Mount, len(infos)),
	}
	for _, i := range infos {
		dev, err := parseDevice(i.MajorMinorVer)
		if err != nil {
			continue
		}
		t.mounts = append(t.mounts, Mount{
			ID: uint64(i.MountID), Parent: uint64(i.ParentID), Dev: dev, Root: unescapeMount(i.Root), Point: unescapeMount(i.MountPoint), Type: i.FSType,
		})
		m := &t.mounts[len(t.mounts)-1]
		t.types[m.Point], t.byID[m.ID], t.byDev[m.Dev] = m.Type, m, m
		t.fuse = t.fuse || IsFUSE(m.Type)
	}
	return t
}

// parseDevice reads the decimal major:minor of mountinfo.
func parseDevice(s string) (uint64, error) {
	major, minor, ok := strings.Cut(s, ":")
	a, err1 := strconv.ParseUint(major, 10, 32)
	b, err2 := strconv.ParseUint(minor, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("mountinfo: %w: device %q", ErrMalformed, s)
	}
	return Dev(uint32(a), uint32(b)), nil
}

// mountEscapes are the bytes that mountinfo writes in octal
// (proc_pid_mountinfo(5)); procfs leaves them as they are.
var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

func unescapeMount(s string) string { return mountEscapes.Replace(s) }

// Mounts lists the mounts of the process's mount namespace in the kernel's
// order, in which one on top of another comes later; none if they cannot be
// read.
func (p *Proc) Mounts() []Mount {
	if t := p.mounts(); t != nil {
		return t.mounts
	}
	return nil
}

func (p *Proc) mounts() *mountTable {
	if p.mnt == nil {
		p.mnt = p.Scan.mounts.of(p)
	}
	return p.mnt
}
