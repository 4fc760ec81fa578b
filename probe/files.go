package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Files is the space of everything that has an inode on a file system: a file that
// processes share, a POSIX shared memory object, a memfd. Scope is the device of the
// file system (of its superblock), which mappings, /proc/locks and mountinfo name as
// well. stat(2) gives another device on btrfs subvolumes and on some overlays, see
// [FD.FileKey].
//
// Nearly every descriptor leads to such a file, and few are of interest. So any probe
// that sees a holder emits it, and only those files that some probe describes become
// objects.
var Files = &KeySpace{Name: "file", ByMapping: true}

// fileStats is what is asked for each file. The mount id costs nothing more,
// and tells which device st_dev should have been (STATX_MNT_ID, Linux 5.8;
// older kernels ignore it).
const fileStats = unix.STATX_BASIC_STATS | unix.STATX_MNT_ID

// FileKey returns the key in [Files] of the file behind the descriptor, and the
// type bits of its mode. The mode is 0 where only a foreign file system could
// tell it. The key is then taken from fdinfo, which the kernel answers by
// itself.
func (f *FD) FileKey() (k Key, mode uint32, err error) {
	if f.sourceFile.plain() {
		return Key{Files, f.sourceFile.dev, f.sourceFile.ino}, f.sourceFile.mode & unix.S_IFMT, nil
	}
	st, err := f.Stat()
	switch {
	case err == nil:
		return Key{Files, f.Proc.mounts().SuperDev(st), st.Ino}, uint32(st.Mode) & unix.S_IFMT, nil
	case !errors.Is(err, proc.ErrForeign):
		return Key{}, 0, err
	}
	text, err := f.Info()
	if err != nil {
		return Key{}, 0, err
	}
	mount, ino, err := proc.ParseInfoIdentity(text)
	if err != nil {
		return Key{}, 0, err
	}
	m := f.Proc.mounts().Mount(mount)
	if m == nil {
		return Key{}, 0, fmt.Errorf("%w: on a mount that is not in the process's mountinfo", proc.ErrForeign)
	}
	return Key{Files, m.Dev, ino}, 0, nil
}

// Mounted reports whether the process sees a mount of the file system with this
// device. The file systems on which the kernel keeps anonymous shared memory are
// not mounted anywhere; the name alone does not identify them, as a file may
// have any name. known is false if the mounts could not be read.
func (p *Proc) Mounted(dev uint64) (mounted, known bool) {
	t := p.mounts()
	if t == nil {
		return false, false
	}
	return t.OfDevice(dev) != nil, true
}

// Unmounted reports whether the process sees no mount of the file system with this device,
// as for those on which the kernel keeps memory. If the mounts could not be read, that is
// unknown: a gap says so, and Unmounted reports false.
func (p *Proc) Unmounted(dev uint64, out *Collector) bool {
	mounted, known := p.Mounted(dev)
	if !known {
		out.Gap(model.Gap{
			Reason: model.Other, PID: p.Model.PID, Op: "tell memory from files",
			Detail: "a file can be called as the kernel calls memory, and the process's mounts could not be read",
		})
	}
	return known && !mounted
}

// FSType is the type of the file system with this device, "" if no mount that
// the process sees shows it.
func (p *Proc) FSType(dev uint64) string {
	if m := p.mounts().OfDevice(dev); m != nil {
		return m.Type
	}
	return ""
}

// FileKey names the mapped file in [Files].
func (m *Mapping) FileKey() Key { return Key{Files, m.Dev, m.Ino} }

// FileFacts is what could be learnt about a file through its holders.
type FileFacts struct {
	Path    string // "" if no holder could be asked
	Deleted bool
	Stat    unix.Statx_t
	Statted bool // whether Stat was filled
}

// Mode is the type bits of the file's mode, 0 if unknown.
func (f *FileFacts) Mode() uint32 {
	if !f.Statted {
		return 0
	}
	return uint32(f.Stat.Mode) & unix.S_IFMT
}

