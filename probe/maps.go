package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
)

// procmapQuery is struct procmap_query of include/uapi/linux/fs.h (Linux 6.11).
type procmapQuery struct {
	size, flags, addr     uint64
	start, end, vmaFlags  uint64
	pageSize, off, ino    uint64
	major, minor          uint32
	nameSize, buildIDSize uint32
	nameAddr, buildIDAddr uint64
}

const (
	procmapQueryIoctl     = 0xC0686611 // _IOWR('f', 17, struct procmap_query)
	procmapReadable       = 0x01
	procmapWritable       = 0x02
	procmapShared         = 0x08
	procmapCoveringOrNext = 0x10
)

// readMappings lock owners each shared mapping to the probes. The kernel is asked for
// the shared ones alone (PROCMAP_QUERY, Linux 6.11), which is several times
// cheaper than the text of /proc/PID/maps that older kernels are left with.
func (s *Scan) readMappings(p *Proc, sc *scratch, r *result) {
	if !s.wantMappings() || r.unreadable {
		return
	}
	name, fail := "maps", func(err error) {
		if Gone(err) {
			return
		}
		r.partialMaps = true
		r.out.Gap(model.Gap{Probe: "maps", Reason: ReasonOf(err), PID: p.Model.PID, Op: "maps", Detail: err.Error()})
	}
	if p.Model.State == "Z" {
		if len(p.Model.ThreadList) < 2 {
			return
		}
		name = "task/" + itoa(p.Model.ThreadList[len(p.Model.ThreadList)-1].TID) + "/maps"
	}
	if !p.task.Begin("maps", 0) { // takes the process's memory lock
		fail(guard.ErrGivenUp)
		return
	}
	defer p.task.End()
	fd, err := unix.Openat(p.Dir.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fail(fmt.Errorf("open %s/%s: %w", p.Dir.path, name, err))
		return
	}
	defer unix.Close(fd)
	m := Mapping{Proc: p}
	err = queryMappings(fd, sc.link, func(q *procmapQuery, name []byte) {
		m.Start, m.End, m.Offset = q.start, q.end, q.off
		m.Dev, m.Ino, m.Name = Dev(q.major, q.minor), q.ino, name
		m.Perms = sharedPerms(q.vmaFlags)
		s.mapping(&m, sc, r.out)
	})
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) { // before 6.11
		err = s.textMappings(p, name, &m, sc, r.out)
	}
	if err != nil {
		fail(err)
	}
}

// leaveMappings leaves a process's mappings unread for the time being.
func (s *Scan) leaveMappings(r *result) {
	r.partialMaps = true
	s.mu.Lock()
	s.left = append(s.left, r)
	s.mu.Unlock()
}

