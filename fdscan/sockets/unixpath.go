package sockets

import (
	"cmp"
	"context"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// A UNIX socket that is bound to a path and the file at that path exist independently:
// the file stays when the socket is closed, and the socket stays when the file is
// removed or replaced. unix_diag tells which file a socket is bound to (Linux 3.7);
// this file finds out what is at the path now. To find socket files that were left behind,
// their directories must be listed. A process that watches a directory can see that, so it
// is done only if asked for ([probe.Options].ListDirectories).

// staleSockets is the key space of socket files, by file system and inode.
var staleSockets = &probe.KeySpace{Name: "stale-socket"}

// usualPlaces are searched for files to which no socket is bound, in addition to the
// directories in which sockets are bound.
var usualPlaces = []string{"/run", "/tmp"}

// maxEntries is the largest number of names that are read from a directory.
const maxEntries = 10000

// coarse is how far timestamps of files may lag behind the clock.
const coarse = 10 * time.Millisecond

// fileID identifies the file to which a socket is bound: the device and the low half of
// the inode number, which is all that unix_diag tells.
type fileID struct {
	dev string
	ino uint32
}

func fileOf(d *model.UnixDetail) fileID { return fileID{d.PathDev, uint32(d.PathIno)} }

// boundSockets are the sockets that have a path.
type boundSockets struct {
	files     map[fileID]bool
	blind     bool // for one of them, the file to which it is bound is not known
	paths     map[string]bool
	dirs      map[uint64]map[string]bool           // by mount namespace
	listeners map[uint64]map[string][]*probe.Entry // likewise, by directory
	relatives map[uint64]map[string][]relativeName // likewise; they are in dirs, too
	tried     map[fileID]int                       // number of directories searched for it
	names     map[fileID]string                    // absolute paths of sockets with a relative path
	answers   map[*probe.Entry][]model.UnixDetail  // the state of the path in each namespace
	asked     map[*probe.Entry]int                 // the number of answers needed
	spaces    map[int32][]uint64                   // the mount namespaces of a process
}

func gatherBound(idx *probe.Index) *boundSockets {
	b := &boundSockets{
		files: map[fileID]bool{}, paths: map[string]bool{}, dirs: map[uint64]map[string]bool{},
		listeners: map[uint64]map[string][]*probe.Entry{}, relatives: map[uint64]map[string][]relativeName{},
		tried: map[fileID]int{}, names: map[fileID]string{}, answers: map[*probe.Entry][]model.UnixDetail{}, asked: map[*probe.Entry]int{},
		spaces: map[int32][]uint64{},
	}
	own := idx.Scan.Own["mnt"]
	if idx.Scan.ListDirectories() {
		for _, place := range usualPlaces {
			b.dir(own, place)
		}
	}
	for e := range idx.Among(Space) {
		d, ok := e.Object.Detail.(*model.UnixDetail)
		if !ok || d.Path == "" {
			continue
		}
		if d.PathState != "" { // known from the last scan, but perhaps no longer
			b.asked[e] = 0
		}
		b.paths[path.Join(directoryOf(d.Path), path.Base(d.Path))] = true
		if d.PathIno != 0 {
			b.files[fileOf(d)] = true
		} else {
			b.blind = true
		}
		if !strings.HasPrefix(d.Path, "/") {
			b.relative(idx, e, d)
			continue
		}
		dir, listens := directoryOf(d.Path), d.State == "listen" && d.PathIno != 0
		namespaces, all := b.namespaces(idx, e)
		if listens && !all {
			b.asked[e]++ // one answer more than there can be: the state stays unknown
		}
		for _, ns := range namespaces {
			if listens || idx.Scan.ListDirectories() {
				b.dir(ns, dir)
			}
			if listens {
				b.listeners[ns][dir] = append(b.listeners[ns][dir], e)
				b.asked[e]++
			}
		}
	}
	return b
}

// maxNamespaces is the largest number of mount namespaces in which the path of a socket is looked up.
const maxNamespaces = 16

// namespaces returns the mount namespaces in which the path of a socket may lead to it: ipctop's
// own, and those of all threads that may hold the socket. all is false if there are more.
func (b *boundSockets) namespaces(idx *probe.Index, e *probe.Entry) (list []uint64, all bool) {
	list = []uint64{idx.Scan.Own["mnt"]}
	for i := range e.Holders {
		pid := e.Holders[i].PID
		p := idx.Processes[pid]
		if p == nil {
			continue
		}
		of, ok := b.spaces[pid]
		if !ok {
			of = idx.Scan.NamespacesOf(p, "mnt")
			b.spaces[pid] = of
		}
		for _, ns := range of {
			switch {
			case slices.Contains(list, ns):
			case len(list) >= maxNamespaces:
				return list, false
			default:
				list = append(list, ns)
			}
		}
	}
	return list, true
}

// directoryOf returns the directory of a path. It takes /var/run for a link to /run, which it
// usually is; other links are not followed.
func directoryOf(name string) string {
	dir := path.Dir(name)
	if dir == "/var/run" || strings.HasPrefix(dir, "/var/run/") {
		return strings.TrimPrefix(dir, "/var")
	}
	return dir
}

func (b *boundSockets) dir(ns uint64, dir string) {
	if b.dirs[ns] == nil {
		b.dirs[ns], b.listeners[ns], b.relatives[ns] = map[string]bool{}, map[string][]*probe.Entry{}, map[string][]relativeName{}
	}
	b.dirs[ns][dir] = true
}

// completePaths finds out where the paths of listeners lead, and adds the socket
// files to which no socket is bound.
func completePaths(_ context.Context, idx *probe.Index) {
	b := gatherBound(idx)
	complete := tablesComplete(idx)
	idx.Scan.EachMountNS(func(t *guard.Task, ns *probe.MountNS) (func(), error) {
		var found []staleFile
		answers, names := map[*probe.Entry]model.UnixDetail{}, map[fileID]string{}
		for dir := range b.dirs[ns.Inode] {
			if !t.Begin("list sockets", 0) {
				break
			}
			fd, err := ns.Dir(dir)
			if err == nil {
				for _, e := range b.listeners[ns.Inode][dir] {
					d := e.Object.Detail.(*model.UnixDetail)
					answers[e] = b.below(d, pathNow(ns, fd, d))
				}
				for _, r := range b.relatives[ns.Inode][dir] {
					if pathNow(ns, fd, r.detail).PathState == "own" {
						names[fileOf(r.detail)] = r.path
					}
				}
				if idx.Scan.ListDirectories() {
					found = append(found, b.stale(idx, ns, fd, dir)...)
				}
				_ = unix.Close(fd)
			} else if err == unix.ENOENT {
				for _, e := range b.listeners[ns.Inode][dir] {
					answers[e] = b.below(e.Object.Detail.(*model.UnixDetail), model.UnixDetail{PathState: "nothing"})
				}
			}
			t.End()
		}
		return func() {
			for e, d := range answers {
				b.answers[e] = append(b.answers[e], d)
			}
			for file, name := range names { // if namespaces give different names, always choose the same one
				if old, ok := b.names[file]; !ok || name < old {
					b.names[file] = name
				}
			}
			for i := range found {
				f := &found[i]
				e := idx.Add(f.key, f.object(ns))
				e.Complete = model.Some(complete)
			}
		}, nil
	})
	for e, asked := range b.asked {
		d := e.Object.Detail.(*model.UnixDetail)
		state, now := settlePath(b.answers[e], asked)
		if (state == "other" || state == "nothing") && otherRoot(idx, e) {
			state, now = "", 0
		}
		if state != d.PathState || now != d.PathNow {
			change(e, func(d *model.UnixDetail) { d.PathState, d.PathNow = state, now })
		}
	}
	b.nameRelatives(idx)
}

// otherRoot reports whether a holder of the socket may have another root directory than the
// mount namespaces that were searched (chroot(2)); the path may be relative to that root. A
// socket without a visible holder may be bound anywhere.
func otherRoot(idx *probe.Index, e *probe.Entry) bool {
	if len(e.Holders) == 0 {
		return true
	}
	last, asked := int32(0), 0
	for i := range e.Holders {
		pid := e.Holders[i].PID
		if pid == last {
			continue
		}
		if asked++; asked > maxNamespaces {
			return true // the others are not checked
		}
		last = pid
		dir, err := idx.Open(pid)
		if err != nil {
			continue
		}
		root, err := dir.Readlink(probe.Below(int(pid), int(cmp.Or(e.Holders[i].TID, idx.Living(pid)))) + "root")
		dir.Close()
		if err == nil && root != "/" {
			return true
		}
	}
	return false
}

// settlePath combines the answers of all mount namespaces about the path of a socket. The
// path does not lead to the socket only if that is known for all of them.
func settlePath(answers []model.UnixDetail, asked int) (state string, now model.Big) {
	if len(answers) == 0 {
		return "", 0
	}
	state = "nothing"
	for i := range answers {
		switch a := &answers[i]; a.PathState {
		case "own":
			return "own", 0
		case "":
			asked = -1
		case "other":
			state, now = "other", a.PathNow
		}
	}
	if len(answers) != asked {
		return "", 0
	}
	return state, now
}

// pathNow finds out what is at the path of a bound socket now. On file systems that
// show other inode numbers than the kernel uses (overlay, btrfs), only the absence of
// the name means anything.
func pathNow(ns *probe.MountNS, dir int, d *model.UnixDetail) model.UnixDetail {
	var st unix.Statx_t
	const mask = unix.STATX_BASIC_STATS | unix.STATX_MNT_ID
	err := unix.Statx(dir, path.Base(d.Path), unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, mask, &st)
	switch {
	case err == unix.ENOENT:
		return model.UnixDetail{PathState: "nothing"}
	case err != nil || !steadyInodes(dir):
		return model.UnixDetail{}
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return model.UnixDetail{}
	case uint32(st.Ino) == uint32(d.PathIno) && proc.DevString(ns.SuperDev(&st)) == d.PathDev:
		return model.UnixDetail{PathState: "own"}
	}
	return model.UnixDetail{PathState: "other", PathNow: model.Big(st.Ino)}
}

// steadyInodes reports whether stat shows the kernel's own inode numbers, as unix_diag
// does.
func steadyInodes(dir int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(dir, &fs) != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.OVERLAYFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return false
	}
	return true
}

