package bpf

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// The objects with the programs that report events.
var (
	//go:embed programs/observer.bpf.o
	observerObject []byte
	//go:embed programs/signal.bpf.o
	signalObject []byte
	//go:embed programs/exit.bpf.o
	exitObject []byte
	//go:embed programs/blocked.bpf.o
	blockedObject []byte
	//go:embed programs/calls.bpf.o
	callsObject []byte
	//go:embed programs/lock.bpf.o
	lockObject []byte
)

// TraceOptions say which events a [Tracer] reports. What they leave out costs next to
// nothing: the kernel does not pass it on.
type TraceOptions struct {
	Signals  uint64        // a bit for each signal, 1<<(n-1)
	Exits    bool          // processes that end
	Over     time.Duration // threads that are woken after having slept at least this long; 0: none
	Waits    bool          // the typical waits of each thread are counted: see [Tracer.Waits]
	Connects bool          // connections of UNIX and Internet sockets
	Passes   bool          // descriptors that are passed from one process to another
	Locks    bool          // locks on files
	Objects  bool          // objects of System V IPC, POSIX queues, files in /dev/shm and FIFOs being made or removed
	PIDs     []int         // only signals, ends and waits that one of these takes part in; nil: all. At most MaxTraced
	Self     bool          // events of the calling process, too
	Urgent   bool          // SIGURG that a process sends to its own threads, which Go's scheduler does all the time
}

// MaxTraced is the largest number of [TraceOptions].PIDs.
const MaxTraced = 4096

// Tracer reports events while they happen. Its programs and what they are attached to
// belong to descriptors, so they end with the process, in whatever way that ends. Only
// [Tracer.Interrupt] and the counts may be called concurrently with another method.
type Tracer struct {
	collections []*ebpf.Collection
	maps        map[string]*ebpf.Map // shared by all programs
	links       []link.Link
	reader      *ringbuf.Reader
	record      ringbuf.Record

	measuring  sync.Mutex
	statistics statistics

	began time.Time // the time of day when the kernel's clock was ns
	ns    uint64
}

// tracedObject is a compiled object, with the raw tracepoints of its programs, the
// values of its constants, and the number of entries of its maps.
type tracedObject struct {
	object    []byte
	at        map[string]string // by program
	variables map[string]any
	room      map[string]uint32
}

// OpenTracer loads and attaches the programs that are asked for. The error is an
// [*UnavailableError] if the reason is known.
func OpenTracer(o TraceOptions) (*Tracer, error) {
	if err := check(); err != nil {
		return nil, err
	}
	types, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, explain(err)
	}
	t := &Tracer{maps: map[string]*ebpf.Map{}}
	if err := t.open(o, types); err != nil {
		t.Close()
		return nil, explain(err)
	}
	return t, nil
}

func (t *Tracer) open(o TraceOptions, types *btf.Spec) error {
	objects := o.objects()
	if object, ok := o.uring(types); ok {
		objects = append(objects, object)
	}
	if o.Exits {
		objects = append(objects, exits(types))
	}
	for _, object := range append([]tracedObject{{object: observerObject}}, objects...) {
		if err := t.load(object, types); err != nil {
			return err
		}
	}
	if err := t.observe(o); err != nil {
		return err
	}
	var err error
	if t.reader, err = ringbuf.NewReader(t.maps["events"]); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	for _, object := range objects {
		for _, program := range inOrder(object.at) {
			tracepoint := object.at[program]
			if err := t.attach(t.program(program), tracepoint); err != nil {
				return fmt.Errorf("attach to %s: %w", tracepoint, err)
			}
		}
	}
	return nil
}

// inOrder returns the programs in the order in which they are attached. Programs for
// the end of an interrupt come first: otherwise an interrupt that begins and ends
// meanwhile would seem never to end.
func inOrder(at map[string]string) []string {
	return slices.SortedFunc(maps.Keys(at), func(a, b string) int {
		first := func(name string) int {
			if strings.HasSuffix(name, "_ends") {
				return 0
			}
			return 1
		}
		return cmp.Or(first(a)-first(b), strings.Compare(a, b))
	})
}

