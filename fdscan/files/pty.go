package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// ptys has terminals by the device of their devpts instance and their index in
// it: every instance begins with 0. An index is not reused while an end is
// open, so slaves that remain after their master was closed are still the same
// object.
var ptys = &probe.KeySpace{
	Name: "devpts",
	// The inode of a slave is its index plus the number of inodes that devpts uses for other files.
	OfInode: func(dev, ino uint64) (scope, num uint64, ok bool) {
		return dev, ino - firstSlaveInode, ino >= firstSlaveInode
	},
	New: func(k probe.Key, _ *probe.Scan) model.Object {
		return *ptyObject(k)
	},
}

// looseMasters are masters whose devpts instance is not known.
var looseMasters = &probe.KeySpace{Name: "pty master", ByDescription: true}

// aliases are descriptors opened as /dev/tty, which stands for the controlling
// terminal of the process that opened it. The kernel does not tell which
// terminal that was.
var aliases = &probe.KeySpace{Name: "controlling terminal"}

// Pty reads pseudoterminals: both ends are one object.
func Pty() probe.Probe {
	return probe.Probe{
		Name: "pty",
		FD: func(fd *probe.FD, out *probe.Collector) bool {
			switch {
			case fd.Link[0] != '/' || harmless(fd.Link):
				return false
			case string(fd.Link) == "/dev/tty":
				out.AddHolder(probe.Key{Space: aliases, Num: uint64(fd.Proc.PID())}, fd.Holder())
				return true
			}
			if mode, err := fd.Type(); err != nil || mode != unix.S_IFCHR {
				return false // the reader of files reports a failure
			}
			st, err := fd.Stat()
			if err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
				return false // the reader of files reports a failure
			}
			switch {
			case st.Rdev_major == 5 && st.Rdev_minor == 2:
				readMaster(fd, st, out)
			case st.Rdev_major >= firstSlaveMajor && st.Rdev_major < firstSlaveMajor+slaveMajors:
				k := probe.Key{
					Space: ptys, Scope: proc.Dev(st.Dev_major, st.Dev_minor),
					Num: uint64(st.Rdev_major-firstSlaveMajor)<<20 | uint64(st.Rdev_minor),
				}
				out.AddHolder(k, ptyHolder(fd, model.PtySlave))
			default:
				return false
			}
			return true
		},
		Complete: completePtys,
	}
}

const firstSlaveInode = 3 // fs/devpts/inode.c, devpts_pty_new

// The slaves' device numbers (Documentation/admin-guide/devices.txt).
const (
	firstSlaveMajor = 136
	slaveMajors     = 8
)

// harmless reports whether a link is one of the devices that nearly every
// process has open: it saves a system call for them. No other name shows that a
// file is not a terminal: containers bind a terminal to /dev/console.
func harmless(link []byte) bool {
	dev, ok := bytes.CutPrefix(link, []byte("/dev/"))
	if !ok {
		return false
	}
	switch string(dev) {
	case "null", "zero", "full", "random", "urandom", "fuse", "kmsg", "net/tun":
		return true
	}
	return false
}

func ptyHolder(fd *probe.FD, end string) model.Holder {
	h := fd.Holder()
	h.Access = fd.Access()
	h.Extent = &model.Extent{Flags: []string{end}}
	return h
}

func ptyObject(k probe.Key) *model.Object {
	dev, n := proc.DevString(k.Scope), strconv.FormatUint(k.Num, 10)
	return &model.Object{
		ID: "pty:" + dev + ":" + n, Kind: model.Pty, Name: "/dev/pts/" + n, Dev: dev,
		Detail: &model.PtyDetail{Index: model.Some(int(k.Num))},
	}
}

// master is what is known of a master.
type master struct {
	model.PtyDetail
	dev uint64 // of the devpts instance; 0: unknown
}

