package sysv

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

// hugeShifts are the sizes of huge pages that some machines have, as powers of
// two. Each size has its own file system inside the kernel.
var hugeShifts = []int{0, 16, 20, 21, 24, 25, 28, 29, 30, 34} // 0: the default size

// kernelDevices are the devices of the file systems on which the kernel keeps
// System V segments. No mount shows them, but memfds are on the same ones: an
// empty memfd is created, asked and closed. The devices distinguish segments
// from files with such a name on some tmpfs.
var kernelDevices = sync.OnceValue(func() []uint64 {
	devs := []uint64{}
	add := func(flags int) {
		fd, err := unix.MemfdCreate("", flags|unix.MFD_CLOEXEC)
		if err != nil {
			return // no pages of that size here
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			return
		}
		if dev := proc.Dev(unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))); !slices.Contains(devs, dev) {
			devs = append(devs, dev)
		}
	}
	add(0)
	if len(devs) == 0 {
		devs = append(devs, proc.Dev(0, 1)) // no memfds (before Linux 3.17): the first device made after booting
	}
	for _, shift := range hugeShifts {
		add(unix.MFD_HUGETLB | int(uint32(shift)<<unix.MFD_HUGE_SHIFT))
	}
	return devs
})
