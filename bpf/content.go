package bpf

import "github.com/cilium/ebpf/btf"

// Content stands for what a process has, by numbers that are others as soon as any of it is
// another. They are 0 where that cannot be told.
type Content struct {
	PID int

	// Held is for which open file each of its descriptors has, and for how many mappings its
	// memory has and how large these are. Program is for where the link to its program leads.
	Held, Program uint64
}

const contentSize = 24

// Contents calls f for each process of the caller's pid namespace that has memory: some 2 µs
// each. The program for this is loaded when it is asked for the first time.
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

// contentIterator is the iterator for this. What kept it from being loaded once does so again.
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
