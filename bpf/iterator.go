package bpf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// iterator is a loaded program that the kernel calls for each of its tasks, files or other
// objects when the iterator is read. Programs keep data that is too large for their stack in
// per-processor maps, so only one goroutine at a time reads an iterator.
type iterator struct {
	name       string
	collection *ebpf.Collection
	link       *link.Iter

	mu sync.Mutex
}

// chunk is larger than what one read of an iterator returns at most (fs/seq_file.c and
// kernel/bpf/bpf_iter.c: eight pages), so no record is split.
const chunk = 64 << 10

var chunks = sync.Pool{New: func() any {
	b := make([]byte, chunk)
	return &b
}}

// load loads the program called name from a compiled object.
func load(object []byte, name string, types *btf.Cache) (*iterator, error) {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("read program %s: %w", name, err)
	}
	kernel, err := types.Kernel()
	if err != nil {
		return nil, err
	}
	it := &iterator{name: name}
	options := ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: kernel}, Cache: types}
	if it.collection, err = ebpf.NewCollectionWithOptions(spec, options); err != nil {
		return nil, fmt.Errorf("load program %s: %w", name, err)
	}
	if it.link, err = link.AttachIter(link.IterOptions{Program: it.collection.Programs[name]}); err != nil {
		it.collection.Close()
		return nil, fmt.Errorf("attach program %s: %w", name, err)
	}
	return it, nil
}

func (it *iterator) close() {
	if it != nil {
		it.mu.Lock() // wait for a running read to end
		defer it.mu.Unlock()
		_ = it.link.Close()
		it.collection.Close()
	}
}

// owns reports whether a descriptor of this process is the iterator's.
func (it *iterator) owns(fd int) bool {
	if it == nil {
		return false
	}
	for _, p := range it.collection.Programs {
		if p.FD() == fd {
			return true
		}
	}
	for _, m := range it.collection.Maps {
		if m.FD() == fd {
			return true
		}
	}
	return it.link.FD() == fd
}

// each runs the program and calls f with each of its records. A record is valid until f
// returns. length returns the length of the record at the start of b.
func (it *iterator) each(length func(b []byte) int, f func(record []byte)) error {
	return it.eachAfter(func() error { return nil }, length, f)
}

// eachAfter is like each, but calls before first; no other goroutine runs the program meanwhile.
func (it *iterator) eachAfter(before func() error, length func(b []byte) int, f func(record []byte)) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if err := before(); err != nil {
		return fmt.Errorf("prepare %s: %w", it.name, err)
	}
	r, err := it.link.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", it.name, err)
	}
	defer r.Close()
	return it.read(r, length, f)
}

// read reads the records of an open iterator.
func (it *iterator) read(r io.Reader, length func(b []byte) int, f func(record []byte)) error {
	buf := chunks.Get().(*[]byte)
	defer chunks.Put(buf)
	for {
		n, err := r.Read(*buf)
		for b := (*buf)[:n]; len(b) > 0; {
			size := length(b)
			if size <= 0 || size > len(b) {
				return fmt.Errorf("read %s: %w: a record of %d bytes of which %d are there", it.name, errMalformed, size, len(b))
			}
			f(b[:size])
			b = b[size:]
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR): // the kernel has made many steps without a record
		case err != nil:
			return fmt.Errorf("read %s: %w", it.name, err)
		}
	}
}

// errMalformed says that a program and the Go file of the same name disagree about the record.
var errMalformed = errors.New("malformed record")
