package probe

import (
	"context"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// readMappings hands each shared mapping to the probes.
func (s *Scan) readMappings(p *Proc, sc *scratch, r *result) {
	if !s.wantMappings() || s.mappingsFromSource(p, sc, r) || r.unreadable {
		return
	}
	name, fail := "maps", func(err error) {
		if proc.Gone(err) {
			return
		}
		r.partialMaps = true
		r.out.Gap(model.Gap{Probe: "maps", Reason: proc.ReasonOf(err), PID: p.Model.PID, Op: "maps", Detail: err.Error()})
	}
	if p.Model.State == "Z" {
		if name = p.through() + name; name == "maps" {
			return
		}
	}
	if !p.task.Begin("maps", 0) { // takes the process's memory lock
		fail(guard.ErrGivenUp)
		return
	}
	defer p.task.End()
	m := Mapping{Proc: p}
	err := p.Dir.SharedMappings(name, &m.MapsEntry, sc.link, func() {
		s.mapping(&m, sc, r.out)
		sc.fingerprint.addMapping(&m.MapsEntry)
	})
	if err != nil {
		fail(err)
	}
}

// skipMappings postpones reading a process's mappings.
func (s *Scan) skipMappings(r *result) {
	r.partialMaps = true
	s.mu.Lock()
	s.unmapped = append(s.unmapped, r)
	s.mu.Unlock()
}

// readSkippedMappings reads the mappings that were postponed.
func (s *Scan) readSkippedMappings() {
	item := func(i int) guard.Item {
		return s.processItem(s.unmapped[i].process.PID, s.unmapped[i].process.StartTicks)
	}
	if f := s.facts; f != nil && f.mapped == nil && s.wantMapped(len(s.unmapped)) {
		f.mapped = s.readMapped(context.Background(), f.source)
	}
	s.scanner.guard.Each(len(s.unmapped), s.scanner.opts.Workers, item, func(t *guard.Task, i int) func() {
		whole := s.unmapped[i]
		r := &result{unreadable: whole.unreadable, out: &Collector{probe: whole.out.probe}}
		err := s.recovered(func() error {
			p, err := s.reopen(t, whole.process)
			if err != nil {
				return err
			}
			defer p.Dir.Close()
			sc := scratches.Get().(*scratch)
			defer scratches.Put(sc)
			s.readMappings(p, sc, r)
			return nil
		})
		return func() {
			if err != nil {
				return // partialMaps stays
			}
			whole.partialMaps = r.partialMaps || whole.unreadable
			whole.out.objects = append(whole.out.objects, r.out.objects...)
			whole.out.holders = append(whole.out.holders, r.out.holders...)
			whole.out.gaps = append(whole.out.gaps, r.out.gaps...)
		}
	})
}

// mappingCalls are the system calls in which a thread may wait for processes that
// map something: at a futex, or for a lock or lease on a file, which a mapping
// keeps as a descriptor does. It includes the numbers that these calls have in
// 32-bit programs. Another call with such a number only costs time.
var mappingCalls = func() map[int]bool {
	calls := map[int]bool{5: true, 55: true, 143: true, 221: true, 240: true, 295: true, 322: true, 422: true}
	for _, number := range []int{
		unix.SYS_FUTEX, unix.SYS_FUTEX_WAITV, futexWait, unix.SYS_FLOCK, unix.SYS_FCNTL, unix.SYS_OPENAT, unix.SYS_OPENAT2,
		unix.SYS_TRUNCATE, unix.SYS_FTRUNCATE, openNumber,
	} {
		calls[number] = true
	}
	return calls
}()

// futexWait is SYS_FUTEX_WAIT (Linux 6.7).
const futexWait = 455

// noteCalls notes in which system calls the threads of a process are, and
// whether one of them may wait for a process that maps something. A futex that
// is not shared is private to the process (FUTEX_PRIVATE_FLAG, futex(2)).
func (s *Scan) noteCalls(p *Proc) {
	threads := p.Model.AllThreads()
	var numbers []int
	for i := range threads {
		if s := threads[i].State; s != "S" && s != "D" {
			continue
		}
		c, inCall, err := s.callNow(p, threads[i].TID)
		if err != nil {
			if !proc.Gone(err) {
				return // nor can its mappings be read
			}
			continue
		}
		if !inCall {
			continue
		}
		numbers = append(numbers, c.number)
		const private = 0x80
		if mappingCalls[c.number] && (c.number != unix.SYS_FUTEX || c.args[1]&private == 0) {
			s.mappings.Store(true)
		}
	}
	s.mu.Lock()
	s.calls[p.PID()] = numbers
	s.mu.Unlock()
}

// callNow returns the call that a thread is blocked in, from the source if it told of the thread.
func (s *Scan) callNow(p *Proc, tid int) (c call, inCall bool, err error) {
	if f := s.facts; f != nil && f.same(p) {
		if was := f.tasks[int32(tid)]; was != nil {
			t := bpf.ParseTask([]byte(was.record))
			if c, inCall = callOf(&t); inCall && !c.maybe32() {
				return c, true, nil
			}
		}
	}
	if !p.task.Begin("syscall", int32(tid)) {
		return c, false, nil
	}
	defer p.task.End()
	var buf [256]byte
	text, err := p.Dir.ReadRecord("task/"+strconv.Itoa(tid)+"/syscall", buf[:0])
	if err != nil {
		return c, false, err
	}
	c, inCall = parseCall(text)
	return c, inCall, nil
}

// Calls returns the numbers of the calls in which threads of a process slept
// when it was read. They are known only with [Options].WaitsOnly.
func (s *Scan) Calls(pid int32) []int { return s.calls[pid] }

// MappingAt finds the mapping that covers an address, private ones too. tid
// must be a living thread: a main thread that has ended shows no mappings.
func (p *Proc) MappingAt(tid int, addr uint64) (Mapping, error) {
	m := Mapping{Proc: p}
	if !p.task.Begin("maps", 0) {
		return m, guard.ErrGivenUp
	}
	defer p.task.End()
	var err error
	m.MapsEntry, err = p.Dir.MappingAt("task/"+strconv.Itoa(tid)+"/maps", addr)
	return m, err
}

func (s *Scan) wantMappings() bool {
	for i := range s.scanner.opts.Probes {
		if s.scanner.opts.Probes[i].Mapping != nil {
			return true
		}
	}
	return false
}

func (s *Scan) mapping(m *Mapping, sc *scratch, out *Collector) {
	before := len(out.holders)
	m.cacheable = false
	for i := range s.scanner.opts.Probes {
		if hook := s.scanner.opts.Probes[i].Mapping; hook != nil && hook(m, out) {
			break
		}
	}
	sc.uncacheable = sc.uncacheable || !m.cacheable && len(out.holders) > before
	for i := before; i < len(out.holders); i++ {
		sc.cacheable = append(sc.cacheable, i)
	}
}