// objects returns the objects that the options ask for and that are the same for all kernels.
func (o *TraceOptions) objects() (list []tracedObject) {
	if o.Signals != 0 {
		list = append(list, tracedObject{object: signalObject, at: map[string]string{
			"signal_sent": "signal_generate", "signal_taken": "signal_deliver", "oom_victim": "mark_victim",
		}})
	}
	if o.Over > 0 || o.Waits {
		counted, room := uint32(0), uint32(1)
		if o.Waits {
			counted, room = 1, maxWaits
		}
		variables, sizes := map[string]any{"counted": counted}, map[string]uint32{"waits": room}
		list = append(list, tracedObject{object: blockedObject, variables: variables, room: sizes, at: map[string]string{
			"switched": "sched_switch", "woken": "sched_waking", "timer_begins": "hrtimer_expire_entry", "timer_ends": "hrtimer_expire_exit",
			"old_timer_begins": "timer_expire_entry", "old_timer_ends": "timer_expire_exit", "interrupt_begins": "irq_handler_entry",
			"interrupt_ends": "irq_handler_exit", "later_begins": "softirq_entry", "later_ends": "softirq_exit",
		}})
	}
	if o.Locks {
		list = append(list, tracedObject{
			object: lockObject, at: map[string]string{
				"flock_attempt": "flock_lock_inode", "posix_attempt": "posix_lock_inode", "wait_interrupted": "signal_deliver",
				"lease_asked": "generic_add_lease", "lease_given_up": "generic_delete_lease", "lease_in_the_way": "break_lease_block",
				"lease_refuses": "break_lease_noblock", "lease_wait_over": "break_lease_unblock", "lease_overdue": "time_out_leases",
			},
		})
	}
	if o.calls() {
		at := map[string]string{"call_returned": "sys_exit"}
		if o.Objects {
			at["call_begins"] = "sys_enter"
		}
		list = append(list, tracedObject{object: callsObject, at: at, variables: o.callVariables()})
	}
	return list
}

// attach attaches a program to a raw tracepoint.
func (t *Tracer) attach(p *ebpf.Program, tracepoint string) error {
	var l link.Link
	var err error
	if p.Type() == ebpf.Tracing { // it gets the arguments with their types
		l, err = link.AttachTracing(link.TracingOptions{Program: p})
	} else {
		l, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: tracepoint, Program: p})
	}
	if err == nil {
		t.links = append(t.links, l)
	}
	return err
}

// load loads an object. It shares the maps of the objects before it.
func (t *Tracer) load(o tracedObject, types *btf.Spec) error {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(o.object))
	if err != nil {
		return fmt.Errorf("read programs: %w", err)
	}
	for name, value := range o.variables {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	for name := range spec.Programs {
		if o.at != nil && o.at[name] == "" { // it may not be for this kernel
			delete(spec.Programs, name)
		}
	}
	for name, n := range o.room {
		spec.Maps[name].MaxEntries = n
	}
	shared := map[string]*ebpf.Map{} // replacing a map that the object does not have would be an error
	for name, m := range t.maps {
		if spec.Maps[name] != nil {
			shared[name] = m
		}
	}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{KernelTypes: types}, MapReplacements: shared,
	})
	if err != nil {
		return fmt.Errorf("load programs: %w", err)
	}
	t.collections = append(t.collections, c)
	for name, m := range c.Maps {
		if t.maps[name] == nil && !strings.HasPrefix(name, ".") { // .rodata belongs to one object
			t.maps[name] = m
		}
	}
	return nil
}

func (t *Tracer) program(name string) *ebpf.Program {
	for _, c := range t.collections {
		if p := c.Programs[name]; p != nil {
			return p
		}
	}
	return nil
}

// settings is struct settings of programs/trace.h.
type settings struct {
	NS                                  uint64
	Level, _                            uint32
	BootOffset, Now, Own, Signals, Over uint64
	ByProcess, NoSelf, Urgent, _        uint32
}

// observe tells the programs what to look for, and in which pid namespace numbers are.
func (t *Tracer) observe(o TraceOptions) error {
	if len(o.PIDs) > MaxTraced {
		return fmt.Errorf("%d processes are too many: at most %d can be selected", len(o.PIDs), MaxTraced)
	}
	for _, pid := range o.PIDs {
		if err := t.maps["chosen"].Put(uint32(pid), uint32(1)); err != nil {
			return fmt.Errorf("choose process %d: %w", pid, err)
		}
	}
	s := settings{Signals: o.Signals, Over: uint64(o.Over)}
	if o.Urgent {
		s.Urgent = 1
	}
	if o.PIDs != nil {
		s.ByProcess = 1
	}
	if !o.Self {
		s.NoSelf = 1
	}
	if err := t.maps["settings"].Put(uint32(0), s); err != nil {
		return fmt.Errorf("pass settings: %w", err)
	}
	if _, err := t.program("observer").Run(&ebpf.RunOptions{}); err != nil {
		return fmt.Errorf("run the program that takes the view: %w", err)
	}
	t.began = time.Now()
	if err := t.maps["settings"].Lookup(uint32(0), &s); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if s.NS == 0 {
		return errors.New("the program that takes the view did not run")
	}
	t.ns = s.Now
	return nil
}

