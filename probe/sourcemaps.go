package probe

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/proc"
)

// mappedFacts are the shared mappings that a source told of.
type mappedFacts struct {
	byPID map[int32]mappedTable
	list  []sourceMapping
	names []byte

	filesOnce sync.Once
	files     map[inode]int32 // place in list
}

// mappedTable are the mappings of a process: a part of mappedFacts.list.
type mappedTable struct {
	tid      int32 // the thread through which they were seen
	from, to int32
	all      bool // the mappings are complete
}

// sourceMapping is a shared mapping. It has no pointers.
type sourceMapping struct {
	start, end, offset uint64
	dev, ino           uint64
	name               uint32 // offset in mappedFacts.names
	nameLength         uint16
	perms              uint8 // index into [sharedPerms]

	mode, links, uid, gid uint32
	size                  int64
	blocks                uint64
}

// sharedPerms are the permissions of shared mappings as maps has them.
var sharedPerms = [...]string{"---s", "r--s", "-w-s", "rw-s"}

// manyProcesses is the number of processes from which on reading all mappings from the
// source is faster, including the time to prepare the source.
const manyProcesses = 400

// wantMapped reports whether the source is to be asked for the mappings of this many processes.
func (s *Scan) wantMapped(processes int) bool {
	return s.wantMappings() && (processes >= manyProcesses || s.scanner.opts.SourceUse == SourceAlways)
}

// readMapped reads the shared mappings of all processes; nil if the source cannot tell.
func (s *Scan) readMapped(ctx context.Context, source Source) *mappedFacts {
	m := &mappedFacts{byPID: map[int32]mappedTable{}}
	if err := source.Mappings(m.add, m.endThread); err != nil {
		s.scanner.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: mappings not read", slog.String("why", err.Error()))
		return nil
	}
	return m
}

func (m *mappedFacts) add(x *bpf.Mapping) {
	seen := sourceMapping{
		start: x.Start, end: x.End, offset: x.Offset, dev: proc.Dev(x.DevMajor, x.DevMinor), ino: x.Ino,
		name: uint32(len(m.names)),
		mode: x.Mode, links: x.Links, uid: x.UID, gid: x.GID, size: x.Size, blocks: x.Blocks,
	}
	if x.Readable {
		seen.perms |= 1
	}
	if x.Writable {
		seen.perms |= 2
	}
	m.names = append(append(m.names, '/'), x.Name...)
	if x.Memory || x.Deleted {
		m.names = append(m.names, proc.DeletedSuffix...)
	}
	seen.nameLength = uint16(len(m.names) - int(seen.name))
	// Neighbours often have the same name.
	if n := len(m.list); n > 0 && string(m.name(&m.list[n-1])) == string(m.name(&seen)) {
		m.names, seen.name = m.names[:seen.name], m.list[n-1].name
	}
	t, ok := m.byPID[int32(x.PID)]
	if !ok {
		t = mappedTable{tid: int32(x.TID), from: int32(len(m.list))}
	} else if t.tid != int32(x.TID) {
		return // the same mappings, seen through another thread
	}
	m.list = append(m.list, seen)
	t.to = int32(len(m.list))
	m.byPID[int32(x.PID)] = t
}

// endThread ends the mappings of one thread.
func (m *mappedFacts) endThread(pid, tid int, all bool) {
	t, ok := m.byPID[int32(pid)]
	if ok && t.tid != int32(tid) {
		return
	}
	t.tid, t.all = int32(tid), all
	m.byPID[int32(pid)] = t
}

func (m *mappedFacts) name(x *sourceMapping) []byte { return m.names[x.name:][:x.nameLength] }

// mappingsFromSource hands the mappings of a process to the probes. It reports false if the
// source does not know all of them.
func (s *Scan) mappingsFromSource(p *Proc, sc *scratch, r *result) bool {
	f := s.facts
	if f == nil || f.mapped == nil || !f.same(p) {
		return false
	}
	t := f.mapped.byPID[p.PID()]
	if !t.all {
		return false
	}
	m := Mapping{Proc: p}
	for i := t.from; i < t.to; i++ {
		x := &f.mapped.list[i]
		m.MapsEntry = proc.MapsEntry{
			Start: x.start, End: x.end, Offset: x.offset, Dev: x.dev, Ino: x.ino, Perms: sharedPerms[x.perms], Name: f.mapped.name(x),
		}
		s.mapping(&m, sc, r.out)
	}
	return true
}

// stat fills in what statx(2) would return for a mapped file, except its device. It is
// for files in memory, whose device is not shown.
func (m *mappedFacts) stat(k Key, st *unix.Statx_t) bool {
	if m == nil {
		return false
	}
	m.filesOnce.Do(func() {
		m.files = make(map[inode]int32, len(m.list))
		for i := range m.list {
			m.files[inode{m.list[i].dev, m.list[i].ino}] = int32(i)
		}
	})
	i, ok := m.files[inode{k.Scope, k.Num}]
	if !ok {
		return false
	}
	x := &m.list[i]
	*st = unix.Statx_t{Mode: uint16(x.mode), Nlink: x.links, Uid: x.uid, Gid: x.gid, Ino: x.ino, Size: uint64(x.size), Blocks: x.blocks}
	return true
}
