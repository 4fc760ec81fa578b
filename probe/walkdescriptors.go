package probe

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"golang.org/x/sys/unix"
)

// readDescriptors reads the process's descriptor table, and each other table of its threads,
// once. A thread has a table of its own after unshare(CLONE_FILES). A main thread that has
// ended shows no descriptors.
func (s *Scan) readDescriptors(p *Proc, sc *scratch, r *result) {
	if s.descriptorsFromSource(p, sc, r, false) {
		return
	}
	m := p.Model
	ended := m.State == "Z" && len(m.ThreadList) > 1 // its own table is empty, or refused even to its user
	unreadable := func(err error) {
		if s.descriptorsFromSource(p, sc, r, true) {
			return
		}
		r.unreadable, r.partialFDs, r.partialMaps = true, true, true
		r.out.Gap(model.Gap{Probe: "fd", Reason: proc.ReasonOf(err), PID: m.PID, Op: "open fd", Detail: err.Error()})
		if n, ok := p.countDescriptors(); ok {
			m.FDs = model.Some(n)
		}
	}
	dir, err := p.Dir.Open("fd")
	switch {
	case err == nil:
		n, denied := s.readTable(p, dir, 0, sc, r)
		dir.Close()
		if denied > 0 && denied == n && s.descriptorsFromSource(p, sc, r, true) {
			return
		}
		noteDenied(p, 0, denied, n, r)
		m.FDs = model.Some(n)
	case proc.Gone(err):
		return
	case !ended:
		unreadable(err)
		return
	}
	var tables tableOwners
	if !ended {
		tables = tableOwners{p.PID()}
	}
	for i := range m.ThreadList {
		tid := int32(m.ThreadList[i].TID)
		if int(tid) == m.PID {
			continue
		}
		at, owner := s.ownerOfTable(p, tables, tid)
		if owner == p.PID() {
			continue
		}
		s.noteTable(tid, cmp.Or(owner, tid))
		if owner != 0 {
			continue
		}
		dir, errOwn := p.Dir.Open("task/" + strconv.Itoa(int(tid)) + "/fd")
		if errOwn != nil {
			continue // it has ended
		}
		r.ownTables = true
		n, denied := s.readTable(p, dir, tid, sc, r)
		dir.Close()
		noteDenied(p, tid, denied, n, r)
		if len(tables) == 0 {
			m.FDs, err = model.Some(n), nil
		}
		tables = slices.Insert(tables, at, tid)
	}
	if err != nil {
		unreadable(err)
	}
}

// countDescriptors returns the number of descriptors, which every user may
// read (st_size of /proc/PID/fd, Linux 6.2).
func (p *Proc) countDescriptors() (int, bool) {
	n := p.Dir.Size("fd")
	return int(n), n != 0
}

// readTable hands each descriptor in dir to the probes. It returns the number of descriptors,
// and for how many of them the kernel refused to read the link.
func (s *Scan) readTable(p *Proc, dir *proc.Dir, tid int32, sc *scratch, r *result) (count, denied int) {
	fd := FD{Proc: p, TID: tid, dir: dir, out: r.out, info: &sc.info}
	truncated, refused := 0, false
	err := dir.Each(sc.dirents, func(e proc.Entry) bool {
		num, ok := e.Number()
		if !ok {
			return true
		}
		if tid == 0 && p.Model.PID == s.selfPID && (s.scanner.handles.Has(num) || s.facts.owns(num)) {
			return true // exists only for the scan
		}
		count++
		if refused {
			denied++ // the permission depends on the process, not on the descriptor
			return true
		}
		n, errno := dir.ReadlinkC(e.C, sc.link)
		switch {
		case errno == unix.ENOENT || errno == unix.ESRCH:
			count--
			return true // closed meanwhile
		case errno == unix.ENAMETOOLONG || n == len(sc.link):
			truncated++
			return true
		case errno != 0:
			denied++
			refused = errno == unix.EACCES || errno == unix.EPERM
			return true
		}
		fd.name = e.C
		if s.Repeated() {
			sc.fingerprint.addLink(int32(num), sc.link[:n])
		}
		s.takeDescriptor(&fd, int32(num), sc.link[:n], sc)
		return true
	})
	if err != nil && !proc.Gone(err) {
		r.partialFDs = true
		r.out.Gap(model.Gap{Probe: "fd", PID: p.Model.PID, TID: int(tid), Op: "list fd", Reason: proc.ReasonOf(err), Detail: err.Error()})
	}
	noteTruncated(p, tid, truncated, r)
	return count, denied
}

// noteDenied emits a gap for the descriptors whose links the kernel refused to read.
func noteDenied(p *Proc, tid int32, denied, count int, r *result) {
	if denied > 0 {
		r.partialFDs = true
		r.unreadable = denied == count
		r.out.Gap(model.Gap{
			Probe: "fd", PID: p.Model.PID, TID: int(tid), Op: "readlink", Reason: model.Denied, Count: denied,
			Detail: "the kernel refuses to say what these descriptors lead to",
		})
	}
}

// noteTruncated emits a gap for the descriptors with a path that is too long for the kernel to return.
func noteTruncated(p *Proc, tid int32, truncated int, r *result) {
	if truncated > 0 {
		r.partialFDs = true
		r.out.Gap(model.Gap{
			Probe: "fd", PID: p.Model.PID, TID: int(tid), Op: "readlink", Reason: model.Truncated, Count: truncated,
			Detail: "paths longer than the kernel can show",
		})
	}
}

// takeDescriptor hands a descriptor to the probes, and notes whether the next scan has to
// read it again.
func (s *Scan) takeDescriptor(fd *FD, num int32, link []byte, sc *scratch) {
	fd.Num, fd.Link, fd.statted, fd.cacheable, fd.byInfo, fd.byCounter = num, link, false, false, false, false
	id, known := fd.counterID()
	if ino, leaves := s.wanted.omits(fd.Link, id, known); leaves {
		sc.omitted = append(sc.omitted, omitted{fd.Proc.PID(), num, ino})
		return
	}
	before, objects := len(fd.out.holders), len(fd.out.objects)
	s.descriptor(fd, fd.out)
	if !s.Repeated() {
		return
	}
	if !fd.cacheable {
		sc.recheck = append(sc.recheck, fd.newRecheck(fd.out, before, objects))
		return
	}
	for i := before; i < len(fd.out.holders); i++ {
		sc.cacheable = append(sc.cacheable, i)
	}
}

func (s *Scan) descriptor(fd *FD, out *Collector) {
	for i := range s.scanner.opts.Probes {
		if hook := s.scanner.opts.Probes[i].FD; hook != nil && hook(fd, out) {
			return
		}
	}
	if bytes.Contains(fd.Link, []byte(":[")) {
		s.noteNamespace(string(fd.Link), fd.path())
	}
}