// Object makes the object of a kind whose identity is a file's.
func (f *FileFacts) Object(kind model.Kind, k Key, detail model.Detail) *model.Object {
	dev := proc.DevString(k.Scope)
	o := &model.Object{
		ID:   string(kind) + ":" + dev + ":" + strconv.FormatUint(k.Num, 10),
		Kind: kind, Name: f.Path, Path: f.Path, Deleted: f.Deleted, Dev: dev, Ino: model.Big(k.Num), Detail: detail,
	}
	if f.Statted {
		o.UID, o.GID, o.Mode = model.Some(int(f.Stat.Uid)), model.Some(int(f.Stat.Gid)), Octal(uint32(f.Stat.Mode))
	}
	return o
}

// Owns reports whether an object has the owner and mode that [FileFacts.Object] would give it.
func (f *FileFacts) Owns(o *model.Object) bool {
	if !f.Statted {
		return !o.UID.Known() && !o.GID.Known() && o.Mode == ""
	}
	return o.UID == model.Some(int(f.Stat.Uid)) && o.GID == model.Some(int(f.Stat.Gid)) && o.Mode == Octal(uint32(f.Stat.Mode))
}

// Size is the length of the file.
func (f *FileFacts) Size() model.Opt[int64] {
	if !f.Statted {
		return model.Opt[int64]{}
	}
	return model.Some(int64(f.Stat.Size))
}

// Allocated is what the file takes on its file system, holes not counted.
func (f *FileFacts) Allocated() model.Opt[int64] {
	if !f.Statted {
		return model.Opt[int64]{}
	}
	return model.Some(int64(f.Stat.Blocks) * 512)
}

// Modified is when the file was last written to (mtime); zero if it is unknown.
func (f *FileFacts) Modified() time.Time {
	if !f.Statted {
		return time.Time{}
	}
	return time.Unix(f.Stat.Mtime.Sec, int64(f.Stat.Mtime.Nsec)).UTC()
}

// Octal is the permission bits as objects carry them.
func Octal(mode uint32) string {
	s := strconv.FormatUint(uint64(mode&0o7777), 8)
	return "0000"[min(len(s), 4):] + s
}

// maxQueried is how many holders are asked about one file.
const maxQueried = 8

// File asks the holders of a file for its path and owner. It is for the few
// files that turned out to be of interest; the links of all other files were
// read and dropped. The result is always about the file of e, even if a pid or
// descriptor has been reused since.
func (idx *Index) File(t *guard.Task, e *Entry) FileFacts {
	var best FileFacts
	asked := 0
	for i := range e.Holders {
		if best.Statted || asked == maxQueried {
			break
		}
		if i > 0 && e.Holders[i].PID == e.Holders[i-1].PID && e.Holders[i].Via == e.Holders[i-1].Via && best.Path != "" {
			continue // it would say the same
		}
		asked++
		if f, ok := idx.queryHolder(t, e, &e.Holders[i]); ok {
			best = f
		}
	}
	return best
}

func (idx *Index) queryHolder(t *guard.Task, e *Entry, h *model.Holder) (FileFacts, bool) {
	var f FileFacts
	name := HolderLink(h)
	if name == "" || !idx.beginHolder(t, h) {
		return f, false
	}
	defer t.End()
	dir, err := idx.Open(h.PID)
	if err != nil {
		return f, false
	}
	defer dir.Close()
	mounts := idx.Scan.mounts.known(idx.Scan.Namespace(idx.Processes[h.PID], int(h.TID), "mnt"))
	link, err := dir.Readlink(name)
	if err != nil {
		return f, false
	}
	foreign := len(link) > 0 && link[0] == '/' && !mounts.Local([]byte(link))
	if !foreign {
		f.Statted = statFile(dir, name, e.Key, mounts, &f.Stat) == nil
		if again, err := dir.Readlink(name); err != nil || f.Statted && again != link {
			return FileFacts{}, false
		}
	}
	base, deleted := bytes.CutSuffix([]byte(link), []byte(deletedSuffix))
	switch {
	case f.Statted && f.Stat.Nlink > 0: // a file may well have a name that ends so
		f.Path = link
	case deleted:
		f.Path, f.Deleted = string(base), true
	default:
		f.Path = link
	}
	if f.Statted || foreign || f.Deleted || h.Via != model.ViaMap {
		return f, f.Statted || foreign || h.Via == model.ViaMap
	}
	// Following a link in map_files needs CAP_CHECKPOINT_RESTORE. The same file
	// can be reached by its name, if that still leads to it.
	f.Statted = statFile(dir, idx.Through(h.PID)+"root"+link, e.Key, mounts, &f.Stat) == nil
	return f, true
}