// tablesComplete reports whether the sockets of all network namespaces that
// processes live in are known.
func tablesComplete(idx *probe.Index) bool {
	seen := map[uint64]bool{}
	for _, p := range idx.Processes {
		ns := p.Namespaces["net"]
		switch {
		case p.Kernel, p.State == "Z", p.State == "X", ns != 0 && seen[ns]:
		case ns == 0 || !idx.TableRead("unix", ns):
			return false
		default:
			seen[ns] = true
		}
	}
	return !idx.Hidden()
}

// staleFile is a socket file to which no socket is bound.
type staleFile struct {
	key  probe.Key
	path string
	st   unix.Statx_t
}

func (f *staleFile) object(ns *probe.MountNS) *model.Object {
	dev := proc.DevString(f.key.Scope)
	return &model.Object{
		ID: string(model.Unix) + ":" + dev + ":" + strconv.FormatUint(f.key.Num, 10), Kind: model.Unix, Name: f.path, Path: f.path, Dev: dev, UID: model.Some(int(f.st.Uid)), GID: model.Some(int(f.st.Gid)), Mode: probe.Octal(uint32(f.st.Mode)),
		Namespace: &model.Namespace{Type: "mnt", Inode: ns.Inode},
		Detail:    &model.UnixDetail{State: "stale", Path: f.path, PathDev: dev, PathIno: model.Big(f.key.Num)},
	}
}

