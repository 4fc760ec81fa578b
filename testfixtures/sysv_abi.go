//go:build amd64 || arm64 || riscv64 || loong64

package testfixtures

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures of these architectures (include/uapi/asm-generic/ipcbuf.h,
// msgbuf.h, sembuf.h, shmbuf.h).
type (
	ipcPerm struct {
		Key                        int32
		UID, GID, CUID, CGID, Mode uint32
		Seq                        uint16
		_                          [3]uint16
		_                          [2]uint64
	}
	msqidDS struct {
		Perm                  ipcPerm
		STime, RTime, CTime   int64
		CBytes, QNum, QBytes  uint64
		LastSendPID, LastRPID int32
		_                     [2]uint64
	}
	semidDS struct {
		Perm     ipcPerm
		OTime, _ int64
		CTime, _ int64
		NSems    uint64
		_        [2]uint64
	}
	shmidDS struct {
		Perm                ipcPerm
		SegSz               uint64
		ATime, DTime, CTime int64
		CPID, LPID          int32
		NAttch              uint64
		_                   [2]uint64
	}
	sembuf struct {
		Num uint16
		Op  int16
		Flg int16
	}
)

const (
	shmDest = 0o1000 // SHM_DEST in the mode: marked for removal
	getPID  = 11     // semctl: GETPID, GETVAL, GETNCNT, GETZCNT, SETVAL
	getVal  = 12
	getNCnt = 14
	getZCnt = 15
	setVal  = 16
)

func sysvGet(t sysvType, key int32, size, flags int) (int, error) {
	var id uintptr
	var errno unix.Errno
	switch t {
	case sysvMsg:
		id, _, errno = unix.Syscall(unix.SYS_MSGGET, uintptr(key), uintptr(flags), 0)
	case sysvSem:
		id, _, errno = unix.Syscall(unix.SYS_SEMGET, uintptr(key), uintptr(size), uintptr(flags))
	default:
		id, _, errno = unix.Syscall(unix.SYS_SHMGET, uintptr(key), uintptr(size), uintptr(flags))
	}
	return int(id), named(string(t)+"get", errno)
}

// sysvFind is the id of the object that has a key.
func sysvFind(t sysvType, key int32) (int, error) { return sysvGet(t, key, 0, 0) }

func sysvRemove(t sysvType, id int) error {
	var errno unix.Errno
	switch t {
	case sysvMsg:
		_, _, errno = unix.Syscall(unix.SYS_MSGCTL, uintptr(id), unix.IPC_RMID, 0)
	case sysvSem:
		_, _, errno = unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID, 0, 0, 0)
	default:
		_, _, errno = unix.Syscall(unix.SYS_SHMCTL, uintptr(id), unix.IPC_RMID, 0)
	}
	return named(string(t)+"ctl IPC_RMID", errno)
}

func sysvStat(t sysvType, id int) (sysvStatus, error) {
	switch t {
	case sysvMsg:
		d, err := msgStat(id)
		return d.Perm.status(d.CTime, 0), err
	case sysvSem:
		d, err := semStat(id)
		return d.Perm.status(d.CTime, 0), err
	default:
		d, err := shmStat(id)
		return d.Perm.status(d.CTime, d.CPID), err
	}
}

func (p ipcPerm) status(changed int64, cpid int32) sysvStatus {
	return sysvStatus{Key: p.Key, UID: p.UID, GID: p.GID, CUID: p.CUID, Mode: p.Mode, CPID: cpid, Changed: changed}
}

func msgStat(id int) (d msqidDS, err error) {
	_, _, errno := unix.Syscall(unix.SYS_MSGCTL, uintptr(id), unix.IPC_STAT, uintptr(unsafe.Pointer(&d)))
	return d, named("msgctl IPC_STAT", errno)
}

func semStat(id int) (d semidDS, err error) {
	_, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_STAT, uintptr(unsafe.Pointer(&d)), 0, 0)
	return d, named("semctl IPC_STAT", errno)
}

func shmStat(id int) (d shmidDS, err error) {
	_, _, errno := unix.Syscall(unix.SYS_SHMCTL, uintptr(id), unix.IPC_STAT, uintptr(unsafe.Pointer(&d)))
	return d, named("shmctl IPC_STAT", errno)
}

// msgSetLimit sets how many bytes a queue may hold (msg_qbytes).
func msgSetLimit(id int, bytes uint64) error {
	d, err := msgStat(id)
	if err != nil {
		return err
	}
	d.QBytes = bytes
	_, _, errno := unix.Syscall(unix.SYS_MSGCTL, uintptr(id), unix.IPC_SET, uintptr(unsafe.Pointer(&d)))
	return named("msgctl IPC_SET", errno)
}

func msgSend(id int, mtype int64, size int) error {
	m := struct {
		Type int64
		Text [msgMax]byte
	}{Type: mtype}
	_, _, errno := unix.Syscall6(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&m)), uintptr(min(size, msgMax)), 0, 0, 0)
	return named("msgsnd", errno)
}

// msgReceive receives a message of a type, 0 is any, and says how long it is.
func msgReceive(id, mtype int) (int, error) {
	var m struct {
		Type int64
		Text [msgMax]byte
	}
	n, _, errno := unix.Syscall6(unix.SYS_MSGRCV, uintptr(id), uintptr(unsafe.Pointer(&m)), msgMax, uintptr(mtype), 0, 0)
	return int(n), named("msgrcv", errno)
}

// semControl does what a semctl command does to one semaphore.
func semControl(id, num, cmd, arg int) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), uintptr(num), uintptr(cmd), uintptr(arg), 0, 0)
	return int(n), named("semctl", errno)
}

// semOperate waits until the operation can be done; op 0 is to wait for zero.
func semOperate(id, num, op int) error {
	b := sembuf{Num: uint16(num), Op: int16(op)}
	for {
		_, _, errno := unix.Syscall6(unix.SYS_SEMTIMEDOP, uintptr(id), uintptr(unsafe.Pointer(&b)), 1, 0, 0, 0)
		if errno != unix.EINTR {
			return named("semop", errno)
		}
	}
}

func shmAttach(id, flags int) (uintptr, error) {
	addr, _, errno := unix.Syscall(unix.SYS_SHMAT, uintptr(id), 0, uintptr(flags))
	return addr, named("shmat", errno)
}
