package waitstate

import (
	"encoding/binary"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// openedFIFOs is the key space of FIFOs that no process has open: a thread waits in open(2)
// for the other end, and has no descriptor yet.
var openedFIFOs = &probe.KeySpace{Name: "fifo being opened"}

// decodeOpen reads open(2), openat(2) and openat2(2), in which a thread waits for the other end of
// a FIFO, or for the server of a file system; nil if it waits for a disk.
func (c *caller) decodeOpen(w *waiting) *waiting {
	args := c.line.args
	dir, at, flags := int32(unix.AT_FDCWD), args[0], args[1]
	if w.call != "open" {
		dir, at, flags = c.line.fd(0), args[1], args[2]
	}
	switch c.wchan() {
	case "wait_for_partner":
		w.needs = model.NeedsPeer
		w.target.Access = c.openedTo(w.call, flags)
		name := c.path(at)
		if w.fifo, w.target.Written = c.findFIFO(dir, name); w.fifo != nil {
			w.target.Path = w.fifo.Path
		} else {
			w.target.Path, _ = c.absolute(dir, name)
		}
		return w
	case "request_wait_answer":
		return c.onPath(w, dir, c.path(at))
	case "__break_lease":
		w.needs, w.target.LockType, w.target.Access = model.NeedsLock, leaseLock, c.openedTo(w.call, flags)
		w.target.Path, _ = c.absolute(dir, c.path(at))
		w.timed = true // see [pass.lease]
		return w
	}
	return nil
}

// openedTo returns the access for which a file is opened, from the flags of the call; "" if they could
// not be read. To open a FIFO for both reading and writing does not block.
func (c *caller) openedTo(call string, flags uint64) model.Access {
	if call == "openat2" { // a pointer to a struct open_how, which begins with them
		b, err := c.mem.read(c.tid, flags, 8)
		if err != nil {
			return ""
		}
		flags = binary.NativeEndian.Uint64(b)
	}
	switch flags & unix.O_ACCMODE {
	case unix.O_RDONLY:
		return model.Read
	case unix.O_WRONLY:
		return model.Write
	}
	return ""
}

// absolute makes a path of a thread absolute; dir is the descriptor of the directory to which it is
// relative. If that directory could not be read, it returns the path unchanged and false.
func (c *caller) absolute(dir int32, name string) (string, bool) {
	switch {
	case name == "":
		return "", false
	case name[0] == '/':
		return path.Clean(name), true
	}
	at := "cwd"
	if dir != unix.AT_FDCWD {
		at = "fd/" + itoa(int(dir))
	}
	above, err := c.proc.Dir.Readlink("task/" + itoa(c.tid) + "/" + at)
	if err != nil || !strings.HasPrefix(above, "/") {
		return name, false
	}
	return path.Join(above, name), true
}

// findFIFO returns the FIFO at the path that a thread opens, and when it was last written to; nil
// if that cannot be found out without side effects.
func (c *caller) findFIFO(dir int32, path string) (*model.Object, time.Time) {
	if path == "" || !c.task.Begin("stat path", int32(c.tid)) {
		return nil, time.Time{}
	}
	defer c.task.End()
	at := "task/" + itoa(c.tid) + "/cwd"
	if dir != unix.AT_FDCWD {
		at = "task/" + itoa(c.tid) + "/fd/" + itoa(int(dir))
	}
	var st unix.Statx_t
	full, err := c.proc.StatPath(c.tid, at, path, &st)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil, time.Time{}
	}
	dev := proc.DevString(proc.Dev(st.Dev_major, st.Dev_minor))
	return &model.Object{
		ID: "fifo:" + dev + ":" + strconv.FormatUint(st.Ino, 10), Kind: model.FIFO, Name: full, Path: full, Dev: dev, Ino: model.Big(st.Ino),
		UID: model.Some(int(st.Uid)), GID: model.Some(int(st.Gid)), Mode: probe.Octal(uint32(st.Mode)), Detail: new(model.PipeDetail),
	}, written(&st)
}

// written returns when a file was last written to; zero if never, or if that is not known.
func written(st *unix.Statx_t) time.Time {
	at := func(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }
	if modified := at(st.Mtime); st.Mask&unix.STATX_BTIME != 0 && modified.After(at(st.Btime)) {
		return modified
	}
	return time.Time{}
}

// opened returns the id of the FIFO that a thread opens. If no process has the FIFO open,
// it makes the object.
func (x *index) opened(idx *probe.Index, fifo *model.Object) string {
	if x.fifos == nil {
		x.fifos = map[string]bool{}
		for _, e := range idx.OfKind(model.FIFO) {
			x.fifos[e.Object.ID] = true
		}
	}
	if !x.fifos[fifo.ID] {
		x.fifos[fifo.ID] = true
		object := *fifo // a copy: snapshots must not share it
		idx.Add(probe.Key{Space: openedFIFOs, Num: uint64(len(x.fifos))}, &object)
	}
	return fifo.ID
}
