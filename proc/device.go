package proc

import "strconv"

// Dev packs a device number so that it can be a [probe.Key]'s scope.
func Dev(major, minor uint32) uint64 { return uint64(major)<<32 | uint64(minor) }

// DevString is a packed device number as objects carry it: major:minor.
func DevString(dev uint64) string {
	return strconv.Itoa(int(dev>>32)) + ":" + strconv.Itoa(int(uint32(dev)))
}
