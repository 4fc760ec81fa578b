package filelock

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// Locks reads the locks on files and adds them to the objects of these files:
// mostly [model.File], but shared memory can be locked, too. It must come after
// the probes that describe files. fdscan.File finds which processes have a file
// open.
func Locks() probe.Probe {
	return probe.Probe{
		Name:     "locks",
		Prefetch: func(s *probe.Scan) { _, _, _ = s.LockTable() },
		Complete: complete,
		Locked:   unlisted,
	}
}

// lockedFile is a file with its locks.
type lockedFile struct {
	key     probe.Key
	entry   *probe.Entry // nil while no holder is known
	opened  *probe.Entry // the entry of another kind that the file is (a FIFO, pipe, terminal or the like); nil: none
	locks   []record
	lockFDs []lockOwner
	divided map[record][][]lockOwner // see [lockedFile.divide]

	// see [lockedFile.withoutDescriptor]
	byPID       map[int32]bool // whether a process has a descriptor of it
	mapped      []model.Holder
	withCreator map[int][]model.Holder
}

// lockOwner is a descriptor of a file that shows locks.
type lockOwner struct {
	pid, tid, fd int32
	comm         string
	locks        []record
}

func complete(ctx context.Context, idx *probe.Index, out *probe.Collector) {
	name := path.Join(idx.Scan.ProcRoot, "locks")
	text, steady, err := idx.Scan.LockTable()
	if err != nil {
		out.Fail("read", name, err)
		return
	}
	if !steady {
		out.Gap(model.Gap{Reason: model.Vanished, Op: "read", Path: name, Detail: "locks came and went whenever it was read in parts: one that stayed may be missing"})
	}
	out.Backend("locks", "/proc/locks and the lock: lines of fdinfo")
	records, bad := parseLocks(text)
	if len(bad) > 0 {
		out.Gap(model.Gap{Reason: model.Malformed, Op: "read", Path: name, Detail: bad[0].Error(), Count: len(bad)})
	}
	files := group(idx, records)
	var known []*probe.Entry
	byEntry := make(map[*probe.Entry]*lockedFile, len(files))
	for _, f := range files {
		if e := f.held(); e != nil {
			byEntry[e] = f
			known = append(known, e)
		}
	}
	var unread []error
	idx.Each(known, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		f := byEntry[e]
		lockFDs, errs := readLockOwners(t, idx, e, f.key, f.mostHolds())
		divided := f.divide(t, idx, lockFDs)
		var facts probe.FileFacts
		if e.Object == nil {
			facts = idx.File(t, e)
		}
		return func() {
			f.lockFDs, f.divided = lockFDs, divided
			unread = append(unread, errs...)
			if e.Object == nil {
				idx.Describe(e, facts.Object(model.File, e.Key, facts.FileDetail()))
			}
		}
	})
	if len(unread) > 0 {
		out.Gap(model.Gap{
			Reason: proc.ReasonOf(unread[0]), Op: "fdinfo", Count: len(unread),
			Detail: "holders of locks may be missing: " + unread[0].Error(),
		})
	}
	for _, f := range files {
		if f.entry == nil {
			f.entry = idx.Add(f.key, f.object())
		}
		if f.opened != nil {
			idx.NoteLocks(f.opened, f.entry)
		}
		holds, cut := f.attach(idx)
		f.entry.Adopt(holds...)
		if cut > 0 {
			out.Gap(model.Gap{
				Reason: model.Truncated, Object: f.entry.Object.ID, Op: "compare locks", Count: cut,
				Detail: fmt.Sprintf("%d locks on one file: of who holds each, and of what stands in the way of each that waits, only a part is listed", len(f.locks)),
			})
		}
	}
}

