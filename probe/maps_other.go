//go:build !amd64

package probe

import "golang.org/x/sys/unix"

// openNumber: newer architectures have openat(2) alone.
const openNumber = unix.SYS_OPENAT