// beginHolder begins a guarded query of what a holder holds.
func (idx *Index) beginHolder(t *guard.Task, h *model.Holder) bool {
	if fd, ok := h.FD.Get(); ok {
		return idx.BeginAt(t, h.PID, opStat, fd)
	}
	return t.Begin("stat mapping", h.PID)
}

const deletedSuffix = " (deleted)"

// HolderLink returns the link to what a descriptor or mapping holds, below
// /proc/PID; "" if there is none.
func HolderLink(h *model.Holder) string {
	if fd, ok := h.FD.Get(); ok {
		if h.TID != 0 {
			return "task/" + strconv.Itoa(int(h.TID)) + "/fd/" + strconv.Itoa(int(fd))
		}
		return "fd/" + strconv.Itoa(int(fd))
	}
	if h.Via == model.ViaMap && h.Extent != nil {
		size, ok := h.Size.Get()
		if ok {
			start := uint64(h.Address)
			return "map_files/" + strconv.FormatUint(start, 16) + "-" + strconv.FormatUint(start+uint64(size), 16)
		}
	}
	return ""
}

var errOtherFile = errors.New("it is another file now")

// statFile asks for a file below dir. It fails if the file is not the one that k names.
func statFile(dir *proc.Dir, name string, k Key, mounts *proc.MountTable, st *unix.Statx_t) error {
	err := dir.Statx(name, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, fileStats, st)
	if err != nil {
		return err
	}
	if st.Ino != k.Num || mounts.SuperDev(st) != k.Scope {
		return errOtherFile
	}
	return nil
}

// Open opens the directory of a process that was read, if it is still that
// process.
func (idx *Index) Open(pid int32) (*proc.Dir, error) {
	p := idx.Processes[pid]
	if p == nil {
		return nil, fmt.Errorf("process %d was not read: %w", pid, unix.ESRCH)
	}
	return idx.Scan.open(nil, p)
}

// FileDetail is the detail of the file as a [model.File].
func (f *FileFacts) FileDetail() *model.FileDetail {
	d := new(model.FileDetail)
	switch f.Mode() {
	case unix.S_IFREG:
		d.Type, d.Size = "regular", f.Size()
	case unix.S_IFDIR:
		d.Type = "directory"
	case unix.S_IFBLK:
		d.Type = "block"
	case unix.S_IFCHR:
		d.Type = "character"
	}
	return d
}

// Stat asks holders only for the size and owner of what they hold. It is for
// objects without a path, of which there may be thousands.
func (idx *Index) Stat(t *guard.Task, e *Entry) FileFacts {
	var f FileFacts
	if facts := idx.Scan.facts; facts != nil && facts.mapped.stat(e.Key, &f.Stat) {
		f.Statted = true
		return f
	}
	for i := range e.Holders {
		name := HolderLink(&e.Holders[i])
		if i == maxQueried || name == "" || !idx.beginHolder(t, &e.Holders[i]) {
			break
		}
		// The inode tells whether the pid still belongs to the same process.
		err := statFile(idx.Scan.root, strconv.Itoa(int(e.Holders[i].PID))+"/"+name, e.Key, nil, &f.Stat)
		t.End()
		if f.Statted = err == nil; f.Statted || err == unix.EPERM {
			break
		}
	}
	return f
}
