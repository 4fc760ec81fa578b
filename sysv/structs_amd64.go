package sysv

// semidDS is padded on this architecture only (arch/x86/include/uapi/asm/sembuf.h).
type semidDS struct {
	perm     ipcPerm
	otime, _ int64
	ctime, _ int64
	nsems    uint64
	_, _     uint64
}
