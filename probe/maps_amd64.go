package probe

import "golang.org/x/sys/unix"

const openNumber = unix.SYS_OPEN