// group groups the locks by file.
func group(idx *probe.Index, records []record) []*lockedFile {
	var files []*lockedFile
	byKey := map[probe.Key]*lockedFile{}
	for _, r := range records {
		k := probe.Key{Space: probe.Files, Scope: r.dev, Num: r.ino}
		f := byKey[k]
		if f == nil {
			f = &lockedFile{key: k}
			if e, ok := idx.Lookup(k); ok {
				f.entry = e
			} else if e, ok := idx.LookupUnclaimed(k); ok {
				f.entry = e
			} else if e, ok := idx.OfInode(r.dev, r.ino); ok {
				f.opened = e
			}
			byKey[k] = f
			files = append(files, f)
		}
		f.locks = append(f.locks, r)
	}
	for _, f := range files {
		slices.SortStableFunc(f.locks, compareRecords)
	}
	return files
}

// compareRecords puts held locks before waiting ones, and both into the order of
// the file: the kernel's order depends on which processor created them.
func compareRecords(a, b record) int {
	waiting := func(r record) int {
		if r.waiting {
			return 1
		}
		return 0
	}
	return cmp.Or(waiting(a)-waiting(b), cmp.Compare(a.class, b.class), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end),
		cmp.Compare(a.pid, b.pid), cmp.Compare(a.mode, b.mode))
}

// held returns the entry with the holders of the file; nil while no holder is known.
func (f *lockedFile) held() *probe.Entry { return cmp.Or(f.opened, f.entry) }

// object makes the file object for a file of which only locks are known. If the file is also an
// object of another kind, the name, owner and file type come from that.
func (f *lockedFile) object() *model.Object {
	var facts probe.FileFacts
	detail := new(model.FileDetail)
	o := facts.Object(model.File, f.key, detail)
	if f.opened == nil {
		return o
	}
	is := f.opened.Object
	o.Name, o.Path, o.Deleted, o.UID, o.GID, o.Mode = cmp.Or(is.Name, is.ID), is.Path, is.Deleted, is.UID, is.GID, is.Mode
	switch is.Kind {
	case model.Pipe, model.FIFO:
		detail.Type = "fifo"
	case model.Pty:
		detail.Type = "character"
	case model.PosixMq:
		detail.Type = "regular"
	default:
		detail.Type = "socket"
	}
	return o
}

// readLockOwners asks every descriptor of a file for the locks held through it. A
// process that has ended is skipped. fdinfo names the inode, so a descriptor that
// now leads to another file gives nothing.
//
// The parameter most limits the number of locks that are read.
func readLockOwners(t *guard.Task, idx *probe.Index, e *probe.Entry, k probe.Key, most int) (lockFDs []lockOwner, errs []error) {
	var buf []byte
	var dir *proc.Dir
	open := int32(0)
	defer func() {
		if open != 0 {
			dir.Close()
		}
	}()
	for i := range e.Holders {
		h := &e.Holders[i]
		fd, ok := h.FD.Get()
		if !ok || h.Via != model.ViaFD {
			continue
		}
		if most <= 0 {
			return lockFDs, append(errs, errTooMany)
		}
		if h.PID != open {
			if open != 0 {
				dir.Close()
			}
			open = 0
			d, err := idx.Open(h.PID)
			if err != nil {
				continue
			}
			dir, open = d, h.PID
		}
		if !idx.BeginAt(t, h.PID, probe.OpInfo, fd) {
			errs = append(errs, guard.ErrGivenUp)
			continue
		}
		name := "fdinfo/" + strconv.Itoa(int(fd))
		if h.TID != 0 {
			name = "task/" + strconv.Itoa(int(h.TID)) + "/" + name
		}
		text, err := dir.ReadRecord(name, buf[:0])
		t.End()
		if err != nil {
			if !proc.Gone(err) {
				errs = append(errs, err)
			}
			continue
		}
		buf = text
		locks, bad := parseInfoLocks(text)
		errs, most = append(errs, bad...), most-len(locks)
		locks = slices.DeleteFunc(locks, func(r record) bool { return r.dev != k.Scope || r.ino != k.Num })
		if len(locks) > 0 {
			lockFDs = append(lockFDs, lockOwner{h.PID, h.TID, fd, h.Comm, locks})
		}
	}
	return lockFDs, errs
}

// errTooMany says that not all descriptors were asked for their locks.
var errTooMany = fmt.Errorf("%w: many processes share a description with many locks", unix.EFBIG)

