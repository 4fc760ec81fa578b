package probe

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
)

// Places returns paths of files on the devices devs that a process shows other
// than by its descriptors: its working directory, its root, its program, and what
// is mounted where it lives. The paths are those of its mount namespace. Only
// local file systems are asked.
func (idx *Index) Places(t *guard.Task, pid int32, devs map[uint64]bool) map[Key]string {
	p := idx.Processes[pid]
	if p == nil || !t.Begin("places", pid) {
		return nil
	}
	defer t.End()
	mounts := idx.Scan.mounts.known(p.Namespaces["mnt"])
	if mounts == nil {
		return nil
	}
	dir, err := idx.Open(pid)
	if err != nil {
		return nil
	}
	defer dir.Close()
	places := map[Key]string{}
	through := idx.Through(pid)
	add := func(name, path string) {
		var st unix.Statx_t
		err := dir.Statx(through+name, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, fileStats, &st)
		if err == nil && st.Nlink > 0 {
			places[Key{Files, mounts.SuperDev(&st), st.Ino}] = path
		}
	}
	for i := range mounts.Mounts {
		if m := &mounts.Mounts[i]; devs[m.Dev] && mounts.LocalPath(m.Point) {
			add("root"+m.Point, m.Point)
		}
	}
	for _, name := range []string{"exe", "root", "cwd"} {
		if link, err := dir.Readlink(through + name); err == nil && mounts.Local([]byte(link)) {
			add(name, link)
		}
	}
	return places
}
