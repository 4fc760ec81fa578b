package posix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// shmDir is where the C libraries keep shared memory objects and semaphores.
const shmDir = "/dev/shm"

// memoryTypes are the file systems that may be behind /dev/shm. Any other type
// is skipped: it may ask a server, and it is not shared memory.
var memoryTypes = []string{"tmpfs", "devtmpfs"}

// Shm reads POSIX shared memory: it lists /dev/shm in every mount namespace. The
// objects have the keys of files, so fdscan.File, which must come after this
// probe, finds the processes that have one open or mapped.
func Shm() probe.Probe {
	return probe.Probe{
		Name:     "posix-shm",
		Table:    listShm,
		Complete: completeShm,
	}
}

func listShm(ctx context.Context, ns probe.NS, out *probe.Collector) error {
	out.Backend("posix-shm", "getdents64 and statx of "+shmDir)
	ns.Scan.EachMountNS(func(t *guard.Task, m *probe.MountNS) (func(), error) {
		if ctx.Err() != nil || !onTmpfs(m.Mounts) {
			return nil, nil
		}
		if !t.Begin("list "+shmDir, 0) { // the path may lead over a foreign root
			return func() { out.Fail("list", shmDir, guard.ErrGivenUp) }, nil
		}
		defer t.End()
		dir, err := openShm(m)
		if err != nil {
			return func() { failShm(out, m, err) }, err
		}
		files, err := readShm(dir)
		_ = unix.Close(dir)
		return func() {
			if err != nil {
				failShm(out, m, err)
			}
			for i := range files {
				f := &files[i]
				k := probe.Key{Space: probe.Files, Scope: proc.Dev(f.st.Dev_major, f.st.Dev_minor), Num: f.st.Ino}
				facts := probe.FileFacts{Path: shmDir + "/" + f.name, Stat: f.st, Statted: true}
				o := shmObject(k, &facts)
				o.Namespace = &model.Namespace{Type: "mnt", Inode: m.Inode}
				out.Object(k, o)
			}
		}, err
	})
	return nil
}

func failShm(out *probe.Collector, m *probe.MountNS, err error) {
	switch {
	case proc.Gone(err):
	case errors.Is(err, errNotTmpfs):
	default:
		out.Gap(model.Gap{
			Reason: proc.ReasonOf(err), Op: "list", Path: shmDir,
			Detail: fmt.Sprintf("mount namespace %d: %v", m.Inode, err),
		})
	}
}

// onTmpfs reports whether the topmost mount that has /dev/shm in it is a tmpfs.
func onTmpfs(mounts []proc.Mount) bool {
	depth, ok := -1, false
	for i := range mounts {
		m := &mounts[i]
		if !covers(m.Point, shmDir) || len(m.Point) < depth {
			continue
		}
		depth, ok = len(m.Point), false
		for _, t := range memoryTypes {
			ok = ok || m.Type == t
		}
	}
	return ok
}

func covers(point, path string) bool {
	return point == "/" || point == path || strings.HasPrefix(path, point+"/")
}

var errNotTmpfs = errors.New(shmDir + " is not on a tmpfs")

// openShmPath opens the directory as the processes of the namespace see it. It
// follows the path step by step and never through a symbolic link, which would lead
// into ipctop's own file system. While the descriptors are open the file system
// cannot be unmounted; they must be closed before anything else is done.
func openShmPath(m *probe.MountNS) (int, error) {
	const step = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	at, err := m.Proc.OpenFile("root", step)
	if err != nil {
		return -1, err
	}
	for _, name := range []string{"dev", "shm"} {
		fd, err := unix.Openat(at, name, step|unix.O_NOFOLLOW, 0)
		_ = unix.Close(at)
		switch {
		case err == unix.ENOENT || err == unix.ENOTDIR || err == unix.ELOOP:
			return -1, errNotTmpfs
		case err != nil:
			return -1, fmt.Errorf("open %s/root%s: %w", m.Proc.Path(), shmDir, err)
		}
		at = fd
	}
	var st unix.Statx_t
	err = unix.Statx(at, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_BASIC_STATS, &st)
	if err == nil && !isTmpfs(m.Mounts, proc.Dev(st.Dev_major, st.Dev_minor)) {
		err = errNotTmpfs
	}
	if err != nil {
		_ = unix.Close(at)
		return -1, fmt.Errorf("stat %s/root%s: %w", m.Proc.Path(), shmDir, err)
	}
	return at, nil
}

// openShm opens the directory for listing.
func openShm(m *probe.MountNS) (int, error) {
	at, err := openShmPath(m)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	const list = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	fd, err := unix.Openat(at, ".", list|unix.O_NOATIME, 0)
	if err == unix.EPERM { // only the owner may use O_NOATIME
		fd, err = unix.Openat(at, ".", list, 0)
	}
	if err != nil {
		return -1, fmt.Errorf("open %s/root%s: %w", m.Proc.Path(), shmDir, err)
	}
	return fd, nil
}

func isTmpfs(mounts []proc.Mount, dev uint64) bool {
	for i := range mounts {
		for _, t := range memoryTypes {
			if mounts[i].Dev == dev && mounts[i].Type == t {
				return true
			}
		}
	}
	return false
}

type shmFile struct {
	name string
	st   unix.Statx_t
}

// readShm lists the regular files in a directory.
func readShm(dir int) ([]shmFile, error) {
	var files []shmFile
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(dir, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return files, fmt.Errorf("list %s: %w", shmDir, os.NewSyscallError("getdents64", err))
		}
		if n == 0 {
			return files, nil
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			f := shmFile{name: name}
			err := unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT,
				unix.STATX_BASIC_STATS, &f.st)
			if err == nil && f.st.Mode&unix.S_IFMT == unix.S_IFREG {
				files = append(files, f)
			}
		}
	}
}

func shmObject(k probe.Key, facts *probe.FileFacts) *model.Object {
	o := facts.Object(model.PosixShm, k, &model.MemoryDetail{Size: facts.Size(), Allocated: facts.Allocated(), Modified: facts.Modified()})
	if facts.Path != "" {
		o.Name = "/" + path.Base(facts.Path)
	}
	return o
}

// completeShm describes the objects that were not listed but that holders show:
// unlinked ones that still exist, and files in subdirectories of /dev/shm.
func completeShm(ctx context.Context, idx *probe.Index, _ *probe.Collector) {
	devs := idx.Scan.MountDevices(shmDir, memoryTypes...)
	var list []*probe.Entry
	for _, e := range idx.Unclaimed(probe.Files) {
		if devs[e.Key.Scope] {
			list = append(list, e)
		}
	}
	idx.Each(list, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		facts := idx.File(t, e)
		return func() {
			if m := facts.Mode(); m != unix.S_IFREG && (m != 0 || !mapped(e)) {
				return
			}
			o := shmObject(e.Key, &facts)
			if rest, ok := strings.CutPrefix(facts.Path, shmDir+"/"); ok {
				o.Name = "/" + rest
			}
			idx.Describe(e, o)
		}
	})
}

// mapped reports whether someone maps the object.
func mapped(e *probe.Entry) bool {
	for i := range e.Holders {
		if e.Holders[i].Via == model.ViaMap {
			return true
		}
	}
	return false
}
