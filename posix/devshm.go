package posix

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// ShmSpace reads how much room there is in /dev/shm, which contains POSIX
// shared memory and named semaphores. A process that writes to memory for which
// there is no room is ended by SIGBUS.
func ShmSpace() probe.Probe {
	return probe.Probe{Name: "dev-shm", Limits: shmLimits}
}

// tmpfsMagic is TMPFS_MAGIC of include/uapi/linux/magic.h.
const tmpfsMagic = 0x01021994

// shmLimits asks the file system at /dev/shm in every mount namespace, but only
// once if several namespaces have the same one. Before that it checks in the mount
// table that it is a tmpfs, which answers at once.
func shmLimits(ns probe.NS, out *probe.Collector) {
	told := map[uint64]bool{} // devices
	ns.Scan.EachMountNS(func(t *guard.Task, m *probe.MountNS) (func(), error) {
		if !onTmpfs(m.Mounts) {
			return nil, nil
		}
		if !t.Begin("statfs "+shmDir, 0) { // the path may lead over a foreign root
			return func() { out.Fail("read limit", shmDir, guard.ErrGivenUp) }, nil
		}
		defer t.End()
		fs, dev, err := statShm(m)
		if err != nil {
			return func() {
				if !proc.Gone(err) && !errors.Is(err, errNotTmpfs) {
					out.Fail("read limit", shmDir, fmt.Errorf("mount namespace %d: %w", m.Inode, err))
				}
			}, err
		}
		return func() {
			if told[dev] {
				return
			}
			told[dev] = true
			for _, l := range tmpfsLimits(uint64(fs.Bsize), fs.Blocks, fs.Bfree, fs.Files, fs.Ffree) {
				l.Scope = &model.LimitScope{NS: m.Inode}
				out.Limit(l)
			}
		}, nil
	})
}

// statShm returns the size of the file system at /dev/shm, and its device.
func statShm(m *probe.MountNS) (fs unix.Statfs_t, dev uint64, err error) {
	dir, err := openShmPath(m)
	if err != nil {
		return fs, 0, err
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return fs, 0, fmt.Errorf("stat %s/root%s: %w", m.Proc.Path(), shmDir, err)
	}
	if err := unix.Fstatfs(dir, &fs); err != nil {
		return fs, 0, fmt.Errorf("statfs %s/root%s: %w", m.Proc.Path(), shmDir, err)
	}
	if int64(fs.Type) != tmpfsMagic {
		return fs, 0, errNotTmpfs
	}
	return fs, uint64(st.Dev), nil
}

// tmpfsLimits makes limits from the result of statfs(2), named after the
// options of the mount (tmpfs(5)). A tmpfs mounted with a size or nr_inodes of
// 0 is unbounded, and statfs gives neither number.
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
		limit(shmDir+" size", "bytes", blockSize, blocks, free),
		limit(shmDir+" nr_inodes", "inodes", 1, files, filesFree),
	}
}
