package probe

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/procfs"
)

// mountTable knows the file system type at each mount point of one mount
// namespace.
type mountTable struct {
	types map[string]string // mount point → type of the topmost mount there
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
func (m *mountTable) local(path []byte) bool {
	if len(path) == 0 || path[0] != '/' {
		return true
	}
	if m == nil {
		return false
	}
	for {
		if t, ok := m.types[string(path)]; ok {
			_, found := slices.BinarySearch(localTypes, t)
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
	m.mu.Lock()
	t, ok := m.byNS[ns]
	m.mu.Unlock()
	if ok && ns != 0 {
		return t
	}
	// Not under the lock: the kernel makes readers of mountinfo wait for whoever
	// is mounting, and one that waits must not hold up the others.
	if !p.task.Enter("mountinfo", 0) {
		return nil
	}
	t = readMountTable(m.root, p)
	p.task.Leave()
	if ns != 0 {
		m.mu.Lock()
		m.byNS[ns] = t
		m.mu.Unlock()
	}
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
	t := &mountTable{types: make(map[string]string, len(infos))}
	for _, i := range infos {
		t.types[unescapeMount(i.MountPoint)] = i.FSType
	}
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

// mountEscapes are the bytes that mountinfo writes in octal
// (proc_pid_mountinfo(5)); procfs leaves them as they are.
var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

func unescapeMount(s string) string { return mountEscapes.Replace(s) }

func (p *Proc) mounts() *mountTable {
	if p.mnt == nil {
		p.mnt = p.Scan.mounts.of(p)
	}
	return p.mnt
}