// attach puts the locks into the object's detail and returns the resulting holders.
// cut is the number of locks for which not all holders, or not all conflicting
// locks, are listed.
func (f *lockedFile) attach(idx *probe.Index) (holds []model.Holder, cut int) {
	list, holds, cut := f.list(idx)
	if known := locksOf(f.entry.Object); known != nil {
		*known = list
	}
	return holds, cut
}

// list returns the locks in the form of the object's detail, and the results of
// [lockedFile.attach].
func (f *lockedFile) list(idx *probe.Index) (list []model.Lock, holds []model.Holder, cut int) {
	owners := f.owners(idx)
	list = make([]model.Lock, len(f.locks))
	waiting, most := 0, f.mostHolds()
	for i := range f.locks {
		r := &f.locks[i]
		l := &list[i]
		*l = model.Lock{Type: r.class.String(), Mode: r.mode, Start: r.start, Blocked: r.waiting, Breaking: r.breaking}
		if r.end != eof {
			l.End = model.Some(r.end)
		}
		if r.pid > 0 {
			l.PID = model.Some(r.pid)
		}
		if r.waiting {
			waiting++
			continue
		}
		if most -= len(owners[i]); most < 0 {
			cut++
			continue
		}
		for _, o := range owners[i] {
			if n := len(l.Holders); n == 0 || l.Holders[n-1] != int(o.PID) {
				l.Holders = append(l.Holders, int(o.PID))
			}
			o.Via = model.ViaLock
			o.LockHold = &model.LockHold{LockMode: r.mode, Range: rangeText(r)}
			holds = append(holds, o)
		}
	}
	held := newHeld(f.locks)
	for i := range list {
		l := &list[i]
		if !l.Blocked {
			continue
		}
		most := listedPerLock * len(list) / waiting
		at, all := held.conflicting(&f.locks[i], most)
		l.BlockedOn = at
		for _, k := range at {
			if most -= len(list[k].Holders); most < 0 {
				all = false
				break
			}
			l.BlockedBy = append(l.BlockedBy, list[k].Holders...)
		}
		slices.Sort(l.BlockedBy)
		l.BlockedBy = slices.Compact(l.BlockedBy)
		if !all {
			cut++
		}
	}
	return list, holds, cut
}

func rangeText(r *record) string {
	if r.end == eof {
		return strconv.FormatInt(r.start, 10) + "-EOF"
	}
	return fmt.Sprintf("%d-%d", r.start, r.end)
}

// owners finds the owners of each lock, in the order of f.locks. A lock of a
// description belongs to all holders of the description, no matter which process
// took it. If no descriptor shows such a lock, the description belongs to a
// mapping or is in flight.
func (f *lockedFile) owners(idx *probe.Index) [][]model.Holder {
	owners := make([][]model.Holder, len(f.locks))
	shown := showing(f.lockFDs)
	for i := 0; i < len(f.locks); {
		r := &f.locks[i]
		next := i + 1
		for next < len(f.locks) && r.same(&f.locks[next]) {
			next++
		}
		if !r.waiting {
			line := r.text()
			groups, ok := f.divided[line]
			if !ok { // each lock may belong to any of them
				groups = [][]lockOwner{shown[line]}
			}
			for n := i; n < next; n++ {
				owners[n] = holders(groups[(n-i)%len(groups)])
				if len(owners[n]) == 0 {
					owners[n] = f.withoutDescriptor(idx, r)
				}
			}
		}
		i = next
	}
	return owners
}

// showing lists, for each lock, the descriptors that show it.
func showing(lockFDs []lockOwner) map[record][]lockOwner {
	lists := map[record][]lockOwner{}
	for i := range lockFDs {
		owner := &lockFDs[i]
		for k := range owner.locks {
			at := owner.locks[k].text()
			list := lists[at]
			if n := len(list); n > 0 && list[n-1].pid == owner.pid && list[n-1].tid == owner.tid && list[n-1].fd == owner.fd {
				continue // this descriptor shows several such lines
			}
			lists[at] = append(list, *owner)
		}
	}
	return lists
}

