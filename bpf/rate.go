package bpf

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

//go:embed programs/rate.bpf.o
var rateObject []byte

// Counter counts what goes through channels, from [Count] on until it is closed or the process
// ends, in whatever way: the kernel detaches the programs with the last descriptor. Meanwhile
// calls that carry data take a tenth of a microsecond or two longer; without
// [Counter.Functions], all calls do. Its methods may be called concurrently.
type Counter struct {
	// Requests says that what io_uring carries is counted, too (Linux 5.19).
	Requests bool
	// Functions says that calls are counted at the functions that carry data, see
	// [TryFunctions]: then only these calls take longer, and no call hides others.
	Functions bool

	mu         sync.Mutex
	collection *ebpf.Collection
	links      []link.Link
	statistics statistics
	leaving    []place // see [Counter.Forget]
}

// ChannelType says what a channel is.
type ChannelType uint32

// The types of channels, with the numbers of rate.bpf.c.
const (
	FileChannel    ChannelType = 1 + iota // a pipe, FIFO or socket: Scope is the device of its file system, Number the inode
	TerminalMaster                        // Scope is the device of its devpts, Number its index
	TerminalSlave
	EventfdChannel // Number is its identity, as in [EventfdState]
	SysVQueue      // Scope is the inode number of the IPC namespace, Number the id
	SysVSemaphores
	FutexWord  // Number is the address
	PosixQueue // Scope and Number are as for a FileChannel
)

// Traffic is what one process sent and received through one channel since counting began.
type Traffic struct {
	PID        int // 0: not in the caller's pid namespace
	StartTicks uint64
	Comm       string // of the process's main thread
	Type       ChannelType
	Scope      uint64 // a device has its major number in the upper 32 bits, as file systems have it
	Number     uint64
	Mode       uint32 // for a FileChannel: the type of the file, as in stat(2)

	// Calls counts calls that carried something; for semaphores and futexes, all calls.
	// For these and for eventfds, Bytes is 0. A thread that wakes sends to a futex, a
	// thread that waits receives from it.
	SentBytes, SentCalls, ReceivedBytes, ReceivedCalls uint64
}

// tables are the maps that the programs count in.
var tables = [...]string{"channels", "futexes"}

// Count begins to count. The error is an [*UnavailableError] if the reason is known.
func Count() (*Counter, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var own unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &own); err != nil {
		return nil, fmt.Errorf("stat /proc/self/ns/pid: %w", err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(rateObject))
	if err != nil {
		return nil, fmt.Errorf("read program rate: %w", err)
	}
	for name, value := range map[string]any{"calls": newCallTable(), "reader_namespace": uint32(own.Ino)} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("program rate: %s: %w", name, err)
		}
	}
	types, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, explain(err)
	}
	ofRing := ringProgram(types)
	if p, err := loadForFunction(); err == nil {
		_ = p.Close()
		if c, err := loadCounter(spec, types, ofRing, true); err == nil {
			return c, nil
		}
	}
	c, err := loadCounter(spec, types, ofRing, false)
	if err != nil && ofRing != "" {
		c, err = loadCounter(spec, types, "", false)
	}
	if err != nil {
		return nil, explain(err)
	}
	return c, nil
}

// loadCounter loads and attaches the program that counts what io_uring does, unless
// ofRing is "". It also loads and attaches the programs for the functions that carry
// data, or else the one for the end of all system calls.
func loadCounter(all *ebpf.CollectionSpec, types *btf.Spec, ofRing string, functions bool) (*Counter, error) {
	spec := all.Copy()
	for name := range spec.Programs {
		if strings.HasPrefix(name, "request_completed") && name != ofRing ||
			strings.HasPrefix(name, ofFunctions) && !functions || name == "call_returned" && functions {
			delete(spec.Programs, name)
		}
	}
	if functions {
		if err := chooseFunctions(spec, types); err != nil {
			return nil, err
		}
	}
	c := &Counter{Requests: ofRing != "", Functions: functions}
	var err error
	if c.collection, err = ebpf.NewCollection(spec); err != nil {
		return nil, fmt.Errorf("load program rate: %w", err)
	}
	if err := c.attach(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Counter) attach() error {
	for name, p := range c.collection.Programs {
		l, err := link.AttachTracing(link.TracingOptions{Program: p})
		if err != nil {
			return fmt.Errorf("attach program %s: %w", name, err)
		}
		c.links = append(c.links, l)
	}
	if !c.Functions {
		return nil
	}
	return c.checkFunctions()
}

// ringProgram returns the program that counts what io_uring does in this kernel, "" if
// there is none: the arguments of the tracepoint have changed.
func ringProgram(types *btf.Spec) string {
	switch arguments(types, "io_uring_complete") {
	case 3:
		return "request_completed"
	case 7:
		return "request_completed_before_6_13"
	}
	return ""
}

// Close ends the counting.
func (c *Counter) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.statistics.set(false)
	for _, l := range c.links {
		_ = l.Close()
	}
	c.links = nil
	if c.collection != nil {
		c.collection.Close()
		c.collection = nil
	}
}

// Lost returns what was not counted since counting began. missed are calls for which
// there was no room (some 16,000 channels of processes, 4,000 futexes), or at which the
// kernel skipped a program, as it does if the same program is running on that processor.
// hidden are calls that multiplex others (of 32-bit programs: socketcall(2), ipc(2)).
func (c *Counter) Lost() (missed, hidden uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collection == nil {
		return 0, 0, ErrClosed
	}
	for name, to := range map[string]*uint64{"lost": &missed, "uncounted": &hidden} {
		if err := c.collection.Variables[name].Get(to); err != nil {
			return 0, 0, fmt.Errorf("read %s: %w", name, err)
		}
	}
	for name, p := range c.collection.Programs {
		stats, err := p.Stats()
		if err != nil {
			return 0, 0, fmt.Errorf("find out how often program %s was skipped: %w", name, err)
		}
		missed += stats.RecursionMisses
	}
	return missed, hidden, nil
}

// Owns reports whether a descriptor of the calling process exists only for counting.
func (c *Counter) Owns(fd int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collection == nil {
		return false
	}
	for _, p := range c.collection.Programs {
		if p.FD() == fd {
			return true
		}
	}
	for _, m := range c.collection.Maps {
		if m.FD() == fd {
			return true
		}
	}
	for _, l := range c.links {
		if l, ok := l.(interface{ FD() int }); ok && l.FD() == fd {
			return true
		}
	}
	s, ok := c.statistics.descriptor.(interface{ Int() int })
	return ok && s.Int() == fd
}