// readMaster emits a master with what is known of the pair.
func readMaster(fd *probe.FD, st *unix.Statx_t, out *probe.Collector) {
	m, err := askMaster(fd, st)
	switch {
	case proc.Gone(err) || errors.Is(err, unix.EBADF):
		return
	case err != nil:
		fd.Gap("pty", "queued", err)
	}
	if !m.Index.Known() {
		text, err := fd.Info()
		if proc.Gone(err) {
			return
		}
		if err == nil {
			m.Index, err = parseTTYIndex(text)
		}
		if err != nil {
			fd.Gap("pty", "fdinfo", err)
		}
	}
	if m.dev == 0 {
		m.dev = instance(fd, st)
	}
	h := ptyHolder(fd, model.PtyMaster)
	n, known := m.Index.Get()
	if m.dev == 0 || !known {
		d := fd.Descriptor()
		fd.Gap("pty", "find slave", errLooseMaster)
		k := probe.DescriptorKey(d, looseMasters)
		out.AddHolder(k, h)
		out.Object(k, &model.Object{ID: d.ID(model.Pty), Kind: model.Pty, Detail: &m.PtyDetail})
		return
	}
	k := probe.Key{Space: ptys, Scope: m.dev, Num: uint64(n)}
	out.AddHolder(k, h)
	o := ptyObject(k)
	o.Detail = &m.PtyDetail
	out.Object(k, o)
}

var errLooseMaster = fmt.Errorf("%w: the devpts instance of its slave is unknown", errors.ErrUnsupported)

// askMaster asks a duplicate of the master (pidfd_getfd(2)), which exists for
// microseconds: while it is open, a program on the slave gets no hangup.
func askMaster(fd *probe.FD, st *unix.Statx_t) (m master, err error) {
	if !fd.Proc.Scan.PIDCalls {
		return m, fmt.Errorf("%w: the descriptor cannot be duplicated", errors.ErrUnsupported)
	}
	if !fd.Task().Begin("master", fd.Num) {
		return m, guard.ErrGivenUp
	}
	defer fd.Task().End()
	pid := fd.Proc.PID()
	pidfd, err := probe.OpenPidfd(pid, fd.TID)
	switch {
	case fd.TID != 0 && err == unix.EINVAL: // before Linux 6.9
		return m, fmt.Errorf("%w: a descriptor of a thread cannot be duplicated", errors.ErrUnsupported)
	case err != nil:
		return m, fmt.Errorf("pidfd_open %d: %w", cmp.Or(fd.TID, pid), err)
	}
	defer unix.Close(pidfd)
	err = probe.AskDuplicateOf(pidfd, fd.Num, func(dup int) error {
		var now unix.Statx_t
		if err := unix.Statx(dup, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_BASIC_STATS, &now); err != nil {
			return err
		}
		if now.Rdev_major != st.Rdev_major || now.Rdev_minor != st.Rdev_minor || now.Ino != st.Ino {
			return unix.EBADF // the descriptor is another file's now
		}
		m, err = queryMaster(dup)
		return err
	})
	if err != nil {
		return m, fmt.Errorf("a duplicate of descriptor %d of %d (pidfd_getfd): %w", fd.Num, pid, err)
	}
	return m, nil
}

// queryMaster asks a master about the pair.
func queryMaster(dup int) (m master, err error) {
	n, err := unix.IoctlGetInt(dup, unix.TIOCGPTN)
	if err != nil {
		return m, fmt.Errorf("TIOCGPTN: %w", err)
	}
	m.Index = model.Some(n)
	if n, err = unix.IoctlGetInt(dup, unix.TIOCINQ); err != nil {
		return m, fmt.Errorf("FIONREAD: %w", err)
	}
	m.Queued = model.Some(int64(n))
	if n, err := unix.IoctlGetInt(dup, unix.TIOCGPGRP); err == nil {
		m.Foreground = model.Some(n)
	}
	n, err = unix.IoctlGetInt(dup, unix.TIOCGSID)
	switch {
	case err == nil:
		m.Session = model.Some(n)
	case errors.Is(err, unix.ENOTTY): // not a controlling terminal of any session
		m.Session = model.Some(0)
	}
	m.dev = slaveDev(dup)
	return m, nil
}

