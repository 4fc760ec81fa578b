package probe

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// descriptorsFromSource reads the descriptors of a process from the source. It reports
// false if the source does not know them. refused says that the proc file system
// refused to list them.
func (s *Scan) descriptorsFromSource(p *Proc, sc *scratch, r *result, refused bool) bool {
	m := p.Model
	if m.State == "Z" || m.PID == s.selfPID {
		return false // a process whose main thread has ended is read through another thread; ipctop's own descriptors change meanwhile
	}
	f := s.factsOf(p, sc, refused)
	if f == nil {
		return false
	}
	main, known := f.of(p.PID())
	if !known && !f.whole {
		return false
	}
	m.FDs = model.Some(s.takeTable(p, f, main, 0, sc, r))
	own := f.own[p.PID()]
	if len(own) == 0 {
		return true
	}
	lives := make(map[int32]bool, len(m.ThreadList))
	for i := range m.ThreadList {
		lives[int32(m.ThreadList[i].TID)] = true
	}
	owners := map[uint64]int32{} // by table
	for _, tid := range own {
		if !lives[tid] {
			continue // the thread has ended, or its pid is another process's now
		}
		r.ownTables = true
		list, _ := f.of(tid)
		if owner, ok := owners[f.tables[tid].table]; ok && f.sameTable(owner, list) {
			s.noteTable(tid, owner)
			continue
		}
		s.noteTable(tid, tid)
		owners[f.tables[tid].table] = tid
		s.takeTable(p, f, list, tid, sc, r)
	}
	return true
}

// sameTable reports whether the descriptors in a thread's table are these. Two threads whose
// tables had the same address need not share it: one may have left its table before the other
// one got a new one there.
func (f *facts) sameTable(tid int32, list []sourceFile) bool {
	other, _ := f.of(tid)
	return slices.EqualFunc(other, list, func(a, b sourceFile) bool { return a.fd == b.fd && a.description == b.description })
}

// factsOf returns the facts that include the descriptors of a process; nil if there are
// none. If the descriptors were not read for all processes, they are read for this one
// alone. Such facts are valid only until the next process is read.
func (s *Scan) factsOf(p *Proc, sc *scratch, refused bool) *facts {
	f := s.facts
	if f == nil && refused {
		f = s.lateFacts()
	}
	if f == nil {
		return nil
	}
	if f.whole && f.same(p) {
		return f
	}
	if sc.facts == nil {
		sc.facts = newFacts(f.source)
	}
	one := sc.facts
	one.reset(f.source)
	if err := f.source.FilesOf(p.Model.PID, one.add); err != nil {
		return nil
	}
	f.pipesMu.Lock()
	maps.Copy(f.pipes, one.pipes)
	f.pipesMu.Unlock()
	return one
}

// lateFacts returns the facts for a scan that began without a source, and was then
// refused something that a source may know.
func (s *Scan) lateFacts() *facts {
	s.late.Do(func() { s.late.facts = s.newFacts(context.Background()) })
	return s.late.facts
}

// takeTable hands the descriptors of one table to the probes, and returns their number.
func (s *Scan) takeTable(p *Proc, f *facts, list []sourceFile, tid int32, sc *scratch, r *result) int {
	fd := FD{Proc: p, TID: tid, out: r.out, info: &sc.info}
	defer func() { fd.dir.Close() }()
	truncated := 0
	for i := range list {
		x := &list[i]
		if tid == 0 && s.scanner.opts.Repeated {
			sc.described = append(sc.described, described{x.fd, x.description})
		}
		if x.linkLength == 0 {
			truncated++
			continue
		}
		fd.sourceFile, fd.facts, fd.name = x, f, nil
		s.takeDescriptor(&fd, x.fd, f.linkOf(x), sc)
	}
	noteTruncated(p, tid, truncated, r)
	return len(list)
}

// table returns the open directory of the descriptor's link, and the name of the link in it.
func (f *FD) table() (dir *proc.Dir, name *byte, err error) {
	if f.dir == nil {
		if f.dir, err = f.Proc.Dir.Open(f.tableName()); err != nil {
			return nil, nil, err
		}
	}
	if f.name == nil {
		f.name = &append(strconv.AppendInt(f.text[:0], int64(f.Num), 10), 0)[0]
	}
	return f.dir, f.name, nil
}

// tableName is the name of that directory below the process's directory.
func (f *FD) tableName() string {
	if f.TID != 0 {
		return "task/" + strconv.Itoa(int(f.TID)) + "/fd"
	}
	return "fd"
}

// path is the path of the descriptor's link.
func (f *FD) path() string {
	return f.Proc.Dir.Path() + "/" + f.tableName() + "/" + strconv.Itoa(int(f.Num))
}

// Type returns the file type bits of the file behind the descriptor. It does not ask
// the file system if they are known already.
func (f *FD) Type() (uint32, error) {
	if f.sourceFile != nil && f.sourceFile.mode&unix.S_IFMT != 0 {
		return f.sourceFile.mode & unix.S_IFMT, nil
	}
	st, err := f.Stat()
	return uint32(st.Mode) & unix.S_IFMT, err
}

// On reports whether the file is on a file system of this type (the magic number of
// statfs(2)); known is false if the file system would have to be asked.
func (f *FD) On(magic uint32) (on, known bool) {
	if f.sourceFile == nil {
		return false, false
	}
	return f.sourceFile.magic == magic, true
}

func (x *sourceFile) access() model.Access {
	switch {
	case x.read && x.write:
		return model.ReadWrite
	case x.read:
		return model.Read
	case x.write:
		return model.Write
	}
	return model.AccessNone
}

// plain reports whether stat(2) on the file's file system gives the same device and
// inode that the kernel uses internally. Other file systems have their own numbers for
// both (btrfs, overlay), or ask another machine or program.
func (x *sourceFile) plain() bool {
	if x == nil {
		return false
	}
	switch x.magic {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.HUGETLBFS_MAGIC, unix.PROC_SUPER_MAGIC,
		unix.SYSFS_MAGIC, unix.DEVPTS_SUPER_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC:
		return true
	}
	return false
}

// owns reports whether a descriptor of ipctop's own exists only for the source.
func (f *facts) owns(fd int) bool { return f != nil && f.source.Owns(fd) }

// reset empties the facts for reuse.
func (f *facts) reset(source Source) {
	f.source = source
	clear(f.tables)
	clear(f.own)
	clear(f.pipes)
	if cap(f.files) > maxSpareFiles {
		f.files, f.links = nil, nil
	}
	f.files, f.links, f.events, f.inFlight = f.files[:0], f.links[:0], f.events[:0], false
}

// maxSpareFiles is the number of descriptors up to which memory is kept for the next process.
const maxSpareFiles = 8192

func newFacts(source Source) *facts {
	return &facts{
		source: source, cgroups: map[uint64]*cgroupFacts{}, tables: map[int32]fdTable{}, own: map[int32][]int32{},
		pipes: map[inode]bpf.Watched{},
	}
}
