package waitstate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/probe"
)

// memory reads from one process's memory, but never a page that is not present; see the
// package comment. Only one goroutine may use it.
type memory struct {
	proc    *probe.Proc
	task    *guard.Task
	pagemap int // descriptor; -1: not yet open
	err     error
}

var (
	errNotPresent = fmt.Errorf("%w: the page is not present", errors.ErrUnsupported)
	errForeignPID = fmt.Errorf("%w: the proc file system belongs to another pid namespace", errors.ErrUnsupported)
)

func newMemory(p *probe.Proc, t *guard.Task) *memory { return &memory{proc: p, task: t, pagemap: -1} }

func (m *memory) close() {
	if m.pagemap >= 0 {
		_ = unix.Close(m.pagemap)
	}
}

var pageSize = uint64(os.Getpagesize())

// read reads size bytes at addr, all of them or none.
func (m *memory) read(tid int, addr uint64, size int) ([]byte, error) {
	switch {
	case m.err != nil:
		return nil, m.err
	case size <= 0 || addr < pageSize || addr+uint64(size) < addr:
		return nil, unix.EFAULT
	case !m.proc.Scan.PIDCalls:
		m.err = errForeignPID
		return nil, m.err
	case !m.task.Begin("memory", 0): // the calls below take the process's memory lock
		m.err = guard.ErrGivenUp
		return nil, m.err
	}
	defer m.task.End()
	if m.pagemap < 0 {
		name := fmt.Sprintf("task/%d/pagemap", tid)
		fd, err := m.proc.Dir.OpenFile(name, unix.O_RDONLY)
		if err != nil {
			m.err = err
			return nil, m.err
		}
		m.pagemap = fd
	}
	for page := addr / pageSize; page <= (addr+uint64(size)-1)/pageSize; page++ {
		if err := m.present(page); err != nil {
			return nil, err
		}
	}
	b := make([]byte, size)
	local := unix.Iovec{Base: &b[0]}
	local.SetLen(size)
	n, err := unix.ProcessVMReadv(tid, []unix.Iovec{local}, []unix.RemoteIovec{{Base: uintptr(addr), Len: size}}, 0)
	if err != nil {
		return nil, fmt.Errorf("process_vm_readv of %d: %w", tid, err)
	}
	if n != size {
		return nil, errNotPresent
	}
	return b, nil
}

// present asks whether a page is in memory (proc_pid_pagemap(5), Linux 2.6.25).
func (m *memory) present(page uint64) error {
	var entry [8]byte
	n, err := unix.Pread(m.pagemap, entry[:], int64(page*8))
	if err != nil {
		return fmt.Errorf("read %s/pagemap: %w", m.proc.Dir.Path(), err)
	}
	if n != len(entry) || binary.NativeEndian.Uint64(entry[:])>>63 == 0 {
		return errNotPresent
	}
	return nil
}

// around reads the part of [addr-before, addr+after) that is in the same page as addr,
// and returns the index of addr in it.
func (m *memory) around(tid int, addr uint64, before, after int) ([]byte, int, error) {
	page := addr &^ (pageSize - 1)
	start, end := max(addr-uint64(before), page), min(addr+uint64(after), page+pageSize)
	b, err := m.read(tid, start, int(end-start))
	return b, int(addr - start), err
}
