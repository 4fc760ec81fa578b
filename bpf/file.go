package bpf

import (
	"encoding/binary"
	"strconv"
)

// File is an open descriptor.
type File struct {
	PID, TID int // of the process, and of the thread whose table it is in: the main thread's, or one with a table of its own
	FD       int32

	// Description is the same for descriptors that share an open file description, and
	// Table for threads that share a table, during one read. They are addresses in the
	// kernel and must not be shown to users.
	Description, Table uint64

	// Link is the target of its link in the proc file system. It is valid until the function
	// that got the File returns. nil if it is not known, for example because the path is too long.
	Link []byte

	Flags       uint32 // of open(2), as the kernel keeps them
	Read, Write bool   // access for which it was opened

	// What stat(2) returns for the file on most file systems: these are the fields of the
	// kernel's inode. Some file systems return other values.
	Mode, Links, UID, GID uint32
	DevMajor, DevMinor    uint32 // of the file system
	Ino                   uint64
	FSMagic               uint64 // of the file system, as in statfs(2)

	what byte
	n    [7]uint64
}

// PipeState is the state of a pipe or FIFO.
type PipeState struct {
	Queued, Capacity int64 // bytes; negative if not known
	Readers, Writers int   // open file descriptions, also of processes that no proc file system shows
}

// SocketState is the state that sockets of all families have.
type SocketState struct {
	Family, Type, Protocol int    // socket(2)
	State                  int    // TCP's numbers (include/net/tcp_states.h), also of UNIX sockets
	NetNS                  uint64 // inode of its network namespace
	Messages               int    // messages in its receive queue
	InFlight               int    // of a UNIX socket: descriptors that were sent to it and not received (Linux 5.10)
}

// EventfdState is the state of an eventfd(2).
type EventfdState struct {
	Count     uint64
	Semaphore bool
	ID        int // eventfd-id in proc_pid_fdinfo(5); negative: it has none
}

const (
	fileSize = 136

	isPipe, isSocket, isEventfd = 1, 2, 3

	readMode, writeMode = 1, 2 // FMODE_READ, FMODE_WRITE of include/linux/fs.h
	semaphoreFlag       = 1    // EFD_SEMAPHORE

	pipefsMagic = 0x50495045 // include/uapi/linux/magic.h
	sockfsMagic = 0x534f434b
)

// Files calls f for every descriptor of the processes in the caller's pid namespace, by
// ascending thread and descriptor: some 1 µs each. Threads that share the table of their
// process's main thread do not repeat it. If the main thread has ended, every other thread
// repeats the table.
func (s *Source) Files(f func(d *File)) error {
	it, err := s.use(func(s *Source) *iterator { return s.files })
	if err != nil {
		return err
	}
	return it.each(fileLength, eachFile(f))
}

// eachFile hands the descriptors in records to f.
func eachFile(f func(d *File)) func(record []byte) {
	var d File
	var link [32]byte
	return func(record []byte) {
		d = parseFile(record)
		switch {
		case d.PID == 0 || d.TID == 0:
			return // the thread has just ended
		case d.FSMagic == pipefsMagic:
			d.Link = inodeLink(link[:0], "pipe:[", d.Ino)
		case d.FSMagic == sockfsMagic:
			d.Link = inodeLink(link[:0], "socket:[", d.Ino)
		}
		f(&d)
	}
}

func inodeLink(to []byte, what string, ino uint64) []byte {
	return append(strconv.AppendUint(append(to, what...), ino, 10), ']')
}

// fileLength returns the length of the record at the start of b.
func fileLength(b []byte) int {
	if len(b) < fileSize {
		return 0
	}
	return fileSize + int(binary.LittleEndian.Uint32(b))
}

func parseFile(record []byte) File {
	f := fields{record}
	var d File
	link := f.int()
	d.PID, d.TID, d.FD = f.int(), f.int(), int32(f.u32())
	d.Flags = f.u32()
	mode := f.u32()
	d.Read, d.Write = mode&readMode != 0, mode&writeMode != 0
	d.DevMajor, d.DevMinor = f.dev()
	d.Mode, d.Links, d.UID, d.GID = f.u32(), f.u32(), f.u32(), f.u32()
	d.what = byte(f.u32())
	d.Description, d.Table, d.Ino, d.FSMagic = f.u64(), f.u64(), f.u64(), f.u64()
	for i := range d.n {
		d.n[i] = f.u64()
	}
	if link > 0 {
		d.Link = f.bytes(link - 1) // it ends in a NUL
	}
	return d
}

// Pipe returns the state of the pipe behind the descriptor, if it is one. The fill level is not
// known if a process used the pipe at that moment, or if the pipe has more buffers than
// an unprivileged user may give it.
func (d *File) Pipe() (p PipeState, known bool) {
	if d.what != isPipe {
		return p, false
	}
	return pipeState(d.n[:]), true
}

// Socket returns the state of the socket behind the descriptor, if it is one.
func (d *File) Socket() (s SocketState, known bool) {
	if d.what != isSocket {
		return s, false
	}
	return SocketState{int(d.n[0]), int(d.n[1]), int(d.n[2]), int(d.n[3]), d.n[4], int(d.n[5]), int(d.n[6])}, true
}

// Eventfd returns the state of the eventfd behind the descriptor, if it is one.
func (d *File) Eventfd() (e EventfdState, known bool) {
	w, _ := d.Watched()
	return w.Eventfd()
}
