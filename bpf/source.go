package bpf

import (
	_ "embed"
	"errors"
	"sync"

	"github.com/cilium/ebpf/btf"
)

//go:embed programs/task.bpf.o
var taskObject []byte

// Source reads the machine through eBPF iterators. Its methods may be called at the
// same time.
type Source struct {
	mu    sync.Mutex
	tasks *iterator
}

// Open loads the programs, which takes some 20 ms of processor time. What it opens stays
// open until [Source.Close]. The error is an [*UnavailableError] wherever the reason is
// known.
func Open() (*Source, error) {
	if err := check(); err != nil {
		return nil, err
	}
	types, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, explain(err)
	}
	s := &Source{}
	if s.tasks, err = load(taskObject, "tasks", types); err != nil {
		return nil, explain(err)
	}
	return s, nil
}

// Close gives up the programs. Every later read fails with [ErrClosed].
func (s *Source) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks.close()
	s.tasks = nil
}

// ErrClosed is returned by a [Source] that was closed.
var ErrClosed = errors.New("the eBPF source is closed")

// use is one of the iterators, as long as the source is open.
func (s *Source) use(which func(*Source) *iterator) (*iterator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := which(s); it != nil {
		return it, nil
	}
	return nil, ErrClosed
}
