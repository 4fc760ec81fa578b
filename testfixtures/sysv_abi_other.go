//go:build !(amd64 || arm64 || riscv64 || loong64)

package testfixtures

import "golang.org/x/sys/unix"

// The structures and system calls of System V IPC differ on each of the other
// architectures. There these fixtures are unavailable.

type (
	ipcPerm struct{ Mode uint32 }
	msqidDS struct {
		Perm                  ipcPerm
		STime, RTime          int64
		CBytes, QNum, QBytes  uint64
		LastSendPID, LastRPID int32
	}
	semidDS struct{ Perm ipcPerm }
	shmidDS struct {
		Perm         ipcPerm
		SegSz        uint64
		CPID, LPID   int32
		NAttch       uint64
		ATime, CTime int64
	}
)

const (
	shmDest                                  = 0o1000
	getPID, getVal, getNCnt, getZCnt, setVal = 11, 12, 14, 15, 16
)

func (p ipcPerm) status(changed int64, cpid int32) sysvStatus { return sysvStatus{} }

func sysvGet(sysvType, int32, int, int) (int, error) { return 0, unix.ENOSYS }
func sysvFind(sysvType, int32) (int, error)          { return 0, unix.ENOSYS }
func sysvRemove(sysvType, int) error                 { return unix.ENOSYS }
func sysvStat(sysvType, int) (sysvStatus, error)     { return sysvStatus{}, unix.ENOSYS }
func msgStat(int) (msqidDS, error)                   { return msqidDS{}, unix.ENOSYS }
func semStat(int) (semidDS, error)                   { return semidDS{}, unix.ENOSYS }
func shmStat(int) (shmidDS, error)                   { return shmidDS{}, unix.ENOSYS }
func msgSetLimit(int, uint64) error                  { return unix.ENOSYS }
func msgSend(int, int64, int) error                  { return unix.ENOSYS }
func msgReceive(int, int) (int, error)               { return 0, unix.ENOSYS }
func semControl(id, num, cmd, arg int) (int, error)  { return 0, unix.ENOSYS }
func semOperate(id, num, op int) error               { return unix.ENOSYS }
func shmAttach(int, int) (uintptr, error)            { return 0, unix.ENOSYS }
