package bpf

import "github.com/cilium/ebpf/btf"

// Content identifies what a process has by two numbers: if anything changes, so does the
// number. A number is 0 if it is not known.
type Content struct {
	PID int

	// Held covers the open file of each descriptor, and the number and total size of the
	// mappings. Program covers where the link to the process's program leads.
	Held, Program uint64
}

const contentSize = 24

// Contents calls f for each process of the caller's pid namespace that has memory. It takes
// some 2 µs per process. The program for this is loaded on the first call.
func (s *Source) Contents(f func(c Content)) error {
	it, err := s.contentIterator()
	if err != nil {
		return err
	}
	return it.each(func([]byte) int { return contentSize }, func(record []byte) {
		r := fields{record}
		c := Content{PID: r.int()}
		r.u32()
		if c.Held, c.Program = r.u64(), r.u64(); c.PID != 0 {
			f(c)
		}
	})
}

// contentIterator returns the iterator for Contents. If it could not be loaded once, the same error
// is returned again.
func (s *Source) contentIterator() (*iterator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.tasks == nil:
		return nil, ErrClosed
	case s.contents == nil && s.noContents == nil:
		types := s.types
		if types == nil {
			types = btf.NewCache()
		}
		s.contents, s.noContents = load(contentObject, "contents", types)
	}
	return s.contents, s.noContents
}
