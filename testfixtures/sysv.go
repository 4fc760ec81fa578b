package testfixtures

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

// sysvType is one of the three System V mechanisms.
type sysvType string

const (
	sysvMsg sysvType = "msg"
	sysvSem sysvType = "sem"
	sysvShm sysvType = "shm"
)

// id is the object's id in a dump.
func (t sysvType) id(id int) string { return fmt.Sprintf("sysv-%s:%d", t, id) }

// sysvStatus has the fields that the three kinds have in common.
type sysvStatus struct {
	Key                  int32
	UID, GID, CUID, Mode uint32
	CPID                 int32 // shared memory only
	Changed              int64
}

// makeSysV makes a System V object. size is the number of semaphores, or of bytes of
// memory. The key is in the manifest before the object exists, the id right afterwards.
func (m *maker) makeSysV(t sysvType, size int) (int, error) {
	for {
		// 'i' and 24 random bits: recognisable in ipcs, and not used by others.
		r := sysvRecord{Type: t, Key: int32('i'<<24 | rand.Uint32N(1<<24)), ID: -1, UID: uint32(os.Geteuid()), Changed: now()}
		if t == sysvShm {
			r.CPID = int32(os.Getpid())
		}
		if _, err := sysvFind(t, r.Key); !errors.Is(err, unix.ENOENT) {
			if err == nil {
				continue // the key is in use
			}
			return 0, needing("System V IPC", err)
		}
		if err := m.run.manifest.noteSysV(r); err != nil {
			return 0, err
		}
		id, err := sysvGet(t, r.Key, size, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
		switch {
		case errors.Is(err, unix.EEXIST):
			continue
		case errors.Is(err, unix.ENOSPC):
			return 0, &Unavailable{Reason: "the limit on System V objects is reached", Err: err}
		case err != nil:
			return 0, needing("System V IPC", err)
		}
		r.ID = id
		return id, m.run.manifest.noteSysV(r)
	}
}

// expect are the fields that a dump has of any System V object.
func (st sysvStatus) expect(id int, detail tree) tree {
	detail["key"] = fmt.Sprintf("0x%08x", uint32(st.Key))
	return tree{
		"sysv_id": id, "uid": st.UID, "gid": st.GID, "mode": fmt.Sprintf("%04o", st.Mode&0o777), "detail": detail,
	}
}
