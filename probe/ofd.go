package probe

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
)

// Fork, dup(2) and SCM_RIGHTS make descriptors that share one open file
// description: one offset, one set of flags, one flock. The kernel tells
// nobody which, but it compares two on request (kcmp(2) KCMP_FILE, Linux 3.5)
// and gives an order while at it, so n descriptors need n log n questions
// instead of n².
//
// This serves two ends. Kinds whose instances all have one inode (epoll,
// timerfd …) have no other identity: each of their descriptors is taken for an
// object of its own, and those that share a description are merged here. For
// all others, [model.Holder.OFD] says which holders share one.

// Descriptor is a descriptor in some table: of a process, or of a thread that
// has a table of its own, which then is the task.
type Descriptor struct {
	Task int32
	FD   int32
}

// DescriptorOf is the descriptor a holder has, if it holds by one.
func DescriptorOf(h *model.Holder) (Descriptor, bool) {
	fd, ok := h.FD.Get()
	if !ok || h.Via != model.ViaFD {
		return Descriptor{}, false
	}
	if h.TID != 0 {
		return Descriptor{h.TID, fd}, true
	}
	return Descriptor{h.PID, fd}, true
}

// Descriptor names this descriptor.
func (f *FD) Descriptor() Descriptor {
	if f.TID != 0 {
		return Descriptor{f.TID, f.Num}
	}
	return Descriptor{f.Proc.PID(), f.Num}
}

// Key is the descriptor's key in a space that is [Space.ByDescription].
func (d Descriptor) Key(space *KeySpace) Key {
	return Key{Space: space, Scope: uint64(uint32(d.Task)), Num: uint64(uint32(d.FD))}
}

// ID is the id of the object that this is the lowest descriptor of.
func (d Descriptor) ID(kind model.Kind) string {
	return string(kind) + ":" + itoa(int(d.Task)) + "." + itoa(int(d.FD))
}

const (
	kcmpFile     = 0
	kcmpVM       = 1
	kcmpFiles    = 2
	kcmpEpollTFD = 7
)

// kcmp is kcmp(2): 0 equal, 1 less, 2 greater, 3 different.
func kcmp(a, b int32, what int, x, y uintptr) (int, error) {
	r, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), uintptr(what), x, y, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// comparer asks the kernel under guard. It is not a matter of form: kcmp waits
// while one of the two processes is in the middle of execve(2), and that closes
// files, which a FUSE server that does not answer makes wait for ever.
type comparer struct {
	task    *guard.Task
	checked *sync.Map            // by task: what was wrong when it was compared with itself, nil if nothing
	bad     map[Descriptor]error // those that cannot be compared
}

func newComparer(t *guard.Task, checked *sync.Map) *comparer {
	return &comparer{task: t, checked: checked, bad: map[Descriptor]error{}}
}

func (c *comparer) ask(a, b Descriptor) (int, error) {
	if !c.task.Begin("kcmp", a.Task) {
		return 0, guard.ErrGivenUp
	}
	r, err := kcmp(a.Task, b.Task, kcmpFile, uintptr(a.FD), uintptr(b.FD))
	c.task.End()
	return r, err
}

// compare orders two descriptors by their descriptions. What fails is put
// last, so that a sort comes to an end.
func (c *comparer) compare(a, b Descriptor) int {
	_, badA := c.bad[a]
	_, badB := c.bad[b]
	if !badA && !badB {
		r, err := c.ask(a, b)
		switch {
		case err == nil && r == 0:
			return 0
		case err == nil && r == 1:
			return -1
		case err == nil && r == 2:
			return 1
		}
		if err == nil {
			err = errors.ErrUnsupported // different, and no order given
		}
		badA, badB = c.check(a), c.check(b)
		if !badA && !badB { // one was closed and opened again meanwhile
			c.bad[a], c.bad[b] = err, err
			badA, badB = true, true
		}
	}
	switch {
	case badA && badB:
		return 0
	case badA:
		return 1
	case badB:
		return -1
	}
	return 0
}

// check finds out whether a descriptor can be compared at all.
func (c *comparer) check(d Descriptor) (bad bool) {
	if _, err := c.ask(d, d); err != nil {
		c.bad[d] = err
		return true
	}
	return false
}

