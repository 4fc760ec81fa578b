package proc

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Dev packs a device number so that it can be a [probe.Key]'s scope.
func Dev(major, minor uint32) uint64 { return uint64(major)<<32 | uint64(minor) }

// DevString is a packed device number as objects carry it: major:minor.
func DevString(dev uint64) string {
	return strconv.Itoa(int(dev>>32)) + ":" + strconv.Itoa(int(uint32(dev)))
}

// DeviceOf is the device and inode of a file by a descriptor of ipctop's own, which is closed; 0, 0
// where there is none. The kernel's internal file systems are known by their devices, which are
// given out at boot, and these by a file that is made there.
func DeviceOf(fd int, err error) (dev, ino uint64) {
	if err != nil {
		return 0, 0
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_INO, &st) != nil {
		return 0, 0
	}
	return Dev(st.Dev_major, st.Dev_minor), st.Ino
}
