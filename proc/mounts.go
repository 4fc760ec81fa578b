package proc

import (
	"bytes"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Mount is one line of mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	ID, Parent uint64
	Dev        uint64 // device of the file system, as [Dev] packs it
	Root       string // the directory of the file system that is mounted
	Point      string // where, as the process sees it
	Type       string
}

// MountTable knows the mounts of one mount namespace.
type MountTable struct {
	Mounts []Mount // in the kernel's order: a mount on top of another one comes later
	FUSE   bool    // it has FUSE mounts

	types map[string]string // mount point → type of the topmost mount there
	byID  map[uint64]*Mount
	byDev map[uint64]*Mount // any one of the mounts of a file system
}

// IsFUSE reports whether a program serves file systems of this type (fuse(4)).
func IsFUSE(fsType string) bool {
	return fsType == "fuse" || fsType == "fuseblk" || strings.HasPrefix(fsType, "fuse.")
}

// localTypes are the file systems for which this kernel alone answers stat,
// from memory or a local disk. All others (NFS, FUSE, 9p, …) may ask a server
// that never answers. overlay is included although one of its layers may be
// foreign: DONT_SYNC keeps statx from asking.
var localTypes = []string{
	"bcachefs", "binfmt_misc", "bpf", "btrfs", "cgroup", "cgroup2", "configfs", "cramfs", "debugfs", "devpts",
	"devtmpfs", "efivarfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "hugetlbfs", "iso9660",
	"jfs", "minix", "mqueue", "nilfs2", "nsfs", "ntfs3", "overlay", "proc", "pstore", "ramfs", "reiserfs", "rootfs",
	"securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs", "udf", "ufs", "vfat", "xfs", "zfs",
}

// Local reports whether path is on a local file system. Paths without a
// leading slash name things that are in no file system.
func (t *MountTable) Local(path []byte) bool {
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
			return false // a namespace whose root is not known
		}
	}
}

// ReadMounts reads the mounts that a process or one of its threads sees
// (/proc/PID/mountinfo, Linux 2.6.26). d is the process's directory, and name is the file
// below it.
//
// A text of more than limit bytes is refused with EFBIG. size is the size of the text.
func ReadMounts(d *Dir, name string, limit int) (table *MountTable, size int, err error) {
	text, err := d.ReadUpTo(name, limit)
	if err != nil {
		return nil, 0, err
	}
	return NewMountTable(parseMounts(text)), len(text), nil
}

// MaxMounts is how large a mount table may be, in bytes: any user can mount a lot in a
// namespace of their own.
const MaxMounts = 16 << 20

// NewMountTable makes a table of mounts in the kernel's order.
func NewMountTable(mounts []Mount) *MountTable {
	t := &MountTable{
		Mounts: mounts,
		types:  make(map[string]string, len(mounts)),
		byID:   make(map[uint64]*Mount, len(mounts)),
		byDev:  make(map[uint64]*Mount, len(mounts)),
	}
	for i := range mounts {
		m := &mounts[i]
		t.types[m.Point], t.byID[m.ID], t.byDev[m.Dev] = m.Type, m, m
		t.FUSE = t.FUSE || IsFUSE(m.Type)
	}
	return t
}

// parseMounts reads mountinfo (proc_pid_mountinfo(5)). One bad line costs that line.
func parseMounts(text []byte) []Mount {
	infos, err := mountinfo.GetMountsFromReader(bytes.NewReader(text), nil)
	if err != nil {
		infos = nil
		for line := range bytes.Lines(text) {
			info, err := mountinfo.GetMountsFromReader(bytes.NewReader(line), nil)
			if err == nil {
				infos = append(infos, info...)
			}
		}
	}
	mounts := make([]Mount, 0, len(infos))
	for _, i := range infos {
		mounts = append(mounts, Mount{
			ID: uint64(i.ID), Parent: uint64(i.Parent), Dev: Dev(uint32(i.Major), uint32(i.Minor)), Root: i.Root, Point: i.Mountpoint, Type: i.FSType,
		})
	}
	return mounts
}

// SuperDev is the device of the file system that a file is on.
func (t *MountTable) SuperDev(st *unix.Statx_t) uint64 {
	dev := Dev(st.Dev_major, st.Dev_minor)
	if t == nil || t.byDev[dev] != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		return dev
	}
	if m := t.byID[st.Mnt_id]; m != nil {
		return m.Dev
	}
	return dev // a mount internal to the kernel, or in another namespace
}

// Mount is the mount with this id, nil if it is not in the table.
func (t *MountTable) Mount(id uint64) *Mount {
	if t == nil {
		return nil
	}
	return t.byID[id]
}

// LocalPath reports whether path and all directories on the way to it are on local
// file systems. It is for paths without symbolic links.
func (t *MountTable) LocalPath(path string) bool {
	for i := range len(path) {
		if path[i] == '/' && !t.Local([]byte(path[:max(i, 1)])) {
			return false
		}
	}
	return t.Local([]byte(path))
}

// OfDevice returns any one of the mounts of the file system with this device; nil
// if there is none.
func (t *MountTable) OfDevice(dev uint64) *Mount {
	if t == nil {
		return nil
	}
	return t.byDev[dev]
}
