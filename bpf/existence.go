package bpf

import (
	"bytes"
	"strings"
	"time"
)

// Existence is the event that an object was made, or that an object or its name was removed.
type Existence struct {
	Time    time.Time
	Who     Party
	What    ObjectType
	Removed bool
	IPC     uint64 // inode number of the IPC namespace of Who
	ID      int    // for System V IPC
	Key     uint32 // likewise, of an object that was made

	File Behind // a queue or file that was made by opening it

	// Path is the name of a queue without the slash, or the path of a file. From is the
	// path from which a file was linked (link(2)).
	Path, From string
}

// ObjectType is the type of an object that was made or removed.
type ObjectType int

// The types of objects.
const (
	SharedMemory ObjectType = iota // of System V, like the next two
	SemaphoreSet
	MessageQueue
	NamedQueue // mq_overview(7)
	ShmFile    // in a directory named shm on which a file system is mounted, or with a path that begins with /dev/shm/
	NamedPipe
)

const (
	objectMade = 10 // kind
	madeSize   = 1408
)

// madeBy tells for each call what it makes or removes.
var madeBy = map[uint32]struct {
	what    ObjectType
	removed bool
}{
	tracedShmget: {SharedMemory, false}, tracedSemget: {SemaphoreSet, false}, tracedMsgget: {MessageQueue, false},
	tracedShmctl: {SharedMemory, true}, tracedSemctl: {SemaphoreSet, true}, tracedMsgctl: {MessageQueue, true},
	tracedMqOpen: {NamedQueue, false}, tracedMqUnlink: {NamedQueue, true},
	tracedOpen: {ShmFile, false}, tracedLink: {ShmFile, false}, tracedLinkat: {ShmFile, false},
	tracedUnlink: {ShmFile, true}, tracedUnlinkat: {ShmFile, true},
	tracedMknod: {NamedPipe, false}, tracedMknodat: {NamedPipe, false},
}

func (t *Tracer) parseExistence(record []byte) *Existence {
	f := fields{record}
	e := &Existence{Time: t.clock(f.u64())}
	f.u32() // kind
	call := f.u32()
	e.What, e.Removed = madeBy[call].what, madeBy[call].removed
	e.Who = f.party()
	e.IPC = f.u64()
	e.ID, e.Key = f.int(), f.u32()
	e.File = f.behind()
	name, from := f.text(256), f.text(256)
	f.u32() // reserved
	base := f.path()
	e.Path, e.From = under(base, name), under(base, from)
	if call == tracedOpen {
		e.Path = base
	}
	return e
}

// text takes n bytes, and cuts them at the first zero.
func (f *fields) text(n int) string {
	b, _, _ := bytes.Cut(f.bytes(n), []byte{0})
	return string(b)
}

// under joins a directory and a path, unless the path is absolute.
func under(dir, path string) string {
	if path == "" || dir == "" || strings.HasPrefix(path, "/") {
		return path
	}
	return dir + "/" + path
}
