//go:build amd64 || arm64

package sysv

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures of 64-bit machines, from include/uapi/asm-generic/*buf.h. The
// one for semaphore sets differs between architectures; see semidDS.

type ipcPerm struct {
	key                        int32
	uid, gid, cuid, cgid, mode uint32
	seq, _                     uint16
	_                          uint32
	_, _                       uint64
}

func (p *ipcPerm) decode(r *record) {
	r.set(colKey, int64(p.key))
	r.set(colUID, int64(p.uid))
	r.set(colGID, int64(p.gid))
	r.set(colCreatorUID, int64(p.cuid))
	r.set(colMode, int64(p.mode))
	r.set(colSeq, int64(p.seq))
}

type msqidDS struct {
	perm                 ipcPerm
	stime, rtime, ctime  int64
	cbytes, qnum, qbytes uint64
	lspid, lrpid         int32
	_, _                 uint64
}

type shmidDS struct {
	perm                ipcPerm
	segsz               uint64
	atime, dtime, ctime int64
	cpid, lpid          int32
	nattch              uint64
	_, _                uint64
}

// msgListing, semListing and shmListing are nil if the structures are not
// known.
var (
	msgListing = &listing{
		name: "msgctl",
		info: func(b unsafe.Pointer) (int, unix.Errno) { return ctl3(unix.SYS_MSGCTL, 0, msgInfo, b) },
		stat: func(i int, b unsafe.Pointer) (int, unix.Errno) { return ctl3(unix.SYS_MSGCTL, i, msgStatAny, b) },
		// struct msginfo: msgpool is the number of queues
		used: func(b unsafe.Pointer) int { return int(*(*int32)(b)) },
		decode: func(b unsafe.Pointer, r *record) {
			d := (*msqidDS)(b)
			d.perm.decode(r)
			r.set(colSent, d.stime)
			r.set(colReceived, d.rtime)
			r.set(colChanged, d.ctime)
			r.set(colBytes, int64(d.cbytes))
			r.set(colMessages, int64(d.qnum))
			r.set(colMaxBytes, int64(d.qbytes))
			r.set(colSendPID, int64(d.lspid))
			r.set(colRecvPID, int64(d.lrpid))
		},
	}
	semListing = &listing{
		name: "semctl",
		info: func(b unsafe.Pointer) (int, unix.Errno) { return semctl(0, 0, semInfo, b) },
		stat: func(i int, b unsafe.Pointer) (int, unix.Errno) { return semctl(i, 0, semStatAny, b) },
		// struct seminfo: semusz, the eighth, is the number of sets; semaem, the
		// tenth, that of semaphores in all of them
		used:  func(b unsafe.Pointer) int { return int((*[10]int32)(b)[7]) },
		total: func(b unsafe.Pointer) int64 { return int64((*[10]int32)(b)[9]) },
		decode: func(b unsafe.Pointer, r *record) {
			d := (*semidDS)(b)
			d.perm.decode(r)
			r.set(colOperated, d.otime)
			r.set(colChanged, d.ctime)
			r.set(colSems, int64(d.nsems))
		},
	}
	shmListing = &listing{
		name: "shmctl",
		info: func(b unsafe.Pointer) (int, unix.Errno) { return ctl3(unix.SYS_SHMCTL, 0, shmInfo, b) },
		stat: func(i int, b unsafe.Pointer) (int, unix.Errno) { return ctl3(unix.SYS_SHMCTL, i, shmStatAny, b) },
		// struct shm_info: used_ids, then shm_tot in pages
		used:  func(b unsafe.Pointer) int { return int(*(*int32)(b)) },
		total: func(b unsafe.Pointer) int64 { return int64((*[2]uint64)(b)[1]) },
		decode: func(b unsafe.Pointer, r *record) {
			d := (*shmidDS)(b)
			d.perm.decode(r)
			r.set(colBytes, int64(d.segsz))
			r.set(colAttachTime, d.atime)
			r.set(colDetachTime, d.dtime)
			r.set(colChanged, d.ctime)
			r.set(colCreatorPID, int64(d.cpid))
			r.set(colLastPID, int64(d.lpid))
			r.set(colAttached, int64(d.nattch))
		},
	}
)
