package tracer

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

const shmDirectory = "/dev/shm/"

var existing = map[bpf.ObjectType]model.Kind{
	bpf.SharedMemory: model.SysvShm, bpf.SemaphoreSet: model.SysvSem, bpf.MessageQueue: model.SysvMsg,
	bpf.NamedQueue: model.PosixMq, bpf.ShmFile: model.PosixShm, bpf.NamedPipe: model.FIFO,
}

// existence makes an event of an object that was created or removed; nil if the object is
// not one that processes share.
func (n *names) existence(x *bpf.Existence) *trace.Event {
	kind := existing[x.What]
	e := &trace.Event{Type: "event", Time: x.Time, Event: trace.CreatedEvent, Path: x.Path}
	if x.Removed {
		e.Event = trace.RemovedEvent
	}
	e.Existence = &trace.Existence{}
	switch x.What {
	case bpf.SharedMemory, bpf.SemaphoreSet, bpf.MessageQueue:
		e.Object = n.systemV(kind, x.ID, x.IPC)
		if !x.Removed {
			e.Key = fmt.Sprintf("0x%08x", x.Key)
		}
	case bpf.NamedQueue:
		e.Path = "/" + strings.TrimPrefix(x.Path, "/")
		e.Object = identity(kind, &x.File)
	case bpf.ShmFile:
		e.Path = path.Clean(x.Path)
		if !strings.HasPrefix(e.Path, shmDirectory) || x.File.Mode != 0 && x.File.Mode&unix.S_IFMT != unix.S_IFREG {
			return nil
		}
		if x.From != "" {
			e.From = path.Clean(x.From)
		}
		if strings.HasPrefix(path.Base(e.Path), "sem.") {
			kind = model.PosixSem
		}
		e.Object = identity(kind, &x.File)
	}
	e.Of = string(kind)
	e.Sender = n.party(&x.Who)
	return e
}

// identity is the id of a file as an object of the given kind, "" if the file is not known.
func identity(kind model.Kind, b *bpf.Behind) string {
	if b.Mode == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%s:%d", kind, device(b), b.Ino)
}

// systemV is the id of an object of System V IPC.
func (n *names) systemV(kind model.Kind, id int, ipc uint64) string {
	if ipc == n.ipc {
		return fmt.Sprintf("%s:%d", kind, id)
	}
	return fmt.Sprintf("%s:%d@%d", kind, id, ipc)
}
