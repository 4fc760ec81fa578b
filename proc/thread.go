package proc

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

func TaskDir(procRoot string, pid, tid int) string {
	return procRoot + "/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(tid)
}

// PlainSymbol removes suffixes that compilers append: ".constprop.0", ".isra.0".
func PlainSymbol(name []byte) []byte {
	plain, _, _ := bytes.Cut(name, []byte("."))
	return plain
}

// ReadSmall reads a file of /proc into buf, which must be large enough.
func ReadSmall(path string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		return buf[:n], nil
	}
}
