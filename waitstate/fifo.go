package waitstate

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// openedFIFOs are FIFOs that no process has open: a thread waits for the other end in
// open(2), and has no descriptor yet.
var openedFIFOs = &probe.KeySpace{Name: "fifo being opened"}

// findFIFO looks at what the path leads to that a thread opens; nil if that cannot be
// told without disturbing anybody.
func (c *caller) findFIFO(dir int32, path string) *model.Object {
	if path == "" || !c.task.Begin("stat path", int32(c.tid)) {
		return nil
	}
	defer c.task.End()
	at := "task/" + itoa(c.tid) + "/cwd"
	if dir != unix.AT_FDCWD {
		at = "task/" + itoa(c.tid) + "/fd/" + itoa(int(dir))
	}
	var st unix.Statx_t
	full, err := c.proc.StatPath(c.tid, at, path, &st)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil
	}
	dev := proc.DevString(proc.Dev(st.Dev_major, st.Dev_minor))
	return &model.Object{
		ID: "fifo:" + dev + ":" + strconv.FormatUint(st.Ino, 10), Kind: model.FIFO, Name: full, Path: full, Dev: dev, Ino: model.Big(st.Ino),
		UID: model.Some(int(st.Uid)), GID: model.Some(int(st.Gid)), Mode: probe.Octal(uint32(st.Mode)), Detail: new(model.PipeDetail),
	}
}

// opened is the id of the FIFO that a thread opens. It is made an object if nobody
// else has it open.
func (x *index) opened(idx *probe.Index, fifo *model.Object) string {
	if x.fifos == nil {
		x.fifos = map[string]bool{}
		for _, e := range idx.OfKind(model.FIFO) {
			x.fifos[e.Object.ID] = true
		}
	}
	if !x.fifos[fifo.ID] {
		x.fifos[fifo.ID] = true
		object := *fifo // snapshots do not share it
		idx.Add(probe.Key{Space: openedFIFOs, Num: uint64(len(x.fifos))}, &object)
	}
	return fifo.ID
}
