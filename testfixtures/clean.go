package testfixtures

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Report says what [Clean] did.
type Report struct {
	Removed []string // what was removed, one sentence each
	Kept    []string // what was skipped although it may be left over, and why
	Live    []int    // pids of runs that still go on
}

func (r *Report) remove(format string, args ...any) {
	r.Removed = append(r.Removed, fmt.Sprintf(format, args...))
}

func (r *Report) keep(format string, args ...any) {
	r.Kept = append(r.Kept, fmt.Sprintf(format, args...))
}

// Homes are the directories in which runs keep their manifests and [Clean] looks for leftovers.
func Homes() []string { return homes() }

// Clean removes what killed runs of this user left, and nothing else.
func Clean() (Report, error) { return clean(homes()) }

func clean(homes []string) (Report, error) {
	var report Report
	self, err := thisProcess()
	if err != nil {
		return report, err
	}
	for _, home := range homes {
		entries, err := os.ReadDir(home)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			continue
		}
		if err != nil {
			return report, err
		}
		for _, e := range entries {
			if pid, ticks, ok := parseDirName(e.Name()); ok {
				cleanDir(&report, filepath.Join(home, e.Name()), self, pid, ticks)
			}
		}
	}
	return report, nil
}

// parseDirName reads the name of a directory of one of this user's runs.
func parseDirName(name string) (pid int, ticks uint64, ok bool) {
	rest, ok := strings.CutPrefix(name, fmt.Sprintf("%s%d-", dirPrefix, os.Geteuid()))
	f := strings.Split(rest, "-")
	if !ok || len(f) != 3 {
		return 0, 0, false
	}
	pid, err1 := strconv.Atoi(f[0])
	ticks, err2 := strconv.ParseUint(f[1], 10, 64)
	return pid, ticks, err1 == nil && err2 == nil
}

// cleanDir removes the leftovers of one run. Anyone may make a directory with such a name
// in /tmp, so its contents are trusted only if it belongs to this user alone.
func cleanDir(report *Report, path string, self owner, pid int, ticks uint64) {
	dir, err := openPrivateDir(path)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			report.keep("%v", err)
		}
		return
	}
	defer unix.Close(dir)
	b, err := readManifest(dir)
	if errors.Is(err, os.ErrNotExist) {
		// Killed before it wrote a line, or just started.
		if alive(pid, ticks) {
			report.Live = append(report.Live, pid)
			return
		}
		removeDir(report, path)
		return
	}
	if err != nil {
		report.keep("%s: %v", filepath.Join(path, manifestName), err)
		return
	}
	o, records, err := parseManifest(b)
	switch {
	case err != nil && alive(pid, ticks):
		report.Live = append(report.Live, pid) // it is writing its first line
	case err != nil && !bytes.ContainsRune(b, '\n'):
		removeRecorded(report, dir, path, self, nil) // killed while writing it
	case err != nil:
		report.keep("%s: %v", filepath.Join(path, manifestName), err)
	case o.BootID != self.BootID:
		removeRecorded(report, dir, path, o, records)
	case o.PIDNS != self.PIDNS:
		report.keep("%s: its run belongs to another pid namespace, so it cannot be told whether it has ended", path)
	case alive(o.PID, o.StartTicks):
		report.Live = append(report.Live, o.PID)
	case o.IPCNS != self.IPCNS:
		report.keep("%s: its run belongs to another IPC namespace, where its System V objects are", path)
	default:
		removeRecorded(report, dir, path, o, records)
	}
}

// openPrivateDir opens a directory that belongs to this user and that others cannot enter.
func openPrivateDir(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0) {
		err = errors.New("not this user's alone")
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	return fd, nil
}

func readManifest(dir int) ([]byte, error) {
	fd, err := unix.Openat(dir, manifestName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), manifestName)
	defer f.Close()
	var b []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		b = append(b, buf[:n]...)
		if n == 0 || err != nil {
			return b, nil
		}
	}
}

// removeRecorded removes what a manifest records, then the manifest and its
// directory, unless something had to be kept.
func removeRecorded(report *Report, dir int, path string, o owner, records []record) {
	self, err := thisProcess()
	if err != nil {
		report.keep("%s: %v", path, err)
		return
	}
	kept := len(report.Kept)
	if o.BootID == self.BootID { // otherwise the machine was rebooted: neither processes nor System V objects exist any more
		for _, r := range records {
			if r.Process != nil {
				removeProcess(report, *r.Process)
			}
		}
		for _, r := range records {
			if r.SysV != nil {
				removeSysV(report, *r.SysV)
			}
			if r.Mq != "" {
				removeMq(report, r.Mq)
			}
		}
	}
	for _, r := range records {
		if r.Shm != "" {
			removeShm(report, r.Shm)
		}
		if r.Demo != nil {
			removeDemo(report, r.Demo, records)
		}
		if r.File != nil && !r.InDemo {
			removeFile(report, dir, path, string(r.File), r.Regular)
		}
	}
	if len(report.Kept) > kept {
		return
	}
	if err := unix.Unlinkat(dir, manifestName, 0); err != nil && err != unix.ENOENT {
		report.keep("%s: %v", filepath.Join(path, manifestName), err)
		return
	}
	removeDir(report, path)
}