func holders(lockFDs []lockOwner) []model.Holder {
	list := make([]model.Holder, 0, len(lockFDs))
	for _, h := range lockFDs {
		list = append(list, model.Holder{PID: h.pid, TID: h.tid, Comm: h.comm, FD: model.Some(h.fd)})
	}
	return list
}

// withoutDescriptor returns the possible holders of a lock that no descriptor
// shows. A POSIX lock belongs to the process that took it. A mapping keeps the
// description with which it was made. The process that took a lock of a
// description is a holder only if it may still have the description: not if its
// descriptors were read and none leads to the file.
func (f *lockedFile) withoutDescriptor(idx *probe.Index, r *record) []model.Holder {
	p := idx.Processes[int32(r.pid)]
	named := r.pid > 0 && p != nil
	if named && (r.class == posix || r.class == lease || !p.FDs.Known()) {
		return []model.Holder{{PID: int32(r.pid), Comm: p.Comm}}
	}
	if f.byPID == nil {
		f.byPID, f.withCreator = map[int32]bool{}, map[int][]model.Holder{}
		open := f.held().Holders
		for i := range open {
			h := &open[i]
			f.byPID[h.PID] = f.byPID[h.PID] || h.Via == model.ViaFD
			if n := len(f.mapped); h.Via == model.ViaMap && (n == 0 || f.mapped[n-1].PID != h.PID) {
				f.mapped = append(f.mapped, model.Holder{PID: h.PID, Comm: h.Comm})
			}
		}
	}
	if !named || !f.byPID[int32(r.pid)] {
		return f.mapped
	}
	list, ok := f.withCreator[r.pid]
	if !ok {
		at, found := slices.BinarySearchFunc(f.mapped, int32(r.pid), func(h model.Holder, pid int32) int { return cmp.Compare(h.PID, pid) })
		if list = f.mapped; !found {
			list = slices.Insert(slices.Clone(list), at, model.Holder{PID: int32(r.pid), Comm: p.Comm})
		}
		f.withCreator[r.pid] = list
	}
	return list
}

// divide handles n locks that have the same text: n different descriptions must be behind them. It divides
// the descriptors that show this line into these n descriptions. Lines for which that cannot be done are
// missing in the result.
func (f *lockedFile) divide(t *guard.Task, idx *probe.Index, lockFDs []lockOwner) map[record][][]lockOwner {
	if !idx.Scan.PIDCalls {
		return nil
	}
	alike := map[record]int{}
	for i := range f.locks {
		alike[f.locks[i].text()]++
	}
	divided := map[record][][]lockOwner{}
	for line, list := range showing(lockFDs) {
		if n := alike[line]; n > 1 {
			if groups := descriptions(idx.Comparer(t), list); len(groups) == n {
				divided[line] = groups
			}
		}
	}
	return divided
}

// descriptions groups descriptors by their descriptions; nil: some cannot be compared.
func descriptions(c *kcmp.Comparer, list []lockOwner) [][]lockOwner {
	all := make([]kcmp.Descriptor, len(list))
	for i := range list {
		all[i] = list[i].descriptor()
	}
	of := map[kcmp.Descriptor]int{} // the group of descriptors that share a description, counted from 1
	shared := c.Group(all)
	if len(c.Failed) > 0 {
		return nil
	}
	for n, group := range shared {
		for _, d := range group {
			of[d] = n + 1
		}
	}
	var groups [][]lockOwner
	at := make([]int, len(shared)+1) // the place of a group in groups, counted from 1
	for i := range list {
		n := of[all[i]]
		if n > 0 && at[n] > 0 {
			groups[at[n]-1] = append(groups[at[n]-1], list[i])
			continue
		}
		groups = append(groups, []lockOwner{list[i]})
		at[n] = len(groups)
	}
	return groups
}

func (o *lockOwner) descriptor() kcmp.Descriptor {
	return kcmp.Descriptor{Task: cmp.Or(o.tid, o.pid), FD: o.fd}
}