// readLeftMappings reads the mappings that were left.
func (s *Scan) readLeftMappings() {
	item := func(i int) any { return processKey{s.left[i].process.PID, s.left[i].process.StartTicks} }
	s.scanner.guard.Each(len(s.left), s.scanner.opts.Workers, item, func(t *guard.Task, i int) func() {
		whole := s.left[i]
		r := &result{unreadable: whole.unreadable, out: &Collector{probe: whole.out.probe}}
		err := recovered(func() error {
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

// mappingCalls are the calls in which one waits for who maps something: at a futex,
// or for a lock or lease on a file, which a mapping keeps as a descriptor does. Of
// calls that have other names among 32-bit programs these are included: what is
// none of them but has such a number costs time alone.
var mappingCalls = func() map[string]bool {
	calls := map[string]bool{"5": true, "55": true, "143": true, "221": true, "240": true, "295": true, "322": true, "422": true}
	for _, number := range []int{
		unix.SYS_FUTEX, unix.SYS_FUTEX_WAITV, futexWait, unix.SYS_FLOCK, unix.SYS_FCNTL, unix.SYS_OPENAT, unix.SYS_OPENAT2,
		unix.SYS_TRUNCATE, unix.SYS_FTRUNCATE, openNumber,
	} {
		calls[itoa(number)] = true
	}
	return calls
}()

// futexWait is SYS_FUTEX_WAIT (Linux 6.7).
const futexWait = 455

// noteCalls notes the numbers of the calls that the threads of a process are in,
// and whether one may wait for who maps something. A futex that is not shared is
// private to the process (FUTEX_PRIVATE_FLAG, futex(2)).
func (s *Scan) noteCalls(p *Proc) {
	threads := p.Model.AllThreads()
	var numbers []int
	var buf [256]byte
	for i := range threads {
		if s := threads[i].State; s != "S" && s != "D" || !p.task.Begin("syscall", int32(threads[i].TID)) {
			continue
		}
		text, err := p.Dir.ReadRecord("task/"+itoa(threads[i].TID)+"/syscall", buf[:0])
		p.task.End()
		if err != nil {
			if !Gone(err) {
				return // nor can its mappings be read
			}
			continue
		}
		var space [9][]byte
		f := appendFields(space[:0], text)
		if len(f) < 3 {
			continue
		}
		if n, err := strconv.Atoi(string(f[0])); err == nil {
			numbers = append(numbers, n)
		}
		if !mappingCalls[string(f[0])] {
			continue
		}
		const private = 0x80
		op, err := strconv.ParseUint(string(bytes.TrimPrefix(f[2], []byte("0x"))), 16, 64)
		if string(f[0]) != itoa(unix.SYS_FUTEX) || err != nil || op&private == 0 {
			s.mappings.Store(true)
		}
	}
	s.mu.Lock()
	s.calls[p.PID()] = numbers
	s.mu.Unlock()
}

// Calls are the numbers of the calls that threads of a process slept in when it
// was read. With [Options].WaitsOnly alone they are known.
func (s *Scan) Calls(pid int32) []int { return s.calls[pid] }

// MappingAt finds the mapping that covers an address, private ones too. The
// thread is one that lives: a main thread that has ended shows no mappings.
func (p *Proc) MappingAt(tid int, addr uint64) (Mapping, error) {
	m, name := Mapping{Proc: p}, "task/"+itoa(tid)+"/maps"
	if !p.task.Begin("maps", 0) {
		return m, guard.ErrGivenUp
	}
	defer p.task.End()
	fd, err := unix.Openat(p.Dir.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return m, fmt.Errorf("open %s/maps: %w", p.Dir.path, err)
	}
	defer unix.Close(fd)
	buf := make([]byte, 4200)
	q := procmapQuery{
		size: uint64(unsafe.Sizeof(procmapQuery{})), addr: addr,
		nameSize: uint32(len(buf)), nameAddr: uint64(uintptr(unsafe.Pointer(&buf[0]))),
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), procmapQueryIoctl, uintptr(unsafe.Pointer(&q)))
	switch errno {
	case 0:
		m.Start, m.End, m.Offset, m.Dev, m.Ino = q.start, q.end, q.off, Dev(q.major, q.minor), q.ino
		m.Perms, m.Name = sharedPerms(q.vmaFlags), buf[:max(q.nameSize, 1)-1]
		if q.vmaFlags&procmapShared == 0 {
			m.Perms = m.Perms[:3] + "p"
		}
		return m, nil
	case unix.ENOTTY, unix.EINVAL: // before 6.11
	default:
		return m, fmt.Errorf("PROCMAP_QUERY: %w", errno)
	}
	text, err := p.Dir.ReadFile(name, nil)
	if err != nil {
		return m, err
	}
	for line := range bytes.Lines(text) {
		if _, err := parseMapsLine(bytes.TrimSuffix(line, []byte("\n")), &m); err == nil && m.Start <= addr && addr < m.End {
			return m, nil
		}
	}
	return m, fmt.Errorf("%s/%s: nothing is mapped at %#x: %w", p.Dir.path, name, addr, errVanished)
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
	sc.changing = sc.changing || !m.cacheable && len(out.holders) > before
	for i := before; i < len(out.holders); i++ {
		sc.lasting = append(sc.lasting, i)
	}
}

func sharedPerms(flags uint64) string {
	perms := [...]string{"---s", "r--s", "-w-s", "rw-s"}
	return perms[flags&(procmapReadable|procmapWritable)]
}

// queryMappings calls f for each shared mapping of the process whose maps file
// is open as fd.
func queryMappings(fd int, nameBuf []byte, f func(*procmapQuery, []byte)) error {
	var q procmapQuery
	for addr := uint64(0); ; addr = q.end {
		q = procmapQuery{
			size: uint64(unsafe.Sizeof(q)), flags: procmapCoveringOrNext | procmapShared, addr: addr,
			nameSize: uint32(len(nameBuf)), nameAddr: uint64(uintptr(unsafe.Pointer(&nameBuf[0]))),
		}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), procmapQueryIoctl, uintptr(unsafe.Pointer(&q)))
		switch {
		case errno == unix.ENOENT:
			return nil
		case errno != 0:
			return fmt.Errorf("PROCMAP_QUERY: %w", errno)
		}
		name := nameBuf[:0]
		if q.nameSize > 0 {
			name = nameBuf[:q.nameSize-1]
		}
		f(&q, name)
	}
}

// textMappings reads the text of maps.
func (s *Scan) textMappings(p *Proc, name string, m *Mapping, sc *scratch, out *Collector) error {
	text, err := p.Dir.ReadFile(name, nil)
	if err != nil {
		return err
	}
	var bad error
	for line := range bytes.Lines(text) {
		shared, err := parseMapsLine(bytes.TrimSuffix(line, []byte("\n")), m)
		if err != nil {
			bad = err // one bad line costs that line
			continue
		}
		if shared {
			s.mapping(m, sc, out)
		}
	}
	return bad
}

// parseMapsLine reads a line of /proc/PID/maps (proc_pid_maps(5)) into m and
// reports whether the mapping is shared.
func parseMapsLine(line []byte, m *Mapping) (bool, error) {
	f := bytes.SplitN(line, []byte(" "), 6)
	if len(f) < 5 || len(f[1]) != 4 {
		return false, fmt.Errorf("maps: %w: %q", ErrMalformed, head(line))
	}
	start, end, ok1 := bytes.Cut(f[0], []byte("-"))
	major, minor, ok2 := bytes.Cut(f[3], []byte(":"))
	var err error
	hex := func(b []byte, base int) uint64 {
		n, e := strconv.ParseUint(string(b), base, 64)
		if e != nil {
			err = e
		}
		return n
	}
	m.Start, m.End, m.Offset = hex(start, 16), hex(end, 16), hex(f[2], 16)
	m.Dev, m.Ino = Dev(uint32(hex(major, 16)), uint32(hex(minor, 16))), hex(f[4], 10)
	m.Perms, m.Name = string(f[1]), nil
	if len(f) == 6 {
		m.Name = bytes.TrimLeft(f[5], " ")
	}
	if err != nil || !ok1 || !ok2 {
		return false, fmt.Errorf("maps: %w: %q", ErrMalformed, head(line))
	}
	return f[1][3] == 's', nil
}