// Next waits for the next event until deadline. The error is [os.ErrDeadlineExceeded] if there was none, and
// [os.ErrClosed] if the tracer was closed. The result is a [*Signal], [*Exit], [*Blocked], [*Connection],
// [*Passed], [*Lock], [*LockWaitEnded], [*RobustEnded] or [*Existence].
func (t *Tracer) Next(deadline time.Time) (any, error) {
	t.reader.SetDeadline(deadline)
	switch err := t.reader.ReadInto(&t.record); {
	case errors.Is(err, ringbuf.ErrFlushed):
		return nil, os.ErrDeadlineExceeded
	case err != nil:
		return nil, err
	}
	b := t.record.RawSample
	if len(b) < 12 {
		return nil, fmt.Errorf("read events: %w: %d bytes", errMalformed, len(b))
	}
	kind := binary.LittleEndian.Uint32(b[8:])
	switch {
	case kind <= oomVictim && len(b) == signalSize:
		return t.parseSignal(b), nil
	case kind == processEnded && len(b) == exitSize:
		return t.parseExit(b), nil
	case kind == threadWoken && len(b) == blockedSize:
		return t.parseBlocked(b), nil
	case (kind == callConnected || kind == callAccepted) && len(b) == connectionSize:
		return t.parseConnection(b), nil
	case kind == descriptorsPassed && len(b) == passedSize:
		return t.parsePassed(b), nil
	case (kind == lockAttempted || kind == leaseChanged) && len(b) == lockSize:
		return t.parseLock(b), nil
	case kind == lockWaitEnded && len(b) == lockWaitEndedSize:
		return t.parseLockWaitEnded(b), nil
	case kind == robustEnded && len(b) == robustSize:
		return t.parseRobust(b), nil
	case kind == objectMade && len(b) == madeSize:
		return t.parseExistence(b), nil
	}
	return nil, fmt.Errorf("read events: %w: kind %d with %d bytes", errMalformed, kind, len(b))
}

// Interrupt makes a waiting [Tracer.Next] return if there are no more events.
func (t *Tracer) Interrupt() { _ = t.reader.Flush() }

// Lost returns for how many events there was no room until now. It may be called at any time.
func (t *Tracer) Lost() uint64 { return t.count(0) }

// LeftOut returns how many signals were left out because [TraceOptions.Urgent] does not
// ask for them. It may be called at any time.
func (t *Tracer) LeftOut() uint64 { return t.count(1) }

func (t *Tracer) count(element uint32) uint64 {
	var n uint64
	_ = t.maps["counts"].Lookup(element, &n) // the map always has its elements
	return n
}

// Close detaches the programs.
func (t *Tracer) Close() {
	_ = t.MeasureCost(false)
	for _, l := range t.links {
		_ = l.Close()
	}
	if t.reader != nil {
		_ = t.reader.Close()
	}
	for _, c := range t.collections {
		c.Close()
	}
}

// clock converts a time of the kernel's clock to the time of day.
func (t *Tracer) clock(ns uint64) time.Time {
	return t.began.Add(time.Duration(ns - t.ns)).Round(0)
}

// Party is a thread that takes part in an event. Numbers are those of the reader's pid
// namespace, 0 for a thread that is not in it.
type Party struct {
	PID, TID   int
	StartTicks uint64 // of the process, in clock ticks since boot
	UID        uint32 // effective user id
	SID        int    // session
	InnerPID   int    // of the process in its own pid namespace
	Comm       string // command name of the process, at most 15 bytes
	Kernel     bool   // it is a thread of the kernel
	Exiting    bool
}

// include/linux/sched.h
const exiting = 0x4 // PF_EXITING

func (f *fields) party() Party {
	p := Party{PID: f.int(), TID: f.int(), StartTicks: f.u64() / (1e9 / clockTicks), UID: f.u32()}
	flags := f.u32()
	p.Kernel, p.Exiting = flags&kernelThread != 0, flags&exiting != 0
	p.SID, p.InnerPID = f.int(), f.int()
	comm, _, _ := bytes.Cut(f.bytes(16), []byte{0})
	p.Comm = string(comm)
	return p
}

// Behind is a file that an event is about.
type Behind struct {
	Mode                   uint32 // file type and permissions; 0: no file, or not known
	DevMajor, DevMinor     uint32 // of the file system
	RdevMajor, RdevMinor   uint32 // of the device that it represents
	Family, Type, Protocol uint32 // of a socket
	Magic                  uint64 // of its file system
	Ino                    uint64
}

func (f *fields) behind() Behind {
	b := Behind{Mode: f.u32()}
	b.DevMajor, b.DevMinor = f.dev()
	b.RdevMajor, b.RdevMinor = f.dev()
	b.Family, b.Type, b.Protocol = f.u32(), f.u32(), f.u32()
	b.Magic, b.Ino = f.u64(), f.u64()
	return b
}