// checkTasks compares each task with itself first: if one gets stuck, it is known
// which. What is wrong with it, but for a closed descriptor, is wrong for all it
// has.
func (c *comparer) checkTasks(list []Descriptor) {
	for _, d := range list {
		was, ok := c.checked.Load(d.Task)
		if !ok {
			_, err := c.ask(d, d)
			if errors.Is(err, unix.EBADF) {
				c.bad[d] = err
				err = nil
			}
			was = &err
			c.checked.Store(d.Task, was)
		}
		if err := *was.(*error); err != nil {
			c.bad[d] = err
		}
	}
}

// group returns the groups of descriptors that share a description, those of
// one left out, each in the order of list. Those that could not be compared are
// in c.bad.
func (c *comparer) group(list []Descriptor) [][]Descriptor {
	c.checkTasks(list)
	sorted := slices.Clone(list)
	for {
		sorted = slices.DeleteFunc(sorted, func(d Descriptor) bool { return c.bad[d] != nil })
		before := len(c.bad)
		slices.SortFunc(sorted, c.compare)
		if len(c.bad) == before {
			break
		}
	}
	place := make(map[Descriptor]int, len(list))
	for i, d := range list {
		place[d] = i
	}
	var groups [][]Descriptor
	for i := 0; i < len(sorted); {
		n := i + 1
		for n < len(sorted) && c.compare(sorted[n-1], sorted[n]) == 0 {
			n++
		}
		if n-i > 1 {
			g := sorted[i:n]
			g = slices.DeleteFunc(g[:len(g):len(g)], func(d Descriptor) bool { return c.bad[d] != nil })
			slices.SortFunc(g, func(a, b Descriptor) int { return place[a] - place[b] })
			groups = append(groups, g)
		}
		i = n
	}
	return groups
}

// descriptions finds out who shares what.
type descriptions struct {
	j   *Index
	out *Collector
	off bool // kcmp cannot be used at all

	seen    map[model.Reason]*model.Gap
	alive   map[int32]bool
	checked sync.Map // see comparer
	shared  []sharing
}

// sharing is a finding that holds if all its processes are still the same.
type sharing struct {
	joint  *Entry
	groups [][]Descriptor
}

func newDescriptions(idx *Index, out *Collector) *descriptions {
	d := &descriptions{j: idx, out: out, seen: map[model.Reason]*model.Gap{}}
	if !idx.Scan.PIDCalls {
		d.gap(model.Unsupported, "the proc file system belongs to another pid namespace")
		d.off = true
		return d
	}
	own := int32(os.Getpid())
	if _, err := kcmp(own, own, kcmpFiles, 0, 0); err != nil {
		d.gap(ReasonOf(err), "kcmp: "+err.Error())
		d.off = true
	}
	return d
}

func (d *descriptions) gap(r model.Reason, detail string) {
	if g := d.seen[r]; g != nil {
		g.Count++
		return
	}
	d.seen[r] = &model.Gap{Reason: r, Op: "compare descriptors", Detail: detail, Count: 1}
}

// failed notes what could not be compared. A descriptor that was closed or
// whose process has ended is no loss.
func (d *descriptions) failed(bad map[Descriptor]error) {
	for _, err := range bad {
		if !Gone(err) && !errors.Is(err, unix.EBADF) {
			d.gap(ReasonOf(err), "kcmp: "+err.Error())
		}
	}
}

func (d *descriptions) report() {
	for _, g := range d.seen {
		d.out.Gap(*g)
	}
	clear(d.seen)
}

// kcmpItem is what the guard remembers stuck processes under, whichever object
// they were asked about.
type kcmpItem struct{}

func (d *descriptions) each(n int, work func(t *guard.Task, i int) func()) {
	sc := d.j.Scan.scanner
	sc.guard.Each(n, sc.opts.Workers, func(int) any { return kcmpItem{} }, work)
}

// same reports whether a pid is still the process that was read. It is asked
// when everything has been compared: a process that lives now lived all the
// time in between.
func (d *descriptions) same(pid int32) bool {
	ok, known := d.alive[pid]
	if !known {
		ok = d.j.Same(pid)
		d.alive[pid] = ok
	}
	return ok
}

