package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MapsEntry is one mapping of a process (proc_pid_maps(5)).
type MapsEntry struct {
	Start, End uint64
	Offset     uint64
	Dev        uint64 // device, as [Dev] packs it
	Ino        uint64
	Perms      string // "rw-s"
	Name       []byte
}

// procmapQuery is struct procmap_query of include/uapi/linux/fs.h (Linux 6.11).
type procmapQuery struct {
	size, flags, addr     uint64
	start, end, vmaFlags  uint64
	pageSize, off, ino    uint64
	major, minor          uint32
	nameSize, buildIDSize uint32
	nameAddr, buildIDAddr uint64
}

const (
	procmapQueryIoctl     = 0xC0686611 // _IOWR('f', 17, struct procmap_query)
	procmapReadable       = 0x01
	procmapWritable       = 0x02
	procmapShared         = 0x08
	procmapCoveringOrNext = 0x10
)

// SharedMappings calls f for each shared mapping of the process with directory d,
// whose maps file is name. Before each call it sets m to the mapping; m.Name is in
// buf. It asks the kernel only for shared mappings (PROCMAP_QUERY, Linux 6.11), which
// is several times cheaper than the text; older kernels have only the text.
func (d *Dir) SharedMappings(name string, m *MapsEntry, buf []byte, f func()) error {
	fd, err := d.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = queryMappings(fd, buf, func(q *procmapQuery, name []byte) {
		m.Start, m.End, m.Offset = q.start, q.end, q.off
		m.Dev, m.Ino, m.Name = Dev(q.major, q.minor), q.ino, name
		m.Perms = sharedPerms(q.vmaFlags)
		f()
	})
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) { // before 6.11
		return d.textMappings(name, m, f)
	}
	return err
}

// textMappings reads the text of maps.
func (d *Dir) textMappings(name string, m *MapsEntry, f func()) error {
	text, err := d.ReadFile(name, nil)
	if err != nil {
		return err
	}
	var bad error
	for line := range bytes.Lines(text) {
		shared, err := parseMapsLine(bytes.TrimSuffix(line, []byte("\n")), m)
		if err != nil {
			bad = err // one bad line costs that line
			continue
		}
		if shared {
			f()
		}
	}
	return bad
}

// MappingAt finds the mapping that covers an address in a maps file, private ones
// too.
func (d *Dir) MappingAt(name string, addr uint64) (MapsEntry, error) {
	var m MapsEntry
	fd, err := d.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return m, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4200)
	q := procmapQuery{
		size: uint64(unsafe.Sizeof(procmapQuery{})), addr: addr,
		nameSize: uint32(len(buf)), nameAddr: uint64(uintptr(unsafe.Pointer(&buf[0]))),
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), procmapQueryIoctl, uintptr(unsafe.Pointer(&q)))
	switch errno {
	case 0:
		m.Start, m.End, m.Offset, m.Dev, m.Ino = q.start, q.end, q.off, Dev(q.major, q.minor), q.ino
		m.Perms, m.Name = sharedPerms(q.vmaFlags), buf[:max(q.nameSize, 1)-1]
		if q.vmaFlags&procmapShared == 0 {
			m.Perms = m.Perms[:3] + "p"
		}
		return m, nil
	case unix.ENOTTY, unix.EINVAL: // before 6.11
	default:
		return m, fmt.Errorf("PROCMAP_QUERY: %w", errno)
	}
	text, err := d.ReadFile(name, nil)
	if err != nil {
		return m, err
	}
	for line := range bytes.Lines(text) {
		if _, err := parseMapsLine(bytes.TrimSuffix(line, []byte("\n")), &m); err == nil && m.Start <= addr && addr < m.End {
			return m, nil
		}
	}
	return m, fmt.Errorf("%s/%s: nothing is mapped at %#x: %w", d.path, name, addr, ErrVanished)
}

func sharedPerms(flags uint64) string {
	perms := [...]string{"---s", "r--s", "-w-s", "rw-s"}
	return perms[flags&(procmapReadable|procmapWritable)]
}

// queryMappings calls f for each shared mapping of the process whose maps file
// is open as fd.
func queryMappings(fd int, nameBuf []byte, f func(*procmapQuery, []byte)) error {
	var q procmapQuery
	for addr := uint64(0); ; addr = q.end {
		q = procmapQuery{
			size: uint64(unsafe.Sizeof(q)), flags: procmapCoveringOrNext | procmapShared, addr: addr,
			nameSize: uint32(len(nameBuf)), nameAddr: uint64(uintptr(unsafe.Pointer(&nameBuf[0]))),
		}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), procmapQueryIoctl, uintptr(unsafe.Pointer(&q)))
		switch {
		case errno == unix.ENOENT:
			return nil
		case errno != 0:
			return fmt.Errorf("PROCMAP_QUERY: %w", errno)
		}
		name := nameBuf[:0]
		if q.nameSize > 0 {
			name = nameBuf[:q.nameSize-1]
		}
		f(&q, name)
	}
}

// parseMapsLine reads a line of /proc/PID/maps (proc_pid_maps(5)) into m and
// reports whether the mapping is shared.
func parseMapsLine(line []byte, m *MapsEntry) (bool, error) {
	f := bytes.SplitN(line, []byte(" "), 6)
	if len(f) < 5 || len(f[1]) != 4 {
		return false, fmt.Errorf("maps: %w: %q", ErrMalformed, head(line))
	}
	start, end, ok1 := bytes.Cut(f[0], []byte("-"))
	major, minor, ok2 := bytes.Cut(f[3], []byte(":"))
	var err error
	hex := func(b []byte, base int) uint64 {
		n, e := strconv.ParseUint(string(b), base, 64)
		if e != nil {
			err = e
		}
		return n
	}
	m.Start, m.End, m.Offset = hex(start, 16), hex(end, 16), hex(f[2], 16)
	m.Dev, m.Ino = Dev(uint32(hex(major, 16)), uint32(hex(minor, 16))), hex(f[4], 10)
	m.Perms, m.Name = string(f[1]), nil
	if len(f) == 6 {
		m.Name = bytes.TrimLeft(f[5], " ")
	}
	if err != nil || !ok1 || !ok2 {
		return false, fmt.Errorf("maps: %w: %q", ErrMalformed, head(line))
	}
	return f[1][3] == 's', nil
}
