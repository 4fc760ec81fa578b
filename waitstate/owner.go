package waitstate

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// maxNumbersRead is the largest number of threads of one process whose ids in their pid
// namespace are read.
const maxNumbersRead = 4096

// numbers are the ids of a process's threads in the process's pid namespace (the line
// NSpid in /proc/PID/task/TID/status, proc_pid_status(5), Linux 4.1).
type numbers struct {
	ticks uint64
	tids  []int // the threads whose numbers were read
	tid   map[int]int
}

// threadOf returns the thread of a process that has this number in the process's pid namespace;
// 0 if none has. C libraries write these numbers into locks.
func (r *pass) threadOf(x *index, p *model.Process, number int) int {
	n := len(p.NSPIDs)
	switch {
	case n == 0:
		if x.threads[number] == p {
			return number
		}
		return 0
	case p.NSPIDs[n-1] == number:
		return p.PID
	case len(p.ThreadList) < 2:
		return 0
	}
	return r.numbersOf(p).tid[number]
}

// numbersOf reads the numbers of a process's threads, or reuses those of the last scan if
// the process still has the same threads.
func (r *pass) numbersOf(p *model.Process) numbers {
	threads := p.ThreadList[:min(len(p.ThreadList), maxNumbersRead)]
	known, ok := r.earlier.numbers[p.PID]
	if ok && known.ticks == p.StartTicks && slices.EqualFunc(known.tids, threads, func(tid int, t model.Thread) bool { return tid == t.TID }) {
		return known
	}
	now := numbers{ticks: p.StartTicks, tid: make(map[int]int, len(threads))}
	for i := range threads {
		tid := threads[i].TID
		now.tids = append(now.tids, tid)
		status, err := os.ReadFile(filepath.Join(r.j.Scan.ProcRoot, itoa(p.PID), "task", itoa(tid), "status"))
		if err != nil {
			continue // it has ended
		}
		if number := innermost(status); number != 0 {
			now.tid[number] = tid
		}
	}
	if r.earlier.numbers == nil {
		r.earlier.numbers = map[int]numbers{}
	}
	r.earlier.numbers[p.PID] = now
	return now
}

// innermost returns a thread's number in its own pid namespace, from its status; 0 if it is
// missing.
func innermost(status []byte) int {
	ids, _ := proc.StatusField(status, "NSpid")
	n, _ := strconv.Atoi(string(ids[bytes.LastIndexAny(ids, "\t ")+1:]))
	return n
}

// findOwner finds the thread that the word names. The number is one of that thread's pid
// namespace, which need not be ipctop's or the waiter's.
func (w *word) findOwner(r *pass, x *index) {
	number := w.lock.Owner
	if number == 0 {
		return
	}
	t := w.waiters[0].thread
	if len(t.proc.NSPIDs) > 0 || w.foreign(r) {
		w.findInside(r, x)
		return
	}
	p := x.threads[number]
	if p != nil && !w.maps(p.PID) && !(w.shared && x.ended(number)) { // a thread that has ended has no mappings any more
		if w.shared || !r.descends(t.proc, p) {
			return // a number from another namespace, or not a lock at all
		}
		w.inherited = true
	}
	w.owner = model.Some(number)
	if p != nil {
		w.pid = p.PID
	}
}

// findInside finds the owner if processes of another pid namespace than ipctop's map the word:
// in each of them a thread may have the number that is in the word.
func (w *word) findInside(r *pass, x *index) {
	var tids []int
	mappers := w.mappers(r)
	for _, p := range mappers {
		if tid := r.threadOf(x, p, w.lock.Owner); tid != 0 && !slices.Contains(tids, tid) {
			tids = append(tids, tid)
		}
	}
	if len(tids) == 0 && !w.shared {
		tids = r.beforeFork(x, w.waiters[0].thread.proc, w.lock.Owner)
		w.inherited = len(tids) > 0
	}
	switch len(tids) {
	case 0:
		w.ended = w.endedInside(r, mappers)
	case 1:
		w.owner, w.pid = model.Some(tids[0]), x.threads[tids[0]].PID
	default:
		slices.Sort(tids)
		w.possible = tids
	}
}

// endedInside reports whether all processes that can reach the word are in one pid namespace, and
// no thread there has the number that is in the word any more.
func (w *word) endedInside(r *pass, mappers []*model.Process) bool {
	ns := mappers[0].Namespaces["pid"]
	elsewhere := func(p *model.Process) bool { return p.Namespaces["pid"] != ns }
	if ns == 0 || w.shared && w.parent == nil || slices.ContainsFunc(mappers, elsewhere) || r.hidden() {
		return false
	}
	lives, known := r.livesInside(ns, w.lock.Owner)
	return known && !lives
}

// livesInside reports whether a living thread has a number in a pid namespace now: an owner may have
// begun since the processes were read. Threads whose namespace is unknown count, too. known is
// false if some threads could not be read.
func (r *pass) livesInside(ns uint64, number int) (lives, known bool) {
	for _, ns := range []uint64{ns, unknownNamespace} {
		numbers := r.numbersInside(ns)
		if numbers == nil || numbers[number] {
			return numbers[number], numbers != nil
		}
	}
	return false, true
}

const unknownNamespace = 0

