package sysv

// semidDS is the generic one (include/uapi/asm-generic/sembuf.h), without the
// padding that x86 has.
type semidDS struct {
	perm         ipcPerm
	otime, ctime int64
	nsems        uint64
	_, _         uint64
}
