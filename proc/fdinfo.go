package proc

import (
	"errors"
	"fmt"
	"strconv"
)

// ParseInfoIdentity reads mnt_id (Linux 3.15) and ino (Linux 5.14) in
// /proc/PID/fdinfo/N (proc_pid_fdinfo(5)).
func ParseInfoIdentity(text []byte) (mount, ino uint64, err error) {
	m, ok1 := StatusField(text, "mnt_id")
	i, ok2 := StatusField(text, "ino")
	mount, err1 := strconv.ParseUint(string(m), 10, 64)
	ino, err2 := strconv.ParseUint(string(i), 10, 64)
	switch {
	case !ok1 || !ok2:
		return 0, 0, fmt.Errorf("fdinfo has no ino: %w", errors.ErrUnsupported)
	case err1 != nil || err2 != nil:
		return 0, 0, fmt.Errorf("fdinfo: %w: mnt_id %q, ino %q", ErrMalformed, m, i)
	}
	return mount, ino, nil
}
