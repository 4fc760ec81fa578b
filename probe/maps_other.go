//go:build !amd64

package probe

import "golang.org/x/sys/unix"

// openNumber is SYS_OPENAT: newer architectures have only openat(2).
const openNumber = unix.SYS_OPENAT
