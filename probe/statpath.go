package probe

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

// StatPath asks which file a path leads to that a thread of the process has passed to
// a system call, and returns the path from the root directory. Nothing is opened. at
// is where a relative path starts, below the process's directory: "task/4712/cwd" or
// "task/4712/fd/3". The path must not lead through a symbolic link, nor through a
// file system that asks another machine or program: then the error is ELOOP or
// [proc.ErrForeign]. The caller is guarded.
func (p *Proc) StatPath(tid int, at, name string, st *unix.Statx_t) (full string, err error) {
	resolve := uint64(unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS)
	root := "task/" + strconv.Itoa(tid) + "/root"
	if full = path.Clean(name); path.IsAbs(name) {
		at, resolve = root, resolve|unix.RESOLVE_IN_ROOT
	} else {
		link, err := p.Dir.Readlink(root)
		if err != nil {
			return "", err
		}
		dir, err := p.Dir.Readlink(at)
		if err != nil {
			return "", err
		}
		if link != "/" || !path.IsAbs(dir) || strings.HasSuffix(dir, deletedSuffix) {
			return "", proc.ErrForeign // it is not known where that is among the process's mounts
		}
		full = path.Join(dir, name)
	}
	if !p.mounts().LocalPath(full) {
		return "", proc.ErrForeign
	}
	dir, err := p.Dir.OpenFile(at, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(dir)
	fd, err := unix.Openat2(dir, strings.TrimLeft(name, "/"), &unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: resolve})
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return full, unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, fileStats|unix.STATX_BTIME, st)
}
