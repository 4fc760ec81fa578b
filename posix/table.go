package posix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// queueTable lists the queues of the IPC namespace that the calling thread is in.
func queueTable(ctx context.Context, ns probe.NS, out *probe.Collector) error {
	how := "fsmount"
	root, err := mountQueues()
	if err != nil {
		if !ns.Own {
			return err
		}
		how = "mount"
		var mountErr error
		if root, mountErr = visibleMount(ns.Scan.ProcRoot); mountErr != nil {
			return fmt.Errorf("%w (needs CAP_SYS_ADMIN); %w", err, mountErr)
		}
		ns.Inode = 0 // a mount does not tell which namespace it belongs to
	}
	out.Backend("posix-mq", how)
	dir := os.NewFile(uintptr(root), "mqueue")
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("list message queues: %w", err)
	}
	seen := ns.Own && len(names) > 0 && mountedAtDev(root)
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		readQueue(root, name, seen, ns, out)
	}
	return nil
}

// devMqueue is where the file system usually is mounted (mq_overview(7)).
const devMqueue = "/dev/mqueue"

// mountedAtDev reports whether root is the root directory of the file system that is
// mounted at [devMqueue].
func mountedAtDev(root int) bool {
	var at, here unix.Stat_t
	var fs unix.Statfs_t
	return unix.Statfs(devMqueue, &fs) == nil && fs.Type == mqueueMagic && unix.Stat(devMqueue, &at) == nil && unix.Fstat(root, &here) == nil && at.Dev == here.Dev
}

// mountQueues makes a mount with the queues of the thread's IPC namespace, in
// no mount namespace, and opens it. The mount disappears when the descriptor is
// closed.
func mountQueues() (int, error) {
	fs, err := unix.Fsopen("mqueue", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen mqueue: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("fsconfig mqueue: %w", err)
	}
	const attrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return -1, fmt.Errorf("fsmount mqueue: %w", err)
	}
	defer unix.Close(mount)
	return openQueues(mount, ".")
}

func openQueues(at int, path string) (int, error) {
	fd, err := unix.Openat(at, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open mqueue file system %s: %w", path, err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil || st.Type != mqueueMagic {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("%s is no mqueue file system any more: %w", path, unix.ENOENT)
	}
	return fd, nil
}

var errNoMount = errors.New("no mqueue file system is mounted")

// visibleMount opens an mqueue file system that is mounted already.
func visibleMount(procRoot string) (int, error) {
	self, err := proc.OpenDir(procRoot + "/self")
	if err != nil {
		return -1, err
	}
	defer self.Close()
	mounts, _, err := proc.ReadMounts(self, "mountinfo", proc.MaxMounts)
	if err != nil {
		return -1, err
	}
	err = errNoMount
	for _, m := range mounts.Mounts {
		if m.Type == "mqueue" {
			var fd int
			if fd, err = openQueues(unix.AT_FDCWD, m.Point); err == nil {
				return fd, nil
			}
		}
	}
	return -1, err
}

// readQueue reads one queue. Without read permission only its name, owner and
// mode are known. seen reports whether it has a file in [devMqueue].
func readQueue(root int, name string, seen bool, ns probe.NS, out *probe.Collector) {
	var st unix.Stat_t
	fd, openErr := unix.Openat(root, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	var err error
	if openErr != nil {
		err = unix.Fstatat(root, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	} else {
		defer unix.Close(fd)
		err = unix.Fstat(fd, &st)
	}
	if err != nil {
		if !proc.Gone(err) {
			out.Fail("stat", "/"+name, fmt.Errorf("message queue /%s: %w", name, err))
		}
		return // unlinked meanwhile
	}
	dev := uint64(st.Dev)
	k := probe.Key{Space: queues, Scope: proc.Dev(unix.Major(dev), unix.Minor(dev)), Num: st.Ino}
	o := object(k, "/"+name, st.Uid, st.Gid, st.Mode)
	o.Namespace = ns.Model()
	if seen {
		o.Aliases = []string{devMqueue + "/" + name}
	}
	o.Detail.(*model.PosixMqDetail).Modified = time.Unix(st.Mtim.Unix()).UTC()
	if openErr == nil {
		openErr = readState(fd, k, o, ns, out)
	}
	if openErr != nil && !proc.Gone(openErr) {
		out.Gap(model.Gap{
			Reason: proc.ReasonOf(openErr), Object: o.ID, Op: "read", Path: "/" + name,
			Detail: fmt.Sprintf("message queue /%s: %v", name, openErr),
		})
	}
	out.Object(k, o)
}

// mqAttr is struct mq_attr (mq_getattr(3)), made of longs.
type mqAttr struct {
	flags, maxMessages, messageSize, messages int
	_                                         [4]int
}

func (a *mqAttr) read(fd int) error {
	if _, _, errno := unix.Syscall(unix.SYS_MQ_GETSETATTR, uintptr(fd), 0, uintptr(unsafe.Pointer(a))); errno != 0 {
		return fmt.Errorf("mq_getsetattr: %w", errno)
	}
	return nil
}

func (a *mqAttr) describe(o *model.Object) {
	d := o.Detail.(*model.PosixMqDetail)
	d.Messages, d.MaxMessages = model.Some(int64(a.messages)), model.Some(int64(a.maxMessages))
	d.MessageSize = model.Some(int64(a.messageSize))
	o.Fill = model.NewRatio(d.Messages, d.MaxMessages)
}

// readState reads the state of an open queue.
func readState(fd int, k probe.Key, o *model.Object, ns probe.NS, out *probe.Collector) error {
	d := o.Detail.(*model.PosixMqDetail)
	var attr mqAttr
	if err := attr.read(fd); err != nil {
		return err
	}
	attr.describe(o)
	var buf [128]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return err
	}
	s, err := parseState(buf[:n])
	if err != nil {
		return err
	}
	d.Bytes, d.Notify = model.Some(s.bytes), s.notification(ns.Scan.PIDCalls)
	if pid, ok := d.Notify.PID.Get(); ok {
		out.AddHolder(k, model.Holder{PID: int32(pid), Via: model.ViaNotify})
	}
	return nil
}