// numbersInside returns the numbers that living threads have in a pid namespace; nil if some of them
// could not be read. It reads each process once for all locks.
func (r *pass) numbersInside(ns uint64) map[int]bool {
	if r.inside == nil {
		r.inside = map[uint64]map[int]bool{}
		r.living = r.processesByNamespace()
	}
	numbers, ok := r.inside[ns]
	if !ok {
		numbers = r.readNumbers(r.living[ns])
		r.inside[ns] = numbers
	}
	return numbers
}

// processesByNamespace lists the processes that live now, by their pid namespace, without those of the
// proc file system's own. nil: they cannot be listed.
func (r *pass) processesByNamespace() map[uint64][]string {
	entries, err := os.ReadDir(r.j.Scan.ProcRoot)
	if err != nil {
		return nil
	}
	living := map[uint64][]string{unknownNamespace: nil}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		ns := uint64(unknownNamespace)
		if p := r.j.Processes[int32(pid)]; p != nil {
			if len(p.NSPIDs) == 0 {
				continue
			}
			ns = p.Namespaces["pid"]
		}
		living[ns] = append(living[ns], e.Name())
	}
	return living
}

// readNumbers returns the numbers that the living threads of some processes have in the pid namespaces
// they live in; nil if some thread cannot be read.
func (r *pass) readNumbers(pids []string) map[int]bool {
	if r.living == nil {
		return nil
	}
	numbers := map[int]bool{}
	for _, pid := range pids {
		tasks := filepath.Join(r.j.Scan.ProcRoot, pid, "task")
		tids, err := os.ReadDir(tasks)
		if err != nil && !proc.Gone(err) {
			return nil
		}
		for _, tid := range tids {
			status, err := os.ReadFile(filepath.Join(tasks, tid.Name(), "status"))
			if err != nil && !proc.Gone(err) {
				return nil
			}
			if state, _ := proc.StatusField(status, "State"); err == nil && !bytes.HasPrefix(state, []byte("Z")) && !bytes.HasPrefix(state, []byte("X")) {
				numbers[innermost(status)] = true
			}
		}
	}
	return numbers
}

// ownedHere reports whether the owner that a lock in private memory names is a thread of the
// waiting process, or of a process from which it was forked.
func (r *pass) ownedHere(x *index, p *model.Process, number int) bool {
	return r.threadOf(x, p, number) != 0 || len(r.beforeFork(x, p, number)) > 0
}

// beforeFork returns the thread with a number in an ancestor from which the process was forked.
func (r *pass) beforeFork(x *index, p *model.Process, number int) []int {
	ns := p.Namespaces["pid"]
	for range 64 {
		if p = r.j.Processes[int32(p.PPID)]; p == nil || p.Namespaces["pid"] != ns {
			break
		}
		if tid := r.threadOf(x, p, number); tid != 0 {
			return []int{tid}
		}
	}
	return nil
}

// mappers returns the processes that can reach the word. If it is not known who maps its memory, these are
// the waiters and the process with the owner's number in their pid namespace.
func (w *word) mappers(r *pass) []*model.Process {
	var list []*model.Process
	for _, waiter := range w.waiters {
		list = append(list, waiter.thread.proc)
	}
	switch {
	case !w.shared:
		list = append(list, w.users...)
	case w.parent != nil:
		for i := range w.parent.Holders {
			h := &w.parent.Holders[i]
			if p := r.j.Processes[h.PID]; p != nil && (h.Via == model.ViaMap || h.Via == model.ViaAttach) {
				list = append(list, p)
			}
		}
	default:
		for _, p := range r.j.Processes {
			if p.Namespaces["pid"] == list[0].Namespaces["pid"] && len(p.NSPIDs) > 0 && p.NSPIDs[len(p.NSPIDs)-1] == w.lock.Owner {
				list = append(list, p)
			}
		}
	}
	return list
}

// descends reports whether p was forked from another process, directly or indirectly. Then
// private memory that p has not written since is a copy of that process's memory; an exec
// would have replaced it.
func (r *pass) descends(p, from *model.Process) bool {
	for steps := 0; p != nil && steps < 64; steps++ {
		if p.PPID == from.PID {
			return true
		}
		p = r.j.Processes[int32(p.PPID)]
	}
	return false
}

// foreign reports whether a process of another pid namespace maps the word.
func (w *word) foreign(r *pass) bool {
	if w.parent == nil {
		return false
	}
	for i := range w.parent.Holders {
		if p := r.j.Processes[w.parent.Holders[i].PID]; p != nil && len(p.NSPIDs) > 0 {
			return true
		}
	}
	return false
}

// maps reports whether a process can reach the word, or may.
func (w *word) maps(pid int) bool {
	for _, waiter := range w.waiters {
		if waiter.thread.proc.PID == pid {
			return true
		}
	}
	if !w.shared {
		return slices.ContainsFunc(w.users, func(p *model.Process) bool { return p.PID == pid })
	}
	if w.parent == nil {
		return true // it is not known who maps it
	}
	for i := range w.parent.Holders {
		if h := &w.parent.Holders[i]; int(h.PID) == pid && (h.Via == model.ViaMap || h.Via == model.ViaAttach) {
			return true
		}
	}
	return false
}
