package bpf

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// lookup is a program that ipctop runs directly. It shares the memory of the program's map
// with the kernel: it writes the question there, and reads the answer.
type lookup struct {
	mu      sync.Mutex
	closed  bool
	program *ebpf.Program // nil: it is not loaded
	table   *ebpf.Map
	memory  *ebpf.Memory // of table
}

// load loads the only program of an object, and gives its only map room for entries elements.
func (l *lookup) load(object []byte, entries uint32) error {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return fmt.Errorf("read an eBPF program: %w", err)
	}
	for _, table := range spec.Maps {
		table.MaxEntries = entries
	}
	types := btf.NewCache()
	kernel, err := types.Kernel()
	if err != nil {
		return err
	}
	options := ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: kernel}, Cache: types}
	collection, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return fmt.Errorf("load an eBPF program: %w", err)
	}
	for name := range collection.Programs {
		l.program = collection.DetachProgram(name)
	}
	for name := range collection.Maps {
		l.table = collection.DetachMap(name)
	}
	collection.Close()
	if l.memory, err = l.table.Memory(); err != nil {
		l.release()
		return fmt.Errorf("share the memory of an eBPF map: %w", err)
	}
	return nil
}

// ask writes a question into the map's memory, runs the program, and reads the answer.
func (l *lookup) ask(question []byte, context any, answer []byte) error {
	if _, err := l.memory.WriteAt(question, 0); err != nil {
		return fmt.Errorf("write what an eBPF program is asked: %w", err)
	}
	if _, err := l.program.Run(&ebpf.RunOptions{Context: context}); err != nil {
		return fmt.Errorf("run an eBPF program: %w", err)
	}
	if _, err := l.memory.ReadAt(answer, 0); err != nil {
		return fmt.Errorf("read what an eBPF program answers: %w", err)
	}
	return nil
}

func (l *lookup) release() {
	if l.program != nil {
		l.program.Close()
		l.table.Close()
	}
	l.program, l.table, l.memory = nil, nil, nil
}

func (l *lookup) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
	l.closed = true
}

// owns reports whether a descriptor of this process exists only for the program.
func (l *lookup) owns(fd int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.program != nil && (l.program.FD() == fd || l.table.FD() == fd)
}
