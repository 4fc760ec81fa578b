package proc

import "bytes"

const DeletedSuffix = " (deleted)"

// LinkNumber reads the number in a link text such as "pipe:[4242]".
func LinkNumber(link []byte, prefix string) (uint64, bool) {
	if !bytes.HasPrefix(link, []byte(prefix)) || link[len(link)-1] != ']' {
		return 0, false
	}
	n := uint64(0)
	digits := link[len(prefix) : len(link)-1]
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// IsCommonDevice reports whether the link is one of the devices that nearly every process has open:
// it saves a system call for them.
func IsCommonDevice(link []byte) bool {
	dev, ok := bytes.CutPrefix(link, []byte("/dev/"))
	if !ok {
		return false
	}
	switch string(dev) {
	case "null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "fuse", "kmsg", "net/tun":
		return true
	}
	return bytes.HasPrefix(dev, []byte("pts/"))
}