// slaveDev asks for the slave (TIOCGPTPEER, 4.13) with O_PATH, which identifies
// the file without opening the device. It returns the device of the slave's
// file system, which is the devpts instance. The kernel refuses if another
// instance is mounted there by now.
func slaveDev(dup int) uint64 {
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(dup), unix.TIOCGPTPEER, unix.O_PATH|unix.O_CLOEXEC)
	if errno != 0 {
		return 0
	}
	defer unix.Close(int(peer))
	var st unix.Statx_t
	if unix.Statx(int(peer), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_BASIC_STATS, &st) != nil {
		return 0
	}
	return proc.Dev(st.Dev_major, st.Dev_minor)
}

// instance finds the devpts instance of a master that could not be asked. If
// the master was opened as /dev/pts/ptmx, its file is in the instance. For a
// device node elsewhere, such as /dev/ptmx, the kernel uses the devpts mounted
// on the directory pts next to it; its device is returned only if there is no
// doubt which mount that was.
func instance(fd *probe.FD, st *unix.Statx_t) uint64 {
	const devptsMagic = 0x1cd1
	if t, err := fd.FSType(); err != nil || t == devptsMagic {
		if err != nil {
			return 0
		}
		return proc.Dev(st.Dev_major, st.Dev_minor)
	}
	text, err := fd.Info()
	if err != nil {
		return 0
	}
	id, ok := parseMountID(text)
	if !ok {
		return 0
	}
	return besidePtmx(fd.Proc.Mounts(), id, string(fd.Link))
}

// besidePtmx returns the device of the devpts mounted next to the ptmx at link,
// which is on the mount with that id. It returns 0 if that is not in this
// namespace, or if something is mounted over something else.
func besidePtmx(mounts []proc.Mount, id uint64, link string) uint64 {
	pts := path.Join(path.Dir(link), "pts")
	under, dev := false, uint64(0)
	found := 0
	for _, m := range mounts {
		under = under || m.ID == id
		if m.Point == pts {
			found++
			if m.Type == "devpts" && m.Root == "/" && m.Parent == id {
				dev = m.Dev
			}
		}
	}
	if !under || found != 1 {
		return 0
	}
	return dev
}

// parseTTYIndex reads tty-index from the /proc/PID/fdinfo text of a master.
func parseTTYIndex(text []byte) (index model.Opt[int], err error) {
	err = fdinfo.EachField(text, func(key string, v []byte) error {
		if key != "tty-index" {
			return nil
		}
		n, err := strconv.ParseUint(string(v), 10, 31)
		if err == nil {
			index = model.Some(int(n))
		}
		return err
	})
	return index, err
}

// parseMountID reads mnt_id from a /proc/PID/fdinfo text (3.15).
func parseMountID(text []byte) (id uint64, ok bool) {
	_ = fdinfo.EachField(text, func(key string, v []byte) error {
		if key == "mnt_id" {
			n, err := fdinfo.Decimal(v)
			id, ok = uint64(n), err == nil && n >= 0
		}
		return nil
	})
	return id, ok
}

// completePtys marks the terminals that some process may hold as /dev/tty.
func completePtys(_ context.Context, idx *probe.Index, _ *probe.Collector) {
	maybe, any := map[string]bool{}, false
	for _, e := range idx.Unclaimed(aliases) {
		for i := range e.Holders {
			p := idx.Processes[e.Holders[i].PID]
			if p == nil || p.TTY == "" { // it has left its session, or has ended
				any = true
				continue
			}
			maybe[p.TTY] = true
		}
	}
	for _, e := range idx.In(ptys) {
		if any || maybe[e.Object.Name] {
			e.Complete = model.Some(false)
		}
	}
}
