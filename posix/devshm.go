package posix

import (
	"fmt"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// ShmSpace reads how much room there is in /dev/shm, where POSIX shared memory
// and named semaphores live. A write to memory that it has no room for ends the
// writer with SIGBUS.
func ShmSpace() probe.Probe {
	return probe.Probe{Name: "dev-shm", Limits: shmLimits}
}

const devShm = "/dev/shm"

// tmpfsMagic is TMPFS_MAGIC of include/uapi/linux/magic.h.
const tmpfsMagic = 0x01021994

// shmLimits asks the file system at ipctop's own /dev/shm. That it is a tmpfs,
// which answers at once, the list of mounts says first.
func shmLimits(ns probe.NS, out *probe.Out) {
	mounted, err := shmMounted(ns.Scan.ProcRoot)
	if err != nil {
		out.Fail("read limit", devShm, err)
		return
	}
	if !mounted {
		return
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(devShm, &fs); err != nil {
		out.Fail("read limit", devShm, fmt.Errorf("statfs %s: %w", devShm, err))
		return
	}
	if int64(fs.Type) != tmpfsMagic {
		return // mounted over meanwhile
	}
	var scope *model.LimitScope
	if mnt := ns.Scan.Own["mnt"]; mnt != 0 {
		scope = &model.LimitScope{NS: mnt}
	}
	for _, l := range tmpfsLimits(uint64(fs.Bsize), fs.Blocks, fs.Bfree, fs.Files, fs.Ffree) {
		l.Scope = scope
		out.Limit(l)
	}
}

// shmMounted reports whether the topmost mount at /dev/shm is a tmpfs. The list
// is ipctop's own, wherever that of the scan is from.
func shmMounted(procRoot string) (bool, error) {
	fs, err := procfs.NewFS(procRoot)
	if err != nil {
		return false, err
	}
	self, err := fs.Self()
	if err != nil {
		return false, nil // ipctop is not in there: another pid namespace's
	}
	mounts, err := self.MountInfo()
	if err != nil {
		return false, fmt.Errorf("read %s/self/mountinfo: %w", procRoot, err)
	}
	is := false
	for _, m := range mounts {
		if m.MountPoint == devShm || m.MountPoint == "/dev" {
			is = m.MountPoint == devShm && m.FSType == "tmpfs"
		}
	}
	return is, nil
}

// tmpfsLimits makes limits of what statfs(2) tells, named after the options of
// the mount (tmpfs(5)). A tmpfs mounted with a size or nr_inodes of 0 has no
// bound and then tells neither number.
func tmpfsLimits(blockSize, blocks, free, files, filesFree uint64) []model.Limit {
	limit := func(name, unit string, each, total, free uint64) model.Limit {
		l := probe.NewLimit(model.PosixShm, name, unit, total*each)
		if total == 0 {
			l.Max, l.Unlimited = model.Opt[int64]{}, true
			return l
		}
		l.Used = model.Some(int64((total - min(free, total)) * each))
		return l
	}
	return []model.Limit{
		limit(devShm+" size", "bytes", blockSize, blocks, free),
		limit(devShm+" nr_inodes", "inodes", 1, files, filesFree),
	}
}
