package sysv

// semidDS is the generic structure (include/uapi/asm-generic/sembuf.h), without
// the padding of x86.
type semidDS struct {
	perm         ipcPerm
	otime, ctime int64
	nsems        uint64
	_, _         uint64
}