// mergeDescriptions makes one object of the descriptors that share a
// description, in the spaces where that is the identity. What could not be
// compared stays an object of its own, with holders that may be missing.
func (s *Scan) mergeDescriptions(d *descriptions) {
	bySpace := map[*KeySpace][]*Entry{}
	for space := range d.j.spaces {
		if space.ByDescription {
			bySpace[space] = d.j.In(space)
		}
	}
	var lists [][]*Entry
	for _, list := range bySpace {
		if d.off {
			for _, e := range list {
				e.Complete = model.Some(false)
			}
			continue
		}
		if len(list) > 1 {
			slices.SortFunc(list, func(a, b *Entry) int { return compareHolders(&a.Holders[0], &b.Holders[0]) })
			lists = append(lists, list)
		}
	}
	found := make([][][]Descriptor, len(lists))
	d.each(len(lists), func(t *guard.Task, i int) func() {
		list := make([]Descriptor, len(lists[i]))
		for n, e := range lists[i] {
			list[n] = Descriptor{int32(e.Key.Scope), int32(e.Key.Num)}
		}
		c := newComparer(t, &d.checked)
		groups := c.group(list)
		return func() {
			found[i] = groups
			for _, e := range lists[i] {
				if c.bad[Descriptor{int32(e.Key.Scope), int32(e.Key.Num)}] != nil {
					e.Complete = model.Some(false)
				}
			}
			d.failed(c.bad)
		}
	})
	d.alive = map[int32]bool{}
	for i, groups := range found {
		for _, g := range groups {
			var into *Entry
			for _, desc := range g {
				e := d.j.objects[desc.Key(lists[i][0].Key.Space)]
				switch {
				case !d.same(e.Holders[0].PID):
				case into == nil:
					into = e
				default:
					into.Adopt(e.Holders...)
					d.j.merge(e, into)
				}
			}
		}
	}
}

// merge makes from another name of into.
func (idx *Index) merge(from, into *Entry) {
	delete(idx.objects, from.Key)
	from.gone = true
	if idx.merged == nil {
		idx.merged = map[Key]*Entry{}
	}
	idx.merged[from.Key] = into
	into.peers = append(into.peers, from.peers...)
}

// markShared fills in the holders' descriptions, of all objects that several
// descriptors hold.
func (s *Scan) markShared(d *descriptions) {
	var list []*Entry
	for _, e := range d.j.objects {
		if e.Key.Space.ByDescription {
			markGroup(e.Holders, nil)
			continue
		}
		if s.WaitsOnly() && !locked(e.Object) {
			continue
		}
		n := 0
		for i := range e.Holders {
			if e.Holders[i].Via == model.ViaFD {
				n++
			}
		}
		if n > 1 {
			list = append(list, e)
		}
	}
	if d.off {
		return
	}
	known := make(map[Key]*comparison, len(list))
	list = slices.DeleteFunc(list, func(e *Entry) bool {
		c := s.scanner.compared[e.Key]
		if c == nil || !c.apply(d.j, e) {
			return false
		}
		known[e.Key] = c
		d.note(c.all)
		return true
	})
	d.each(len(list), func(t *guard.Task, i int) func() {
		e, c := list[i], newComparer(t, &d.checked)
		groups, all := c.shared(e.Holders, d.parent)
		return func() {
			if len(groups) > 0 {
				d.shared = append(d.shared, sharing{e, groups})
			}
			d.note(all)
			d.failed(c.bad)
			if s.scanner.opts.Repeated && len(c.bad) == 0 {
				known[e.Key] = &comparison{scan: s.number, all: all}
			}
		}
	})
	d.alive = map[int32]bool{}
	for _, f := range d.shared {
		for _, g := range f.groups {
			in := make(map[Descriptor]bool, len(g))
			for _, desc := range g {
				in[desc] = true
			}
			markGroup(f.joint.Holders, func(h *model.Holder, desc Descriptor) bool { return in[desc] && d.same(h.PID) })
		}
	}
	for _, e := range list {
		if c := known[e.Key]; c != nil {
			c.fill(e)
		}
	}
	s.scanner.compared = known
}

// comparison is what comparing the descriptors of one object gave.
type comparison struct {
	scan  int // in which they were compared
	marks []ofdMark
	all   bool // each with every other
}