// removeFile removes a file in a run's directory. It must be a regular file if that was
// recorded, else a FIFO or socket.
func removeFile(report *Report, dir int, path, name string, regular bool) {
	full := filepath.Join(path, name)
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		report.keep("%q: not a file of the run's own directory", full)
		return
	}
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return
	}
	if t := st.Mode & unix.S_IFMT; err == nil && regular && t != unix.S_IFREG {
		report.keep("%q: not a regular file", full)
		return
	} else if err == nil && !regular && t != unix.S_IFIFO && t != unix.S_IFSOCK {
		report.keep("%q: neither a FIFO nor a socket", full)
		return
	}
	if err == nil {
		err = unix.Unlinkat(dir, name, 0)
	}
	if err != nil && err != unix.ENOENT {
		report.keep("%q: %v", full, err)
		return
	}
	report.remove("file %q", full)
}

// removeShm removes a shared memory object of this user. The run chose its name at random.
func removeShm(report *Report, name string) {
	full := shmDir + name
	var st unix.Stat_t
	err := unix.Lstat(full, &st)
	if err == unix.ENOENT {
		return
	}
	if !strings.Contains(name, shmPrefix) || strings.Contains(name, "/") || err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid()) {
		report.keep("%q: not a shared memory object of this user's runs", full)
		return
	}
	if err == nil {
		err = unix.Unlink(full)
	}
	if err != nil && err != unix.ENOENT {
		report.keep("%q: %v", full, err)
		return
	}
	report.remove("shared memory %q", full)
}

func removeDir(report *Report, path string) {
	if err := unix.Rmdir(path); err != nil && err != unix.ENOENT {
		report.keep("%s: %v", path, err)
		return
	}
	report.remove("directory %s", path)
}

// removeProcess ends a holder that did not notice the end of the parent-death pipe because
// it was stopped. It opens the pidfd first and compares the start time afterwards, so that
// the signal cannot reach another process.
func removeProcess(report *Report, p owned) {
	pidfd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return
	}
	defer unix.Close(pidfd)
	if !alive(p.PID, p.StartTicks) {
		return
	}
	// If it has only just lost its parent-death pipe, give it time to end by itself.
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 500); n == 1 && err == nil {
		return
	}
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err == nil {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 1000)
		report.remove("process %d", p.PID)
	}
}

// removeSysV removes a System V object if it is the recorded one.
func removeSysV(report *Report, r sysvRecord) {
	id := r.ID
	if id < 0 {
		var err error
		if id, err = sysvFind(r.Type, r.Key); err != nil {
			return
		}
	}
	st, err := sysvStat(r.Type, id)
	if err != nil || !r.names(st) {
		return // gone; the id may belong to another object now
	}
	if err := sysvRemove(r.Type, id); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM) {
		report.keep("%s: %v", r.Type.id(id), err)
		return
	}
	report.remove("%s", r.Type.id(id))
}

// names reports whether the object is the recorded one. The key identifies it: it was
// chosen at random, and the object was made with IPC_EXCL. Its creator must agree, too, and
// it must not be older than the record (each later change updates its time).
func (r sysvRecord) names(st sysvStatus) bool {
	const while = 60 // seconds from the record to the making
	return st.Key == r.Key && st.Key != 0 && st.CUID == r.UID && st.CPID == r.CPID && st.Changed >= r.Changed-1 &&
		(r.ID >= 0 || st.Changed <= r.Changed+while)
}

// removeMq removes a message queue of a run. Its name, chosen at random, identifies it; the
// queue must also belong to this user.
func removeMq(report *Report, name string) {
	if !strings.HasPrefix(name, mqPrefix) {
		report.keep("message queue %q: not a name that a run gives", "/"+name)
		return
	}
	fd, err := mqOpen(name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOSYS) {
		return
	}
	if err == nil {
		var st unix.Stat_t
		if st, err = mqStat(fd); err == nil && int(st.Uid) != os.Geteuid() {
			err = errors.New("not this user's")
		}
		_ = unix.Close(fd)
	}
	if err == nil {
		err = mqUnlink(name)
	}
	switch {
	case errors.Is(err, unix.ENOENT):
	case err != nil:
		report.keep("message queue %q: %v", "/"+name, err)
	default:
		report.remove("message queue %q", "/"+name)
	}
}
