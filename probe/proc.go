package probe

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Proc is a process while it is being read. Hooks must not keep it.
type Proc struct {
	Dir    *proc.Dir // /proc/PID
	Model  *model.Process
	Status []byte // content of its status file, or only those lines of it that readers use
	Scan   *Scan

	task       *guard.Task
	fromSource *bpf.Task // what the source told; nil: the files of the process were read
	stat       proc.Stat
	mnt        *proc.MountTable
	mntRead    bool
}

// PID is the process id in the scanned proc file system.
func (p *Proc) PID() int32 { return int32(p.Model.PID) }

// FD is an open descriptor while it is being read. Hooks must not keep it, nor
// the link.
type FD struct {
	Proc *Proc
	Num  int32
	TID  int32  // the thread, if the descriptor is in a table of its own; else 0
	Link []byte // what the link leads to: "pipe:[4242]", "/dev/null", …

	dir        *proc.Dir // …/fd; nil until it is needed, see [FD.table]
	name       *byte
	text       [12]byte    // holds name, if that was made here
	sourceFile *sourceFile // what the source told of it; nil: read from the proc file system
	facts      *facts      // the facts that sourceFile is from
	out        *Collector
	info       *[]byte // the buffer that fdinfo is read into

	stat      unix.Statx_t
	statErr   error
	statted   bool
	cacheable bool
	byInfo    bool
	byCounter bool
	counter   *bpf.Watched // its state now, from the source; nil: see sourceFile
	often     bool         // its fdinfo is read in every scan
}

// Cacheable says that what is emitted about this descriptor stays true as long as its
// process does not run. That may be only its holder: not a count that others change,
// nor a path that they may rename.
func (f *FD) Cacheable() { f.cacheable = true }

// CacheableByInfo says that what is emitted about this descriptor, one holder and one
// object, stays true as long as its process does not run and its fdinfo, which was the last
// text read, stays the same.
func (f *FD) CacheableByInfo() { f.byInfo = true }

// CacheableByCounter is CacheableByInfo with the result of [FD.Eventfd] in place of the fdinfo.
func (f *FD) CacheableByCounter() { f.byCounter = true }

// Names of queries of a descriptor, for [guard.Task.Begin] and [Index.BeginAt]. All callers
// use the same name, so that a query that got stuck once is skipped by all.
const (
	OpInfo = "fdinfo"
	opStat = "stat descriptor"
)

// Holder returns the holder for this descriptor, without its access.
func (f *FD) Holder() model.Holder {
	return model.Holder{PID: f.Proc.PID(), TID: f.TID, Comm: f.Proc.Model.Comm, Via: model.ViaFD, FD: model.Some(f.Num)}
}

// Access tells how the descriptor was opened, from the mode of the link itself,
// which does not touch what it leads to (proc_pid_fd(5)).
func (f *FD) Access() model.Access {
	if f.sourceFile != nil {
		return f.sourceFile.access()
	}
	return linkAccess(f.dir, f.name)
}

func linkAccess(dir *proc.Dir, name *byte) model.Access {
	mode, ok := dir.LinkMode(name)
	if !ok {
		return ""
	}
	switch mode & (unix.S_IRUSR | unix.S_IWUSR) {
	case unix.S_IRUSR:
		return model.Read
	case unix.S_IWUSR:
		return model.Write
	case unix.S_IRUSR | unix.S_IWUSR:
		return model.ReadWrite
	}
	return model.AccessNone
}

// Stat is statx(2) of the file behind the descriptor, called at most once. It
// fails with ErrForeign if the file may be on a file system that asks another
// machine or program, because that can take for ever.
func (f *FD) Stat() (*unix.Statx_t, error) {
	if !f.statted {
		f.statted = true
		f.statErr = f.readStat()
	}
	return &f.stat, f.statErr
}

func (f *FD) readStat() error {
	if !f.Proc.mounts().Local(f.Link) {
		return proc.ErrForeign
	}
	if !f.Proc.task.Begin(opStat, f.Num) {
		return guard.ErrGivenUp
	}
	dir, name, err := f.table()
	if err != nil {
		f.Proc.task.End()
		return err
	}
	errno := dir.StatxC(name, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, fileStats, &f.stat)
	f.Proc.task.End()
	if errno != 0 {
		return errno
	}
	return nil
}

// Info is the descriptor's fdinfo text (proc_pid_fdinfo(5)), valid until the
// next call.
func (f *FD) Info() ([]byte, error) {
	if !f.Proc.task.Begin(OpInfo, f.Num) {
		return nil, guard.ErrGivenUp
	}
	defer f.Proc.task.End()
	name := "fdinfo/" + strconv.Itoa(int(f.Num))
	if f.TID != 0 {
		name = "task/" + strconv.Itoa(int(f.TID)) + "/" + name
	}
	read := f.Proc.Dir.ReadRecord
	if f.often {
		read = f.Proc.Dir.ReadOften
	}
	text, err := read(name, (*f.info)[:0])
	*f.info = text
	return text, err
}

// Task returns the guard under which all calls that may block are made.
func (f *FD) Task() *guard.Task { return f.Proc.task }

// FSType returns the magic number of the file system that has the file behind
// the descriptor (statfs(2)). It fails like [FD.Stat].
func (f *FD) FSType() (int64, error) {
	if !f.Proc.mounts().Local(f.Link) {
		return 0, proc.ErrForeign
	}
	if !f.Proc.task.Begin("statfs", f.Num) {
		return 0, guard.ErrGivenUp
	}
	defer f.Proc.task.End()
	var st unix.Statfs_t
	if err := unix.Statfs(f.path(), &st); err != nil {
		return 0, err
	}
	return int64(st.Type), nil
}

// Gap emits that something about this descriptor could not be read.
func (f *FD) Gap(probe, op string, err error) {
	if proc.Gone(err) {
		return // closed meanwhile
	}
	f.out.Gap(model.Gap{Probe: probe, Reason: proc.ReasonOf(err), PID: f.Proc.Model.PID, Op: op, Detail: err.Error()})
}

// Mapping is a shared mapping while it is being read. Hooks must not keep it. If it comes
// from a source, its name is right for memory; for other files it is only the last part of
// the path.
type Mapping struct {
	proc.MapsEntry
	Proc *Proc

	cacheable bool
}

// Cacheable is [FD.Cacheable] for a mapping.
func (m *Mapping) Cacheable() { m.cacheable = true }

// Holder returns the holder for this mapping.
func (m *Mapping) Holder(via model.Via) model.Holder {
	h := model.Holder{PID: m.Proc.PID(), Comm: m.Proc.Model.Comm, Via: via, Extent: &model.Extent{
		Address: model.Addr(m.Start),
		Offset:  model.Some(int64(m.Offset)),
		Size:    model.Some(int64(m.End - m.Start)),
	}}
	switch {
	case len(m.Perms) < 2:
	case m.Perms[0] == 'r' && m.Perms[1] == 'w':
		h.Access = model.ReadWrite
	case m.Perms[0] == 'r':
		h.Access = model.Read
	case m.Perms[1] == 'w':
		h.Access = model.Write
	default:
		h.Access = model.AccessNone
	}
	return h
}