type ofdMark struct {
	descriptor Descriptor
	ofd        model.OFD
}

// fill notes how the holders were marked.
func (c *comparison) fill(e *Entry) {
	for i := range e.Holders {
		if desc, ok := DescriptorOf(&e.Holders[i]); ok {
			c.marks = append(c.marks, ofdMark{desc, e.Holders[i].OFD})
		}
	}
}

// apply marks the holders as they were. It reports false if that may be wrong by
// now: others hold the object, or one that does has run since.
func (c *comparison) apply(idx *Index, e *Entry) bool {
	n := 0
	for i := range e.Holders {
		desc, ok := DescriptorOf(&e.Holders[i])
		if !ok {
			continue
		}
		if n == len(c.marks) || c.marks[n].descriptor != desc || idx.Since(e.Holders[i].PID) > c.scan {
			return false
		}
		n++
	}
	if n != len(c.marks) {
		return false
	}
	n = 0
	for i := range e.Holders {
		if _, ok := DescriptorOf(&e.Holders[i]); ok {
			e.Holders[i].OFD = c.marks[n].ofd
			n++
		}
	}
	return true
}

// note notes that not all descriptors of an object were compared.
func (d *descriptions) note(all bool) {
	if !all {
		d.gap(model.Truncated, fmt.Sprintf("more than %d open file descriptions of one object: only those of relatives were compared", manyDescriptions))
	}
}

// locked reports whether a file is locked: then it matters which of its
// descriptors are the same.
func locked(o *model.Object) bool {
	d, ok := o.Detail.(*model.FileDetail)
	return ok && len(d.Locks) > 0
}

// markGroup names the holders that are in one group after the lowest of them,
// if there are several.
func markGroup(holders []model.Holder, in func(*model.Holder, Descriptor) bool) {
	var first Descriptor
	n := 0
	for _, mark := range []bool{false, true} {
		for i := range holders {
			desc, ok := DescriptorOf(&holders[i])
			if !ok || in != nil && !in(&holders[i], desc) {
				continue
			}
			switch {
			case mark && n > 1:
				holders[i].OFD = model.OFD{PID: first.Task, FD: first.FD}
			case mark:
			case n == 0:
				first = desc
				n++
			default:
				n++
			}
		}
	}
}

// Find fills in the objects behind the descriptors that are keys of want.
func (idx *Index) Find(want map[Descriptor]*Entry) {
	for _, e := range idx.objects {
		for i := range e.Holders {
			if d, ok := DescriptorOf(&e.Holders[i]); ok {
				if _, wanted := want[d]; wanted {
					want[d] = e
				}
			}
		}
	}
}

func compareHolders(a, b *model.Holder) int {
	return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.TID, b.TID), cmp.Compare(a.FD.Or(-1), b.FD.Or(-1)))
}

// WatchedBy reports whether the file behind target is the nth (from 0) that
// epoll has been given under the descriptor number tfd (kcmp(2) KCMP_EPOLL_TFD,
// Linux 4.13). It waits for the epoll's lock, so it is asked under guard.
func WatchedBy(target, epoll Descriptor, tfd, nth uint32) (bool, error) {
	slot := struct{ efd, tfd, toff uint32 }{uint32(epoll.FD), tfd, nth} // struct kcmp_epoll_slot
	r, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(target.Task), uintptr(epoll.Task), kcmpEpollTFD, uintptr(target.FD),
		uintptr(unsafe.Pointer(&slot)), 0)
	if errno != 0 {
		return false, errno
	}
	return r == 0, nil
}

// Same reports whether a pid is still the process that was read. What was
// learnt of it by its pid holds only if this is asked afterwards.
func (idx *Index) Same(pid int32) bool {
	p := idx.Processes[pid]
	if p == nil {
		return false
	}
	if dir, ok := idx.Scan.scanner.handles.get(p); ok {
		return dir.answers() == nil
	}
	var buf [1024]byte
	text, err := idx.Scan.root.ReadRecord(itoa(int(pid))+"/stat", buf[:0])
	if err != nil {
		return false
	}
	st, err := parseStat(text)
	return err == nil && st.startTicks == p.StartTicks
}
