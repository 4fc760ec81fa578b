package waitstate

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// served is the file system whose server must answer before a thread continues (fuse(4)).
type served struct {
	point string // where it is mounted
	conn  uint64 // the number of its connection; 0: unknown
}

// fileCalls are the calls in which a thread may wait for the server of a file system, without
// open(2) and the calls that read and write. The numbers say which arguments are the directory
// or file descriptor and the path; -1: none.
var fileCalls = map[string]struct{ dir, path int }{
	"newfstatat": {0, 1}, "statx": {0, 1}, "faccessat": {0, 1}, "faccessat2": {0, 1}, "readlinkat": {0, 1}, "unlinkat": {0, 1}, "mkdirat": {0, 1},
	"stat": {-1, 0}, "lstat": {-1, 0}, "access": {-1, 0}, "execve": {-1, 0}, "chdir": {-1, 0},
	"getdents64": {0, -1}, "fstat": {0, -1}, "fsync": {0, -1}, "fdatasync": {0, -1},
}

// asksServer reports whether the thread sleeps in the kernel function that waits for the answer
// of a FUSE server.
func (c *caller) asksServer() bool { return c.wchan() == "request_wait_answer" }

// onPath notes that a wait for a server is about a path; dir is the descriptor of the directory
// to which it is relative.
func (c *caller) onPath(w *waiting, dir int32, name string) *waiting {
	w.needs, w.fds = model.NeedsAnswer, nil
	w.server = &served{}
	known := false
	if w.target.Path, known = c.absolute(dir, name); !known {
		return w
	}
	var on *proc.Mount
	mounts := c.proc.Mounts()
	for i := range mounts {
		if m := &mounts[i]; below(w.target.Path, m.Point) && (on == nil || len(m.Point) >= len(on.Point)) {
			on = m
		}
	}
	// A symbolic link may lead elsewhere: then it is not known which server must answer.
	if on != nil && proc.IsFUSE(on.Type) {
		w.server = connection(on)
	}
	return w
}

// onFile notes that a wait for a server is about a descriptor; nil if the descriptor is not a
// file of a FUSE file system.
func (c *caller) onFile(w *waiting, fd int32) *waiting {
	if !c.task.Begin("fdinfo", fd) {
		return nil
	}
	b, err := c.proc.Dir.ReadRecord("task/"+itoa(c.tid)+"/fdinfo/"+itoa(int(fd)), nil)
	c.task.End()
	if err != nil {
		return nil
	}
	id, ok := proc.StatusField(b, "mnt_id")
	if !ok {
		return nil
	}
	mounts := c.proc.Mounts()
	i := slices.IndexFunc(mounts, func(m proc.Mount) bool { return strconv.FormatUint(m.ID, 10) == string(id) })
	if i < 0 || !proc.IsFUSE(mounts[i].Type) {
		return nil
	}
	w.needs, w.fds, w.server = model.NeedsAnswer, nil, connection(&mounts[i])
	w.target.FD = model.Some(int(fd))
	if link, err := c.proc.Dir.Readlink("task/" + itoa(c.tid) + "/fd/" + itoa(int(fd))); err == nil {
		w.target.Path = link
	}
	return w
}

// connection returns the FUSE connection of a mounted file system: its number is the minor
// number of the device.
func connection(m *proc.Mount) *served {
	return &served{point: m.Point, conn: uint64(unix.Minor(m.Dev))}
}

// below reports whether a path is a directory or something in it.
func below(name, dir string) bool {
	return dir == "/" || name == dir || strings.HasPrefix(name, dir) && name[len(dir)] == '/'
}

// decodeFile decodes a call about a file if the thread waits for a server in it.
func (c *caller) decodeFile(w *waiting) *waiting {
	at := fileCalls[w.call]
	switch {
	case !c.proc.SeesFUSE() || !c.asksServer():
		return nil
	case at.path < 0:
		return c.onFile(w, c.line.fd(at.dir))
	case at.dir < 0:
		return c.onPath(w, unix.AT_FDCWD, c.path(c.line.args[at.path]))
	}
	name := c.path(c.line.args[at.path])
	if fd := c.line.fd(at.dir); name == "" && fd >= 0 { // AT_EMPTY_PATH, which fstat(3) uses
		return c.onFile(w, fd)
	}
	return c.onPath(w, c.line.fd(at.dir), name)
}

// decodeServed notes that a read or write waits for a server, if it does: for an answer, or in
// state D for a page that the server must fill.
func (c *caller) decodeServed(w *waiting) {
	if c.proc.SeesFUSE() && (c.state == "D" || c.asksServer()) {
		c.onFile(w, c.line.fd(0))
	}
}

// programs returns the processes that the kernel may ask something: all except kernel threads and
// ipctop.
func (r *pass) programs() (list []*model.Process) {
	for _, p := range r.j.Processes {
		if !p.Kernel && !p.Self {
			list = append(list, p)
		}
	}
	return list
}

// servers finds the processes that serve the file systems for whose answers threads wait, by
// the number of the connection: those that have /dev/fuse open for it. Linux 6.16 and newer
// show the number in fdinfo. On older kernels the server is known only if just one process
// has /dev/fuse open at all.
func (r *pass) servers(ctx context.Context) map[uint64][]int {
	if !slices.ContainsFunc(r.threads, func(t *thread) bool { return t.server != nil && t.server.conn != 0 }) {
		return nil
	}
	found := map[uint64][]int{}
	var unnumbered []int
	r.j.EachProcess(r.programs(), func(t *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil {
			return nil
		}
		conns := fuseConnections(t, p)
		return func() {
			for _, conn := range conns {
				found[conn] = append(found[conn], p.Model.PID)
				if conn == 0 {
					unnumbered = append(unnumbered, p.Model.PID)
				}
			}
		}
	}, func(*model.Process, error) {})
	for _, pids := range found {
		slices.Sort(pids)
	}
	delete(found, 0)
	if len(unnumbered) == 1 {
		for _, t := range r.threads {
			if t.server != nil && found[t.server.conn] == nil {
				found[t.server.conn] = unnumbered
			}
		}
	}
	return found
}

// fuseConnections returns the FUSE connections that a process has open; 0 stands for one whose
// number the kernel does not show.
func fuseConnections(t *guard.Task, p *probe.Proc) []uint64 {
	var conns []uint64
	dir, err := p.Dir.Open("fd")
	if err != nil {
		return nil
	}
	defer dir.Close()
	_ = dir.Each(make([]byte, 32<<10), func(e proc.Entry) bool {
		fd, ok := e.Number()
		if !ok {
			return true
		}
		if link, err := dir.Readlink(itoa(fd)); err != nil || link != "/dev/fuse" || !t.Begin("fdinfo", int32(fd)) {
			return true
		}
		b, err := p.Dir.ReadRecord("fdinfo/"+itoa(fd), nil)
		t.End()
		if err == nil {
			conn := parseFUSEConnection(b)
			if !slices.Contains(conns, conn) {
				conns = append(conns, conn)
			}
		}
		return true
	})
	return conns
}

// parseFUSEConnection reads fuse_connection in /proc/PID/fdinfo/N of /dev/fuse (Linux
// 6.16); 0 if it is not there.
func parseFUSEConnection(text []byte) uint64 {
	v, _ := proc.StatusField(text, "fuse_connection")
	n, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 32)
	if err != nil {
		return 0
	}
	return n
}