// stale lists the socket files in a directory to which no socket is bound.
func (b *boundSockets) stale(idx *probe.Index, ns *probe.MountNS, dir int, name string) []staleFile {
	const list = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	fd, err := unix.Openat(dir, ".", list|unix.O_NOATIME, 0)
	if err != nil || b.blind || !steadyInodes(fd) {
		if err == nil {
			_ = unix.Close(fd)
		}
		return nil // another user's directory: listing it would change its atime
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	entries, _ := f.ReadDir(maxEntries)
	var found []staleFile
	for _, entry := range entries {
		full := path.Join(name, entry.Name())
		if entry.Type() != os.ModeSocket || b.paths[full] {
			continue
		}
		s := staleFile{path: full}
		const mask = unix.STATX_BASIC_STATS | unix.STATX_MNT_ID
		if unix.Statx(dir, entry.Name(), unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC, mask, &s.st) != nil || s.st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			continue
		}
		if changed := time.Unix(s.st.Mtime.Sec, int64(s.st.Mtime.Nsec)); changed.After(idx.Scan.Began.Add(-coarse)) {
			continue // it may have been bound after the table was read
		}
		s.key = probe.Key{Space: staleSockets, Scope: ns.SuperDev(&s.st), Num: s.st.Ino}
		if !b.files[fileID{proc.DevString(s.key.Scope), uint32(s.st.Ino)}] {
			found = append(found, s)
		}
	}
	return found
}
