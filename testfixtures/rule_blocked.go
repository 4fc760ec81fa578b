package testfixtures

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// pair makes the fixture of a rule about blocked threads and its negative control. short
// replaces the name in the command names of its processes.
func pair(rule, short, makes, control string, positive, negative func(*maker) (object, error), explain, explainControl explanation) []Fixture {
	return []Fixture{
		{Name: rule, short: short, Makes: makes, make: positive, roles: helperRoles(), explain: explain},
		{Name: rule + ":control", short: short + "-i", Makes: control, make: negative, roles: helperRoles(), explain: explainControl},
	}
}

// pipe makes a pipe and its id.
func (m *maker) pipe() (fds [2]int, id string, err error) {
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return fds, "", fmt.Errorf("pipe: %w", err)
	}
	m.own(fds[:]...)
	ino, err := inode(fds[0])
	return fds, "pipe:" + ino, err
}

// lockFile makes a file and opens it n times, so that each descriptor has its own open file description.
func (m *maker) lockFile(name string, n int) (fds []int, id string, err error) {
	fd, path, err := makeFile(m, name, 0)
	if err != nil {
		return nil, "", err
	}
	for range n {
		again, err := m.reopen(path, unix.O_RDWR)
		if err != nil {
			return nil, "", err
		}
		fds = append(fds, again)
	}
	o, err := describeFile(fd, path)
	return fds, o.id, err
}

// makeReader makes a process that waits for data from an idle one.
func makeReader(m *maker) (object, error) {
	fds, id, err := m.pipe()
	if err != nil {
		return object{}, err
	}
	_, err = m.helperProcesses(fds[:], "reader 3: read 3", "writer 4: pause")
	return aboutObject(id), err
}

// words makes shared memory that contains some 32-bit words, and its id.
func (m *maker) words(at int, words ...uint32) (fd int, id string, err error) {
	fd, err = unix.MemfdCreate("ipctop-fixture", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, "", os.NewSyscallError("memfd_create", err)
	}
	m.own(fd)
	b := make([]byte, os.Getpagesize())
	for i, w := range words {
		binary.NativeEndian.PutUint32(b[at+4*i:], w)
	}
	if _, err := unix.Pwrite(fd, b, 0); err != nil {
		return -1, "", os.NewSyscallError("pwrite", err)
	}
	id, _, err = describeMemory("memfd", fd)
	return fd, fmt.Sprintf("futex:%s+%d", id, at), err
}

// The words of a glibc mutex: lock, count, owner, users, kind. A futex word of 2 means that
// another thread waits.

const futexWait, futexWaitBitset, futexPrivate = 0, 9, 0x80
