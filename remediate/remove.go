package remediate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// ErrInUse says that a process now uses an object which nobody used before.
var ErrInUse = errors.New("a process uses it now")

// ErrNotRemovable says that ipctop does not remove things of this kind, or not in
// this namespace.
var ErrNotRemovable = errors.New("ipctop cannot remove this")

// Remove removes an object that outlives those who use it: a System V object, or
// the name of a POSIX one. The error wraps [ErrNotRemovable], [ErrChanged],
// [ErrInUse] or an errno.
func Remove(o *model.Object) error {
	var err error
	switch o.Kind {
	case model.SysvShm, model.SysvMsg, model.SysvSem:
		err = removeSysv(o)
	case model.PosixMq:
		err = removeQueue(o)
	case model.PosixShm, model.PosixSem:
		err = removeFile(o)
	default:
		err = ErrNotRemovable
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", o.ID, err)
	}
	return nil
}

// removeFile removes the file that is the object's name.
func removeFile(o *model.Object) error {
	if o.Path == "" || o.Ino == 0 || o.Deleted {
		return ErrNotRemovable
	}
	dir, err := unix.Open(filepath.Dir(o.Path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	name := filepath.Base(o.Path)
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if !same(o, &st) {
		return ErrChanged
	}
	return unix.Unlinkat(dir, name, 0)
}

// sysvTable says where the kernel lists the objects of a kind, and how one is removed.
type sysvTable struct {
	file, id string
	users    string // the column with the number of attachments; "": there is none
	remove   func(id int) error
}

func sysvTableOf(k model.Kind) sysvTable {
	switch k {
	case model.SysvShm:
		return sysvTable{"shm", "shmid", "nattch", func(id int) error {
			_, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil)
			return err
		}}
	case model.SysvMsg:
		return sysvTable{"msg", "msqid", "", func(id int) error { return control(unix.SYS_MSGCTL, id, unix.IPC_RMID, 0) }}
	}
	return sysvTable{"sem", "semid", "", func(id int) error { return control(unix.SYS_SEMCTL, id, 0, unix.IPC_RMID) }}
}

func control(call uintptr, id, second, third int) error {
	if _, _, errno := unix.Syscall(call, uintptr(id), uintptr(second), uintptr(third)); errno != 0 {
		return errno
	}
	return nil
}

// removeSysv removes a System V object of ipctop's own IPC namespace.
func removeSysv(o *model.Object) error {
	id, ok := o.SysvID.Get()
	if !ok {
		return ErrNotRemovable
	}
	if own, err := ipcNamespace(); err != nil || o.Namespace == nil || o.Namespace.Inode != own {
		return fmt.Errorf("%w: it is in another IPC namespace", ErrNotRemovable)
	}
	t := sysvTableOf(o.Kind)
	text, err := os.ReadFile("/proc/sysvipc/" + t.file)
	if err != nil {
		return err
	}
	now, err := parseSysv(text, t.id, id)
	if err != nil {
		return err
	}
	if key := sysvKey(o); now["key"] != key {
		return fmt.Errorf("%w: its key is %s, was %s", ErrChanged, now["key"], key)
	}
	if t.users != "" && now[t.users] != "0" {
		return fmt.Errorf("%w: %s processes have it attached", ErrInUse, now[t.users])
	}
	return t.remove(id)
}

// sysvKey returns the object's key as in the kernel's tables: a signed number.
func sysvKey(o *model.Object) string {
	var key string
	switch d := o.Detail.(type) {
	case *model.SysvShmDetail:
		key = d.Key
	case *model.SysvMsgDetail:
		key = d.Key
	case *model.SysvSemDetail:
		key = d.Key
	}
	n, err := strconv.ParseUint(key, 0, 32)
	if err != nil {
		return key
	}
	return strconv.Itoa(int(int32(n)))
}

// parseSysv finds the line of an id in a file of /proc/sysvipc (sysvipc(7)) and
// returns its values by column. ENOENT: there is no such line.
func parseSysv(text []byte, column string, id int) (map[string]string, error) {
	var heads [][]byte
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if heads == nil {
			heads = f
			continue
		}
		row := make(map[string]string, len(heads))
		for i := range min(len(f), len(heads)) {
			row[string(heads[i])] = string(f[i])
		}
		if row[column] == strconv.Itoa(id) {
			return row, nil
		}
	}
	return nil, fmt.Errorf("it is gone: %w", unix.ENOENT)
}

func ipcNamespace() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/ipc", &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}
