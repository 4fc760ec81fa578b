package bpf

import (
	_ "embed"
	"errors"
	"sync"

	"github.com/cilium/ebpf/btf"
)

//go:embed programs/task.bpf.o
var taskObject []byte

//go:embed programs/file.bpf.o
var fileObject []byte

//go:embed programs/content.bpf.o
var contentObject []byte

//go:embed programs/watched.bpf.o
var watchedObject []byte

//go:embed programs/sockets.bpf.o
var socketsObject []byte

// Source reads the machine through eBPF iterators. Its methods may be called concurrently.
type Source struct {
	mu           sync.Mutex
	tasks, files *iterator
	mappings     *iterator  // nil: not asked for yet, or it could not be loaded
	noMappings   error      // why it could not be loaded
	types        *btf.Cache // kept until that one is loaded
	contents     *iterator  // nil: not asked for yet, or it could not be loaded
	noContents   error      // why it could not be loaded
	watcher      watcher
	adder        adder
}

// Open loads the programs, which takes some 30 ms of processor time. What it opens stays
// open until [Source.Close]. The error is an [*UnavailableError] wherever the reason is
// known.
func Open() (*Source, error) {
	if err := check(); err != nil {
		return nil, err
	}
	s := &Source{types: btf.NewCache()} // reading the kernel's types takes longer than loading a program
	for _, p := range []struct {
		to     **iterator
		object []byte
		name   string
	}{{&s.tasks, taskObject, "tasks"}, {&s.files, fileObject, "files"}} {
		var err error
		if *p.to, err = load(p.object, p.name, s.types); err != nil {
			s.Close()
			return nil, explain(err)
		}
	}
	return s, nil
}

// Close unloads the programs. Every later read fails with [ErrClosed].
func (s *Source) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range []**iterator{&s.tasks, &s.files, &s.mappings, &s.contents} {
		(*it).close()
		*it = nil
	}
	s.watcher.close()
	s.adder.close()
}

// ErrClosed is returned by a [Source] that was closed.
var ErrClosed = errors.New("the eBPF source is closed")

// use returns one of the iterators, or [ErrClosed].
func (s *Source) use(which func(*Source) *iterator) (*iterator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := which(s); it != nil {
		return it, nil
	}
	return nil, ErrClosed
}

// Owns reports whether a descriptor of the calling process exists only for the source.
func (s *Source) Owns(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tasks.owns(fd) || s.files.owns(fd) || s.mappings.owns(fd) || s.contents.owns(fd) || s.watcher.owns(fd) || s.adder.owns(fd)
}
