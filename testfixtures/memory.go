package testfixtures

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func memoryFixtures() []Fixture {
	return []Fixture{{
		Name:  "shm-anon",
		short: "anon",
		Makes: "anonymous memory that a process shares with its child",
		explain: explanation{
			picture: "{1} ⇄ memory ⇄ {2}",
			calls: []string{
				"{1}: mmap(MAP_SHARED | MAP_ANONYMOUS), fork(2) of {2}",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/dev/zero (deleted)"},
				{"/proc/{2}/maps", "/dev/zero (deleted)"},
			},
		},
		make:  makeShmAnon,
		roles: map[string]func(*role) error{"fork": forkRole},
	}, {
		Name:  "memfd",
		Makes: "a sealed memfd that one process maps and another has open",
		explain: explanation{
			picture: "{1} ⇄ memory ⇄ {2}",
			calls: []string{
				"ipctop: memfd_create(\"ipctop fixture\"), fcntl(F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)",
				"{1}: mmap(MAP_SHARED, 3)",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/memfd:ipctop fixture"},
				{"/proc/{2}/fd/3", "/memfd:ipctop fixture"},
			},
		},
		make:  makeMemfd,
		roles: map[string]func(*role) error{"map": mapRole, "fd": holdRole},
	}}
}

// mapping is what a holder reports about its mapping.
type mapping struct {
	Address string `json:"address"`
	Size    int    `json:"size"`
	Dev     string `json:"dev,omitempty"`
	Ino     string `json:"ino,omitempty"`
	Child   int    `json:"child,omitempty"`
}

// mapped is the mapping of this holder in the form that a dump has.
func (p *process) mapped(a mapping, access string) tree {
	return tree{"pid": p.pid, "comm": p.comm, "via": "map", "access": access, "address": a.Address, "size": a.Size, "offset": 0}
}

// describeMemory asks the kernel about a file in memory.
func describeMemory(kind string, fd int) (id string, expect tree, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", nil, os.NewSyscallError("fstat", err)
	}
	dev := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	return fmt.Sprintf("%s:%s:%d", kind, dev, st.Ino), tree{
		"dev": dev, "ino": fmt.Sprint(st.Ino), "uid": st.Uid, "gid": st.Gid, "mode": fmt.Sprintf("%04o", st.Mode&0o7777),
		"detail": tree{"size": st.Size, "allocated": st.Blocks * 512},
	}, nil
}

// mapAndHold passes a descriptor to two processes: one maps it, the other only holds it.
func mapAndHold(m *maker, fd int) ([]tree, error) {
	var a mapping
	p, err := m.start("map", &a, part{fds: []int{fd}})
	if err != nil {
		return nil, err
	}
	q, err := m.start("fd", nil, part{fds: []int{fd}})
	if err != nil {
		return nil, err
	}
	return []tree{p.fd(firstFD, "rw"), p.mapped(a, "rw"), q.fd(firstFD, "rw")}, nil
}

// mapRole maps the whole file of its descriptor and touches the last page.
func mapRole(r *role) error {
	a, err := mapShared(firstFD)
	if err != nil {
		return err
	}
	return r.readyAndHold(a)
}

// mapOnlyRole maps the file and closes the descriptor.
func mapOnlyRole(r *role) error {
	a, err := mapShared(firstFD)
	if err != nil {
		return err
	}
	if err := unix.Close(firstFD); err != nil {
		return err
	}
	return r.readyAndHold(a)
}

func mapShared(fd int) (mapping, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return mapping{}, os.NewSyscallError("fstat", err)
	}
	return mapPages(fd, int(st.Size), unix.MAP_SHARED)
}

func mapPages(fd, size, flags int) (mapping, error) {
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return mapping{}, os.NewSyscallError("mmap", err)
	}
	b[size-1]++ // touch the last page, and leave its content unchanged
	b[size-1]--
	page := os.Getpagesize()
	return mapping{Address: fmt.Sprintf("%#x", uintptr(unsafe.Pointer(&b[0]))), Size: (size + page - 1) / page * page}, nil
}

func makeMemfd(m *maker) (object, error) {
	const name = "ipctop fixture"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return object{}, needing("memfd_create", os.NewSyscallError("memfd_create", err))
	}
	m.own(fd)
	if err := unix.Ftruncate(fd, 12288); err != nil {
		return object{}, os.NewSyscallError("ftruncate", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		return object{}, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	holders, err := mapAndHold(m, fd)
	if err != nil {
		return object{}, err
	}
	id, expect, err := describeMemory("memfd", fd)
	if err != nil {
		return object{}, err
	}
	expect["name"], expect["holders"] = name, holders
	return object{id, expect}, nil
}

func makeShmAnon(m *maker) (object, error) {
	var a mapping
	p, err := m.start("fork", &a, part{})
	if err != nil {
		return object{}, err
	}
	m.children = append(m.children, a.Child)
	child := p.mapped(a, "rw")
	child["pid"] = a.Child
	return object{"shm-anon:" + a.Dev + ":" + a.Ino, tree{
		"dev": a.Dev, "ino": a.Ino, "holders": []tree{p.mapped(a, "rw"), child},
	}}, nil
}

// forkRole shares memory with a child.
func forkRole(r *role) error {
	a, err := mapPages(-1, 3*os.Getpagesize(), unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if a.Dev, a.Ino, err = ownMapping(a.Address); err != nil {
		return err
	}
	child, errno := forkHolder()
	if errno != 0 {
		return named("clone", errno)
	}
	a.Child = int(child)
	if err := r.ready(a); err != nil {
		return err
	}
	// The child ends with the same parent-death pipe as this process, which waits for it so
	// that init need not reap it.
	for {
		if _, err := unix.Wait4(a.Child, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	r.hold()
	return nil
}

// ownMapping reads the device and inode of the mapping at an address
// (proc_pid_maps(5)).
func ownMapping(address string) (dev, ino string, err error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return "", "", err
	}
	for line := range bytes.Lines(maps) {
		f := strings.Fields(string(line))
		if len(f) < 5 || !strings.HasPrefix(f[0], strings.TrimPrefix(address, "0x")+"-") {
			continue
		}
		major, minor, _ := strings.Cut(f[3], ":")
		a, err1 := strconv.ParseUint(major, 16, 32)
		b, err2 := strconv.ParseUint(minor, 16, 32)
		if err1 != nil || err2 != nil {
			break
		}
		return fmt.Sprintf("%d:%d", a, b), f[4], nil
	}
	return "", "", fmt.Errorf("/proc/self/maps: nothing at %s", address)
}

// forkHolder makes a child by a plain fork, which Go programs cannot do safely: the child
// has only this thread, and its runtime does not know that. So it makes nothing but raw
// system calls until the parent-death pipe ends.
//
//go:norace
//go:nosplit
func forkHolder() (uintptr, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	// Close the pipe for reports, which nobody reads once the fixture is ready.
	unix.RawSyscall(unix.SYS_CLOSE, reportFD, 0, 0)
	unix.RawSyscall(unix.SYS_CLOSE, 2, 0, 0)
	for {
		var b [1]byte
		n, _, errno := unix.RawSyscall(unix.SYS_READ, deathPipeFD, uintptr(unsafe.Pointer(&b[0])), 1)
		if errno != unix.EINTR && int(n) <= 0 {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
}
