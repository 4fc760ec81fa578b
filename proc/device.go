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

// DeviceOf returns the device and inode of the file behind a descriptor of ipctop's own, and closes
// the descriptor; 0, 0 if there is none. The kernel's internal file systems have devices whose
// numbers are assigned at boot. Creating a file there and asking for its device tells the number.
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
